"""The pictures of a finished run, in TensorBoard and in its report."""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnkit import report
from cnnkit.callbacks.explain import Explain
from cnnkit.data.dataset import Dataset
from cnnkit.evaluation import Evaluation
from cnnkit.experiment.experiment import Experiment
from cnnkit.explain import figures
from cnnkit.runs import Run
from cnnkit.tensorboard.film import frames
from cnnkit.tensorboard.log import TensorBoardLog
from cnnkit.training.deployment import first_filters
from cnnkit.training.loop import TrainingResult


def show_results(
    run: Run,
    experiment: Experiment,
    result: TrainingResult,
    evaluation: Evaluation,
    log: TensorBoardLog,
) -> None:
    """Draw what is known of a trained model, for TensorBoard and for the report.

    Args:
        run: The run folder, to which report.html is written.
        experiment: What was trained.
        result: The trained model.
        evaluation: Of the test split.
        log: What TensorBoard shows.
    """
    data = experiment.data
    images = data.test.inputs if len(data.image_shape) == 3 else None
    filters = first_filters(experiment.network)
    log.show_results(evaluation, images, filters)
    explained = [each for each in experiment.callbacks if isinstance(each, Explain)]
    views = _views(result, data, evaluation, closely=bool(explained))
    if views and views.walk:
        walk = figures.walkthrough(views.walk, data.class_names)
        log.show_figure("test/walkthrough", walk)
        changed = figures.robustness({result.model.name: views.responses})
        log.show_figure("test/robustness", changed)
    film = _film(explained[0].folder) if explained else None
    report.write(run, evaluation, images, filters, views, film)


def _views(
    result: TrainingResult, data: Dataset, evaluation: Evaluation, closely: bool
) -> report.Views | None:
    """Return what the network looks at; None where that cannot be shown."""
    if len(data.image_shape) != 3 or data.multi_label:
        return None
    look = functools.partial(report.look, closely=closely, head=result.head)
    return _or_none("what the network looks at", lambda: look(result.model, data, evaluation))


def _film(folder: Path) -> dict[int, np.ndarray] | None:
    """Return what the callback Explain drew, by epoch."""
    return _or_none("the film", lambda: frames(folder))


def _or_none(shown: str, make: Callable):
    try:
        return make()
    except Exception as error:  # a trained network must not be lost for a picture of it
        message = f"The report leaves out {shown}: {type(error).__name__}: {error}"
        warnings.warn(message, stacklevel=2)
        return None
