"""What `cnnkit.fit` is given to train and validate on, brought into one form."""

import dataclasses
import math
from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.data.images.lazy_images import Decoding
from cnnkit.errors import SettingError
from cnnkit.training.frames import arrays_of_frame, is_frame, remarks_on_frames
from cnnkit.training.steps.fit_inputs import (
    ArrayInputs,
    PyDatasetInputs,
    StreamInputs,
    as_arrays,
    num_samples,
)

BATCH_SIZE = 32  # as in `model.fit`


@dataclass(frozen=True)
class FitData:
    """What a training reads.

    Attributes:
        kind: What `x` is, in words.
        inputs: What the training loop takes.
        validation: What `model.fit` takes as `validation_data`.
        class_names: Of a frame's labels; else empty.
        decoding: How a frame's files become pixels; None of other data.
        inexact: The kind of data that cannot be resumed to the same bits, in words; else empty.
        remarks: What is wrong with the data, a sentence each.
    """

    kind: str
    inputs: ArrayInputs | PyDatasetInputs | StreamInputs
    validation: object = None
    class_names: tuple[str, ...] = ()
    decoding: Decoding | None = None
    inexact: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def content_hash(self) -> str | None:
        """SHA-256 of all training arrays; None of other data."""
        return self.inputs.content_hash() if isinstance(self.inputs, ArrayInputs) else None

    def described(self) -> dict:
        """Return what dataset.json says."""
        samples, shape = {}, []
        counts: dict[str, list[int]] = {"train": []}
        if isinstance(self.inputs, ArrayInputs):
            first, *_ = keras.tree.flatten(self.inputs.arrays)
            samples, shape = {"train": len(self.inputs.split)}, list(first.shape[1:])
            if self.class_names:
                counts = {"train": _counts(self.inputs.arrays[1], len(self.class_names))}
        decoded = {}
        if self.decoding is not None:
            decoded = {"value_range": (0, 255), "decoding": dataclasses.asdict(self.decoding)}
        return {
            "name": self.kind,
            "source": "",
            "image_shape": shape,
            "class_names": list(self.class_names),
            "samples": samples,
            "counts": counts,
            "content_hash": self.content_hash,
        } | decoded


def _counts(labels, num_classes: int) -> list[int]:
    """Return how many samples each class has, for labels of a frame."""
    if labels.ndim == 2:
        return labels.sum(axis=0).astype(int).tolist()
    return [int((labels == number).sum()) for number in range(num_classes)]


def fit_data(
    model: keras.Model, x, y, *, sample_weight, validation_data, validation_split: float,
    batch_size: int | None, seed: int | None, steps_per_epoch: int | None,
) -> FitData:  # fmt: skip
    """Return the arguments of `cnnkit.fit` about data in one form.

    Args:
        model: What is trained; says the size of a frame's pictures.
        x: As in `cnnkit.fit`, as are the arguments that follow.
        y: Targets.
        sample_weight: A weight for each sample.
        validation_data: What to validate on.
        validation_split: The last part of the arrays to validate on.
        batch_size: Samples a step.
        seed: Shuffles; None keeps the order.
        steps_per_epoch: Steps of an epoch.

    Returns:
        The data.

    Raises:
        SettingError: They do not fit each other.
    """
    remarks: tuple[str, ...] = ()
    decoding = None
    if is_frame(x):
        x, y, names = arrays_of_frame(x, model)
        frames = {"train": (x, y)}
        if is_frame(validation_data):
            frames["validation"] = arrays_of_frame(validation_data, model, names)[:2]
            validation_data = ArrayInputs(frames["validation"], batch_size or BATCH_SIZE, None)
        remarks = remarks_on_frames(frames)
        kind, names, decoding = "a frame", tuple(map(str, names)), x.decoding
    elif isinstance(x, keras.utils.PyDataset) or _is_stream(x):
        if y is not None or sample_weight is not None or validation_split:
            raise SettingError(
                "A PyDataset, a tf.data.Dataset or a generator gives targets and weights itself, and "
                "cannot be split: leave out y, sample_weight and validation_split."
            )
        return _of_batches(x, validation_data, seed, steps_per_epoch)
    else:
        kind, names = "arrays", ()
    arrays = _arrays(x, y, sample_weight)
    if validation_split and validation_data is None:
        arrays, validation_data = _split(arrays, validation_split)
    inputs = ArrayInputs(arrays, batch_size or BATCH_SIZE, seed)
    inexact = "arrays with steps_per_epoch" if steps_per_epoch else ""
    return FitData(kind, inputs, validation_data, names, decoding, inexact, remarks)


def _arrays(x, y, sample_weight) -> tuple:
    if x is None or y is None:
        raise SettingError("cnnkit.fit takes arrays x and y, or x that gives both.")
    given = (x, y) if sample_weight is None else (x, y, sample_weight)
    arrays = tuple(as_arrays(each) for each in given)
    num_samples(arrays)
    return arrays


def _split(arrays: tuple, fraction: float) -> tuple[tuple, tuple]:
    """Return the arrays without their last samples, and these, as Keras splits them."""
    samples = num_samples(arrays)
    end = math.floor(samples * (1 - fraction))
    if not 0 < end < samples:
        raise SettingError(
            f"validation_split is a fraction of the {samples} samples that leaves some on both "
            f"sides, not {fraction}."
        )
    parts = (slice(0, end), slice(end, samples))
    return tuple(
        keras.tree.map_structure(lambda array, part=part: array[part], arrays) for part in parts
    )


def _is_stream(x) -> bool:
    library = type(x).__module__.partition(".")[0]
    batched = library == "torch" and hasattr(x, "__iter__") and not hasattr(x, "shape")
    return hasattr(x, "cardinality") or hasattr(x, "__next__") or batched


def _of_batches(x, validation_data, seed: int | None, steps_per_epoch: int | None) -> FitData:
    if isinstance(x, keras.utils.PyDataset) and x.num_batches and not steps_per_epoch:
        inputs, inexact = PyDatasetInputs(x, seed), ""
        hooks = ("on_epoch_begin", "on_epoch_end")
        if any(getattr(type(x), h) is not getattr(keras.utils.PyDataset, h) for h in hooks):
            inexact = "a PyDataset that changes from epoch to epoch"
        return FitData("a PyDataset", inputs, validation_data, inexact=inexact)
    cardinality = int(x.cardinality()) if hasattr(x, "cardinality") else None
    if cardinality == -1 and not steps_per_epoch:
        raise SettingError("This tf.data.Dataset has no end: give steps_per_epoch, too.")
    kind = "a generator of batches" if cardinality is None else "a tf.data pipeline"
    steps = steps_per_epoch or (cardinality if cardinality and cardinality > 0 else None)
    return FitData(kind, StreamInputs(x, steps), validation_data, inexact=kind)


def build_metrics(model: keras.Model, data: FitData) -> None:
    """Let Keras build loss and metrics, so that a checkpoint finds the variables that it fills.

    Args:
        model: The compiled model. Its weights stay as they are.
        data: What is trained on; a generator loses a batch.
    """
    inputs = data.inputs
    batch = next(iter(inputs.source)) if isinstance(inputs, StreamInputs) else inputs[0]
    # JAX does not take the tensors of tf.data.
    model.test_on_batch(*keras.tree.map_structure(np.asarray, batch))
