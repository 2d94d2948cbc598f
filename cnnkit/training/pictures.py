"""The pictures of a finished run, in TensorBoard and in its report."""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np

from cnnkit import report
from cnnkit.data.dataset import Dataset
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.experiment.experiment import Experiment
from cnnkit.explain import figures
from cnnkit.runs import Run
from cnnkit.tensorboard.film import film_frames
from cnnkit.tensorboard.log import TensorBoardCallback
from cnnkit.training.deployment import first_filters
from cnnkit.training.loop import TrainingResult


def show_results(
    run: Run,
    experiment: Experiment,
    result: TrainingResult,
    evaluation: Evaluation | MultiLabelEvaluation | None,
    log: TensorBoardCallback,
) -> None:
    """Draw what is known of a trained model, for TensorBoard and for the report.

    Args:
        run: The run folder, to which report.html is written.
        experiment: What was trained.
        result: The trained model.
        evaluation: Of the test split; None leaves out all that needs it.
        log: What TensorBoard shows.
    """
    data, filters = experiment.data, first_filters(result.model)
    if evaluation is None:
        report.write(run, None, filters=filters)
        return
    images = data.test.inputs if len(data.image_shape) == 3 else None
    log.show_results(evaluation, images, filters)
    explained = experiment.explain is not None
    explanations = _explanations(result, data, evaluation, closely=explained)
    if explanations and explanations.walk and explanations.responses is not None:
        walk = figures.walkthrough(explanations.walk, data.class_names)
        log.show_figure("test/walkthrough", walk)
        changed = figures.robustness({result.model.name: explanations.responses})
        log.show_figure("test/robustness", changed)
    film = _film(run.folder / "tensorboard" / "explain") if explained else None
    report.write(
        run, evaluation, images=images, filters=filters, explanations=explanations, film=film
    )


def _explanations(
    result: TrainingResult,
    data: Dataset,
    evaluation: Evaluation | MultiLabelEvaluation,
    *,
    closely: bool,
) -> report.Explanations | None:
    """Return what the network looks at; None where that cannot be shown."""
    if len(data.image_shape) != 3 or not data.task.explains_answers:
        return None
    explain = functools.partial(report.explain_samples, closely=closely, head=result.head)
    return _or_none(
        "what the network looks at",
        lambda: explain(result.model, data, cast(Evaluation, evaluation)),
    )


def _film(folder: Path) -> dict[int, np.ndarray] | None:
    """Return what `Experiment.explain` drew, by epoch."""
    return _or_none("the film", lambda: film_frames(folder))


def _or_none(shown: str, make: Callable):
    try:
        return make()
    except Exception as error:  # a trained network must not be lost for a picture of it
        message = f"The report leaves out {shown}: {type(error).__name__}: {error}"
        warnings.warn(message, stacklevel=2)
        return None
