"""Evaluate a trained model on labelled samples."""

import dataclasses
import os

import numpy as np

from cnnkit.data.dataset import Dataset
from cnnkit.deploy.labelled import LabelledSamples, labelled_samples
from cnnkit.deploy.prediction import BATCH, predictions
from cnnkit.deploy.sources import find_source
from cnnkit.deploy.trained_model import TrainedModel, open_trained_model
from cnnkit.errors import BadFilesError, SettingError
from cnnkit.evaluation import measure
from cnnkit.evaluation.augmentation import test_time_augmentation
from cnnkit.evaluation.evaluated import ClassMatch, Evaluated, match_classes
from cnnkit.evaluation.intervals import RESAMPLES
from cnnkit.experiment.rebuild import dataset_of
from cnnkit.runs.run import Run

SPLITS = ("train", "validation", "test")
SHIFT = 16  # pictures move by this part of their shorter side


def evaluate(
    source,
    dataset: str | os.PathLike | Dataset | None = None,
    *,
    split: str = "test",
    views: bool = False,
    batch_size: int = BATCH,
    skip_bad: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    trust: bool = False,
    runs_dir: str | os.PathLike = "runs",
) -> Evaluated:
    """Measure what a trained model is worth on labelled samples.

    Only a batch of samples is in memory at a time, and the predictions of all.

    Args:
        source: A TrainedModel, or what `open_trained_model` takes: a run, a .keras file, ...
        dataset: The name of a data set; a folder or table of files, which become inputs as those of
            the run's training did; or a Dataset. None is the run's own.
        split: "train", "validation" or "test". Of a folder or table without splits, all samples
            count.
        views: Whether to average over each picture, its mirror image, and both moved up, down, left
            and right by a sixteenth (Krizhevsky et al. 2012).
        batch_size: How many samples are computed together.
        skip_bad: Leave out files that cannot be read; `Evaluated.bad` names them.
        resamples: How often the bootstrap draws for an interval.
        seed: What it draws from.
        trust: As of `open_trained_model`.
        runs_dir: The folder that holds the runs.

    Returns:
        The Evaluated: measures with 95 % intervals, and which classes match by name.

    Raises:
        SettingError: The data have no such split, no class of the model, or other inputs.
        BadFilesError: Files cannot be read, and `skip_bad` is False; all of them are named.
        CnnkitError: The model or the data cannot be opened.
    """
    if split not in SPLITS:
        raise SettingError(f"split is {', '.join(SPLITS[:-1])} or {SPLITS[-1]}, not {split!r}.")
    if not isinstance(source, Run | TrainedModel) and isinstance(source, str | os.PathLike):
        source = find_source(source, runs_dir)
    if dataset is None:
        if not isinstance(source, Run):
            raise SettingError("A model that is no run needs a dataset to be evaluated on.")
        dataset = dataset_of(Run(source.folder, trust=True) if trust else source)
    is_open = isinstance(source, TrainedModel)
    trained = source if is_open else open_trained_model(source, trust=trust)
    samples = labelled_samples(dataset, split, trained)
    words = ""
    if views:
        trained, words = _with_views(trained)
    match = match_classes(samples.class_names, trained.class_names, trained.class_ids)
    kept, left_out = _known(samples, match, trained)
    labels, chances, bad = _predicted(trained, kept, match, batch_size, skip_bad)
    measures = measure(labels, chances, trained.class_names, resamples=resamples, seed=seed)
    return Evaluated(
        trained.name, samples.name, samples.split, words, measures, match, left_out, bad
    )


def _with_views(trained: TrainedModel) -> tuple[TrainedModel, str]:
    if trained.inputs.kind != "picture":
        raise SettingError(f"Views need pictures, and {trained.name} takes {trained.inputs.kind}s.")
    sides = [side for side in trained.inputs.shape[:2] if side is not None]
    shift = max(1, round(min(sides) / SHIFT))
    model = test_time_augmentation(trained.model, flip=True, shift=shift)
    words = f"mirror image, and shifts by {shift} pixel{'s' * (shift > 1)}"
    return dataclasses.replace(trained, model=model), words


def _known(
    samples: LabelledSamples, match: ClassMatch, trained: TrainedModel
) -> tuple[LabelledSamples, int]:
    """Return the samples whose classes the model knows, and how many others there are."""
    if all(place is None for place in match.pairs):
        raise SettingError(
            f"No class of {samples.name!r} ({', '.join(samples.class_names[:5])}, ...) is one of "
            f"{trained.name} ({', '.join(trained.class_names[:5])}, ...): name the folders like "
            "the model's classes."
        )
    is_known = np.array([place is not None for place in match.pairs])
    if samples.labels.ndim == 2:
        return samples, 0  # a sample stays, with the classes that are known
    kept = is_known[samples.labels]
    if kept.all():
        return samples, 0
    if not kept.any():
        raise SettingError(f"No sample of {samples.name!r} has a class that the model knows.")
    return samples.only(kept), int((~kept).sum())


def _predicted(
    trained: TrainedModel, samples: LabelledSamples, match: ClassMatch, batch_size: int,
    skip_bad: bool,
) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:  # fmt: skip
    """Return labels by the model's classes, probabilities, and why files are bad, by name."""
    rows, good, bad = [], [], {}
    for place, each in enumerate(predictions(trained, samples.sources(), batch_size=batch_size)):
        if each.problem:
            bad[each.source] = each.problem
        else:
            good.append(place)
            rows.append(each.probabilities)
    if bad and not skip_bad:
        raise BadFilesError(
            f"{len(bad)} of the files of {samples.name!r} cannot be read; mend them, move them "
            "away, or leave them out (--skip-bad, or skip_bad=True):",
            bad,
        )
    if not rows:
        raise SettingError(f"No file of {samples.name!r} can be read.")
    labels = trained.task.labels_among(samples.labels[good], match.pairs, len(trained.class_names))
    return labels, np.stack(rows), bad
