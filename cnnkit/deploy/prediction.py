"""Predict: what a trained model says of files and arrays, any number of them in bounded memory."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from cnnkit.data.files.stream import decoded_batches, files_below
from cnnkit.data.images.decode import display, read
from cnnkit.deploy.inputs import Inputs
from cnnkit.deploy.trained_model import TrainedModel, open_trained_model
from cnnkit.errors import BadFile, BadFilesError, SettingError
from cnnkit.evaluation.tasks import Task
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.settings import expect_counts
from cnnkit.transfer.batch_norm_fusion import fuse_batch_norm

BATCH = 32


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of one input.

    Attributes:
        source: The file's name; "" for an array.
        probabilities: Shape (classes,), float32; shape (0,) for a file that cannot be read.
        class_names: A name a class.
        task: Whether one class is right, or any number of them.
        problem: Why the file cannot be read, such as "is empty"; "" if it can.
    """

    source: str
    probabilities: np.ndarray
    class_names: tuple[str, ...]
    task: Task
    problem: str = ""

    def __repr__(self) -> str:
        words = ", ".join(f"{label} {chance:.2%}" for label, chance in self.answers())
        return f"<Prediction {self.source!r}: {self.problem or words or 'no class'}>"

    @property
    def label(self) -> str:
        """The class that is named; several are separated by commas, and "" stands for none."""
        return ", ".join(label for label, _ in self.answers())

    def answers(self, threshold: float | None = None) -> list[tuple[str, float]]:
        """Return the classes that are named: the most probable one; or all that are likely enough.

        Args:
            threshold: The least probability of an answer, from 0 to 1. None takes the most probable
                class; where a sample may have several classes, those above one half.

        Returns:
            (class name, probability), the most probable first.
        """
        return [] if self.problem else self._named(self.task.answers(self.probabilities, threshold))

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """Return the most probable classes.

        Args:
            count: How many.

        Returns:
            (class name, probability), the most probable first.
        """
        return self._named(np.argsort(-self.probabilities, kind="stable")[:count])

    @property
    def certainty(self) -> float:
        """How sure the model is, from 0 to 1; 0 for a file that cannot be read.

        The distance of the two most probable classes; where a sample may have several classes,
        twice the distance from one half of the class that is nearest to it.
        """
        return 0.0 if self.problem else self.task.certainty(self.probabilities)

    def _named(self, indices: np.ndarray) -> list[tuple[str, float]]:
        return [(self.class_names[i], float(self.probabilities[i])) for i in indices]


def predict(source, inputs, *, batch_size: int = BATCH, skip_bad: bool = False) -> list[Prediction]:
    """Return what a model says of files or arrays.

    Args:
        source: A TrainedModel, or what `open_trained_model` takes: a run, a .keras file, ...
        inputs: A file or a folder; an array of samples or a single one, as the model takes them; or
            any number of files, folders, arrays and contents of files (bytes). For a model of
            texts, a `str` is the text itself, and a `Path` is a file.
        batch_size: How many inputs are computed together.
        skip_bad: Keep files that cannot be read in the list, with their `problem`.

    Returns:
        A Prediction for each input, in their order.

    Raises:
        MissingDataError: A file or folder does not exist.
        BadFilesError: Files cannot be read, and `skip_bad` is False; all of them are named.
        SettingError: An array has another shape than the model takes.
    """
    trained = source if isinstance(source, TrainedModel) else open_trained_model(source)
    found = list(predictions(trained, sources_of(trained, inputs), batch_size=batch_size))
    bad = {each.source: each.problem for each in found if each.problem}
    if bad and not skip_bad:
        raise BadFilesError(
            f"{len(bad)} of {len(found)} files cannot be read; mend them, or keep them in the list "
            "without an answer (skip_bad=True):",
            bad,
        )
    return found


def predictions(
    trained: TrainedModel, sources: Iterable, *, batch_size: int = BATCH
) -> Iterator[Prediction]:
    """Predict one input after the other; memory does not grow with their number.

    Args:
        trained: The model.
        sources: Paths of files, contents of files (bytes), texts (str) or arrays of one sample, as
            `sources_of` yields them.
        batch_size: How many inputs are computed together.

    Yields:
        A Prediction for each source, in their order.

    Raises:
        SettingError: An array has another shape than the model takes.
    """
    expect_counts(batch_size=batch_size)
    shape = tuple(trained.model.input_shape[1:])

    def decode(source):
        return _sample(source, trained.inputs, shape)

    model = None
    for batch in decoded_batches(sources, decode, batch_size):
        samples = [sample for _, sample in batch if not isinstance(sample, BadFile)]
        if model is None:
            # It takes longer than it saves where there is no second batch.
            full = len(samples) == batch_size
            model = fuse_batch_norm(trained.model) if full else trained.model
            padded = batch_size if full else 0
        rows = iter(_probabilities(model, trained.inputs, samples, padded))
        for source, sample in batch:
            is_bad = isinstance(sample, BadFile)
            yield Prediction(
                display(source) if isinstance(source, str | Path) else "",
                np.empty(0, np.float32) if is_bad else next(rows),
                trained.class_names,
                trained.task,
                str(sample) if is_bad else "",
            )


def sources_of(trained: TrainedModel, inputs) -> Iterator:
    """Yield the single inputs of what `predict` takes.

    Args:
        trained: The model.
        inputs: As `predict` takes them.

    Yields:
        Paths, contents of files, texts or arrays, one a sample.

    Raises:
        MissingDataError: A file or folder does not exist.
    """
    dimensions = len(trained.model.input_shape) - 1
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind not in "OSU":
        yield from inputs if inputs.ndim > dimensions else [inputs]
        return
    is_single = isinstance(inputs, str | bytes | os.PathLike)
    texts = trained.inputs.kind == "text"
    for each in [inputs] if is_single else inputs:
        if isinstance(each, os.PathLike) or (isinstance(each, str) and not texts):
            yield from files_below([Path(each)], trained.inputs.suffixes)
        else:
            yield each


@dataclass(frozen=True)
class _Raw:
    """A sample that needs no more conversion."""

    values: np.ndarray


def _sample(source, inputs: Inputs, shape: tuple):
    if isinstance(source, Path):
        return inputs.decode(read(source))
    if isinstance(source, bytes):
        return inputs.decode(source)
    if isinstance(source, str) and inputs.kind == "text":
        return source
    values = np.asarray(source)
    fits = values.ndim == len(shape) and all(
        wanted in (None, side) for wanted, side in zip(shape, values.shape, strict=True)
    )
    if not fits:
        raise SettingError(f"The model takes arrays of shape {shape}, not {values.shape}.")
    return _Raw(values)


def _probabilities(
    model: keras.Model, inputs: Inputs, samples: Sequence, padded: int
) -> np.ndarray:
    """Return the probabilities of a batch, shape (samples, classes).

    A batch that is smaller than `padded` is filled, as Keras would compile the model once more.
    """
    if not samples:
        return np.empty((0, 0), np.float32)
    decoded = [sample for sample in samples if not isinstance(sample, _Raw)]
    converted = iter(inputs.batch(decoded) if decoded else ())
    batch = np.stack(
        [each.values if isinstance(each, _Raw) else next(converted) for each in samples]
    )
    if len(samples) < padded:
        batch = np.concatenate([batch, np.repeat(batch[:1], padded - len(samples), axis=0)])
    return as_numpy(model.predict_on_batch(batch))[: len(samples)]
