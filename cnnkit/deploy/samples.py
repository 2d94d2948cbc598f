"""The samples by which an export is calibrated and checked: real ones where there are any."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit import data
from cnnkit.data.dataset import Dataset, Split
from cnnkit.deploy.inputs import PictureInput
from cnnkit.deploy.trained_model import TrainedModel
from cnnkit.errors import CnnkitError, SettingError
from cnnkit.evaluation.evaluated import match_classes
from cnnkit.experiment.rebuild import dataset_of
from cnnkit.random_streams import Purpose, random_generator
from cnnkit.runs.run import Run

NOISE = 64  # samples, where there are no real ones


@dataclass(frozen=True)
class Samples:
    """Inputs of a model.

    Attributes:
        inputs: As stored, shape (samples, ...); a model takes them as float32.
        labels: As a Split has them, in the model's classes; None for noise.
        origin: Where they come from, in words.
    """

    inputs: np.ndarray
    labels: np.ndarray | None
    origin: str


def data_for(
    source: object,
    trained: TrainedModel,
    dataset: Dataset | str | os.PathLike | None,
    options: Mapping,
) -> Dataset | None:
    """Return the data set by which an export is calibrated and checked.

    Args:
        source: A Run, or anything else.
        trained: The model.
        dataset: A Dataset, or the name or folder of one; None for the run's own.
        options: Options of the data set's loader.

    Returns:
        The Dataset; None where there is neither a run nor a data set.

    Raises:
        SettingError: Its samples or classes are not those of the model, or the run's data are gone.
    """
    if dataset is None:
        if not isinstance(source, Run):
            return None
        try:
            found = dataset_of(source)
        except CnnkitError as error:
            raise SettingError(
                f"{source.name} is exported only after a look at real samples, and its own are not to "
                f"be had: {error} Name a --dataset."
            ) from error
    elif isinstance(dataset, Dataset):
        found = dataset
    else:
        found = data.load(os.fspath(dataset), **{**_decoding(trained, dataset), **options})
    if found.image_shape != tuple(trained.inputs.shape):
        raise SettingError(
            f"{trained.name} takes inputs of shape {tuple(trained.inputs.shape)}, and those of "
            f"{found.name!r} have {found.image_shape}: name data of that shape."
        )
    return found


def named_by(dataset: Dataset | None, trained: TrainedModel) -> TrainedModel:
    """Return a model whose classes have names, if it has only numbers and a data set has the names.

    Args:
        dataset: What `data_for` returns.
        trained: The model.

    Raises:
        SettingError: The data set has a class that the model does not know.
    """
    if dataset is None:
        return trained
    numbers = tuple(map(str, range(dataset.num_classes)))
    if trained.class_names == numbers:
        return dataclasses.replace(trained, class_names=dataset.class_names)
    _class_numbers(trained, dataset)
    return trained


def check_samples(dataset: Dataset | None, trained: TrainedModel, count: int) -> Samples:
    """Return samples of the test split, evenly spaced; noise where there is no data set.

    Args:
        dataset: What `data_for` returns.
        trained: The model.
        count: How many, at most.
    """
    if dataset is None:
        shape: tuple = (NOISE, *trained.inputs.shape)
        noise = random_generator(0, Purpose.EXPORT_NOISE).random(shape)
        low, high = getattr(trained.inputs, "value_range", (0, 1))
        scaled = (low + (high - low) * noise).astype(np.float32)
        return Samples(scaled, None, f"{NOISE} inputs of noise, as no data set is named")
    chosen = _evenly(dataset.test, count)
    numbers = _class_numbers(trained, dataset)
    labels = trained.task.labels_among(
        dataset.test.labels[chosen], numbers, len(trained.class_names)
    )
    words = f"{len(chosen):,} test samples of {dataset.name}"
    return Samples(np.asarray(dataset.test.inputs[chosen]), labels, words)


def calibration_inputs(dataset: Dataset | None, count: int) -> np.ndarray:
    """Return training inputs, evenly spaced over the split.

    Args:
        dataset: What `data_for` returns.
        count: How many, at most.

    Returns:
        float32, shape (samples, ...).

    Raises:
        SettingError: There is no data set.
    """
    if dataset is None:
        raise SettingError(
            "int8 is calibrated on training pictures: name a --dataset, or export in float16."
        )
    chosen = _evenly(dataset.train, count)
    return np.asarray(dataset.train.inputs[chosen], np.float32)


def _evenly(split: Split, count: int) -> np.ndarray:
    return np.unique(np.linspace(0, len(split) - 1, min(count, len(split))).round().astype(int))


def _decoding(trained: TrainedModel, dataset: str | os.PathLike) -> dict:
    """Return options by which a folder of pictures gives inputs of the model."""
    if not isinstance(trained.inputs, PictureInput) or not Path(dataset).exists():
        return {}
    inputs = trained.inputs
    return {"image_size": inputs.image_size, "channels": inputs.channels, "fit": inputs.fit}


def _class_numbers(trained: TrainedModel, dataset: Dataset) -> tuple[int | None, ...]:
    """Return the model's number of each class of a data set; all of them have one."""
    match = match_classes(dataset.class_names, trained.class_names, trained.class_ids)
    if match.unknown:
        raise SettingError(
            f"{trained.name} knows no class {match.unknown[0]!r}, which {dataset.name!r} has; its "
            f"classes are {', '.join(trained.class_names[:10])}."
        )
    return match.pairs
