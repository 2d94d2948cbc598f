"""Features of a frozen backbone, computed once and kept on disk."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Dataset, Split
from cnnkit.errors import SettingError
from cnnkit.random_streams import VERSION
from cnnkit.transfer.batch_norm_fusion import fuse_batch_norm
from cnnkit.transfer.feature_cache import FeatureCache, in_memory
from cnnkit.transfer.heads import pooled

BATCH = 32


def features(
    backbone: keras.Model,
    dataset: Dataset,
    *,
    pooling: str = "average",
    half: bool = False,
    cache: bool = True,
    augment: keras.Layer | None = None,
    views: int = 1,
    seed: int = 0,
) -> Dataset:
    """Return the data set with a vector of features in the place of each image.

    Each split's inputs are float32 (float16 where `half`), shape (samples, features): a matrix for
    scikit-learn, or the data of an Experiment whose model is a head alone. With `cache` they are
    written to the cache folder once, batch by batch, and read from there as they are indexed; the
    file's name says weights, network, input size, pooling, precision and content of the images, so
    a change of any of them computes anew. A row whose checksum is wrong, as after a flipped bit, is
    computed again. Where the disk is full they are in memory, with a
    warning. Progress is shown while they are computed. Batch normalisation is folded into the
    layers before it, see `transfer.fuse_batch_norm`: equal within rounding.

    backbone: takes pixels as stored in `dataset`, as `transfer.backbone` gives it.
    augment: a Keras layer that changes training images at random, as an Experiment has it; then
        the training split holds each image `views` times, each time changed otherwise, by `seed`.

    Raises SettingError for a pooling that does not exist, an augmentation that mixes labels, or
    views without one.
    """
    changed = Views(augment, views, seed)
    return features_by(extractor(backbone, pooling), dataset, half, cache, changed)


def extractor(backbone: keras.Model, pooling: str = "average") -> keras.Model:
    """Return a model from what the backbone takes to a vector an image, shape (batch, features)."""
    vectors = pooled(backbone.outputs, pooling)
    return keras.Model(backbone.inputs, vectors, name=backbone.name)


def features_of(
    model: keras.Model,
    split: Split,
    *,
    half: bool = False,
    cache: bool = True,
    views: "Views | None" = None,
) -> np.ndarray:
    """Return what a model gives each input of one split, in the order of the split or its views.

    model: takes inputs as stored, as those that `extractor` and `embedding_model` return do.
    views: how often each input is changed, and how; `views.order(split)` says which one each row
        is of.

    The rest is as `features` says.
    """
    dtype = np.dtype("float16" if half else "float32")
    if views is not None and views.augment is None:
        views = None
    work = _Work(_Network(model), split, dtype, views)
    return FeatureCache(model).rows(work, work.content()) if cache else in_memory(work)


@dataclasses.dataclass(frozen=True)
class Views:
    """How many times each training image is seen, and how it is changed each time."""

    augment: keras.Layer | None = None
    count: int = 1
    seed: int = 0

    def __post_init__(self):
        if self.count < 1 or (self.count > 1 and self.augment is None):
            raise SettingError(
                f"Several views of an image need an augmentation, and at least 1: {self.count}."
            )
        if getattr(self.augment, "mixes_labels", False):
            raise SettingError("Features have one image each; choose an augmentation of one.")

    def __str__(self) -> str:
        if self.augment is None:
            return ""
        # A layer that was called before says of what shape; it changes images as it did.
        said = json.loads(
            json.dumps(keras.saving.serialize_keras_object(self.augment)),
            object_hook=lambda each: {k: each[k] for k in each if k != "build_config"},
        )
        return f"{json.dumps(said, sort_keys=True)} {self.count} {self.seed} {VERSION}"

    def of(self, split: Split) -> Iterator[Batches]:
        """Yield the batches of each view, values as stored; each view has its own order."""
        for view in range(self.count):
            yield Batches(split, BATCH, seed=self.seed, augment=self.augment, epoch=view)

    def order(self, split: Split) -> np.ndarray:
        """Return which sample of the split each row is of, view after view."""
        if self.augment is None:
            return np.arange(len(split))
        return np.concatenate([each.order() for each in self.of(split)])


def features_by(
    extractor: keras.Model,
    dataset: Dataset,
    half: bool,
    cache: bool,
    views: Views,
    unseen: Sequence[str] = (),
) -> Dataset:
    """Return what `features` says, of a model from pixels as stored to vectors or maps.

    unseen: splits of which no features are wanted; they come back empty.
    """
    dtype = np.dtype("float16" if half else "float32")
    store, network = FeatureCache(extractor) if cache else None, _Network(extractor)
    seen: dict = {}
    for name, split in dataset.splits.items():
        changed = views if name == "train" and views.augment is not None else None
        if name in unseen:
            seen[name] = Split(np.empty((0, *extractor.output_shape[1:]), dtype), split.labels[:0])
            continue
        work = _Work(network, split, dtype, changed)
        labels = split.labels if changed is None else split.labels[changed.order(split)]
        found = store.rows(work, work.content()) if store else in_memory(work)
        seen[name] = Split(found, labels)
    return dataclasses.replace(dataset, value_range=(-np.inf, np.inf), **seen)


@dataclasses.dataclass(frozen=True)
class _Network:
    """What computes features, as it was given and as it is fastest."""

    given: keras.Model

    @functools.cached_property
    def fused(self) -> keras.Model:
        """Made where something is to be computed, once for all splits."""
        return fuse_batch_norm(self.given)


@dataclasses.dataclass(frozen=True)
class _Work:
    """Features to compute: of which images, by which network, as which type."""

    network: _Network
    split: Split
    dtype: np.dtype
    views: Views | None

    @property
    def shape(self) -> tuple[int, ...]:
        times = 1 if self.views is None else self.views.count
        return times * len(self.split), *self.network.given.output_shape[1:]

    def content(self) -> str:
        """Return what the features are of."""
        images = self.split.inputs
        described = f"{images.shape} {images.dtype} {self.views or ''}"
        if hasattr(images, "content_hash"):  # read from files: known without reading again
            return f"{described} {images.content_hash()}"
        return f"{described} {hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()}"

    def rows(self) -> Iterator[np.ndarray]:
        """Yield features batch by batch, and show how far it is."""
        progress, done = keras.utils.Progbar(self.shape[0], unit_name="image"), 0
        for number, chosen in enumerate(self.batches()):
            yield self.batch(number)
            done += chosen.stop - chosen.start
            progress.update(done)

    def batches(self) -> list[slice]:
        """Return which rows each batch has; a batch is of one view."""
        samples = len(self.split)
        return [
            slice(first + start, first + min(start + BATCH, samples))
            for first in range(0, self.shape[0], max(samples, 1))
            for start in range(0, samples, BATCH)
        ]

    def batch(self, number: int) -> np.ndarray:
        """Return the features of one batch."""
        if self.views is None:
            images, start = self.split.inputs, number * BATCH
            batch = np.asarray(images[np.arange(start, min(start + BATCH, len(images)))])
            return self._predicted(batch, padded=number > 0)
        view, step = divmod(number, self._changed[0].num_batches)
        return self._predicted(self._changed[view][step][0], padded=step > 0)

    @functools.cached_property
    def _changed(self) -> list[Batches]:
        return list(self.views.of(self.split)) if self.views else []

    def _predicted(self, batch: np.ndarray, padded: bool) -> np.ndarray:
        """Return the features of a batch; all batches but one are of one size, compiled once."""
        missing = BATCH - len(batch) if padded else 0
        whole = np.concatenate([batch, np.repeat(batch[:1], missing, axis=0)])
        return self.network.fused.predict_on_batch(whole)[: len(batch)].astype(self.dtype)
