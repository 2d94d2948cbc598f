"""Features of a frozen network, computed once and cached on disk."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np

from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Dataset, Split
from cnnkit.errors import SettingError
from cnnkit.random_streams import VERSION
from cnnkit.transfer.batch_norm_fusion import fuse_batch_norm
from cnnkit.transfer.feature_cache import FeatureCache, in_memory
from cnnkit.transfer.heads import pool_maps

BATCH = 32


def _go_on() -> None:
    """Let the work go on."""


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
    """Return a data set with a vector of features in the place of each image.

    Features can be given to scikit-learn, or to an Experiment whose model is `transfer.head`. While
    they are computed, a progress bar is shown. Batch normalisation is computed as
    `transfer.fuse_batch_norm` does, which gives the same features within rounding.

    The cache's key covers weights, network, input size, pooling, precision and the content of the
    images, so that a change of any of them computes new features. A row with a wrong checksum is
    computed again. If the disk is full, features stay in memory, with a warning.

    Args:
        backbone: Takes pixels as stored in `dataset`, as `transfer.backbone` returns it.
        dataset: The images.
        pooling: How a feature map becomes a vector: "average", "max" or "flatten".
        half: Whether features are float16 instead of float32.
        cache: Whether to write features to the cache folder, and to read them from there.
        augment: A layer that changes training images at random, as an Experiment takes it.
        views: With `augment`, how many rows the training split has for each image, each changed
            differently.
        seed: Chooses the changes.

    Returns:
        A Dataset whose splits have inputs of shape (samples, features).

    Raises:
        SettingError: There is no such pooling, the augmentation mixes labels, or several `views`
            have no augmentation.
    """
    changes = AugmentedViews(augment, views, seed)
    model = feature_extractor(backbone, pooling)
    return dataset_features(model, dataset, half=half, cache=cache, views=changes)


def feature_extractor(backbone: keras.Model, pooling: str = "average") -> keras.Model:
    """Return a backbone with pooling.

    Args:
        backbone: A model whose outputs are feature maps.
        pooling: "average", "max" or "flatten".

    Returns:
        A model from the backbone's inputs to vectors, of shape (batch, features).
    """
    vectors = pool_maps(backbone.outputs, pooling)
    return keras.Model(backbone.inputs, vectors, name=backbone.name)


def split_features(
    model: keras.Model,
    split: Split,
    *,
    half: bool = False,
    cache: bool = True,
    views: "AugmentedViews | None" = None,
    check: Callable[[], None] = _go_on,
) -> np.ndarray:
    """Return a model's outputs for the inputs of one split.

    Args:
        model: Takes inputs as stored, as the models do that `feature_extractor` and
            `embedding_model` return.
        split: The inputs.
        half: As `features` takes it.
        cache: As `features` takes it.
        views: How to augment each input, and how often; None leaves inputs as they are.
        check: Called before each batch; a KeyboardInterrupt that it raises ends the work, and the
            next call goes on from the last finished row.

    Returns:
        Features of shape (rows, ...), in the order of the split, or in that of `views.order(split)`.
    """
    if views is not None and views.augment is None:
        views = None
    outputs = _SplitOutputs(_Network(model), split, _dtype(half), views, check)
    return FeatureCache(model).rows(outputs, outputs.content()) if cache else in_memory(outputs)


def _dtype(half: bool) -> np.dtype:
    return np.dtype("float16" if half else "float32")


@dataclasses.dataclass(frozen=True)
class AugmentedViews:
    """Several randomly changed views of each training image.

    Attributes:
        augment: The layer that changes images; None for one view, unchanged.
        count: Views of each image, at least 1.
        seed: Chooses the changes.

    Raises:
        SettingError: `count` is out of range, or the augmentation mixes labels.
    """

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
        # Without the shape that a layer notes when it is first called; its changes are the same.
        config = json.loads(
            json.dumps(keras.saving.serialize_keras_object(self.augment)),
            object_hook=lambda each: {k: each[k] for k in each if k != "build_config"},
        )
        return f"{json.dumps(config, sort_keys=True)} {self.count} {self.seed} {VERSION}"

    def of(self, split: Split) -> Iterator[Batches]:
        """Yield the batches of each view, each in its own order, with values as stored.

        Args:
            split: The images.
        """
        for view in range(self.count):
            yield Batches(split, BATCH, seed=self.seed, augment=self.augment, epoch=view)

    def order(self, split: Split) -> np.ndarray:
        """Return the index of each row's sample, view after view.

        Args:
            split: The images.
        """
        if self.augment is None:
            return np.arange(len(split))
        return np.concatenate([each.order() for each in self.of(split)])


def dataset_features(
    model: keras.Model,
    dataset: Dataset,
    *,
    half: bool = False,
    cache: bool = True,
    views: AugmentedViews,
    skip_splits: Sequence[str] = (),
    check: Callable[[], None] = _go_on,
) -> Dataset:
    """Return a data set with a model's outputs in the place of its inputs.

    Args:
        model: From inputs as stored to vectors or feature maps.
        dataset: The inputs.
        half: As `features` takes it.
        cache: As `features` takes it.
        views: How to augment the training split.
        skip_splits: Names of splits whose features are not needed; they have no samples then.
        check: As `split_features` takes it.
    """
    feature_cache = FeatureCache(model) if cache else None
    network, splits = _Network(model), {}
    for name, split in dataset.splits.items():
        changes = views if name == "train" and views.augment is not None else None
        if name in skip_splits:
            none = np.empty((0, *model.output_shape[1:]), _dtype(half))
            splits[name] = Split(none, split.labels[:0])
            continue
        outputs = _SplitOutputs(network, split, _dtype(half), changes, check)
        labels = split.labels if changes is None else split.labels[changes.order(split)]
        if feature_cache is None:
            rows = in_memory(outputs)
        else:
            rows = feature_cache.rows(outputs, outputs.content())
        splits[name] = Split(rows, labels)
    return dataclasses.replace(
        dataset, value_range=(-np.inf, np.inf), train=splits["train"],
        validation=splits["validation"], test=splits["test"],
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Network:
    """The model whose outputs are features, and a faster model with the same outputs."""

    model: keras.Model

    @functools.cached_property
    def fused(self) -> keras.Model:
        """Built when it is first needed, and once for all splits."""
        return fuse_batch_norm(self.model)


@dataclasses.dataclass(frozen=True)
class _SplitOutputs:
    """The features of one split, computed batch by batch."""

    network: _Network
    split: Split
    dtype: np.dtype
    views: AugmentedViews | None
    check: Callable[[], None]

    @property
    def shape(self) -> tuple[int, ...]:
        num_views = 1 if self.views is None else self.views.count
        return num_views * len(self.split), *self.network.model.output_shape[1:]

    def content(self) -> str:
        """Return what the cache's key says of the images and their changes."""
        images = self.split.inputs
        description = f"{images.shape} {images.dtype} {self.views or ''}"
        if hasattr(images, "content_hash"):  # of files that were read before
            return f"{description} {images.content_hash()}"
        return f"{description} {hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()}"

    def rows(self, first_row: int = 0) -> Iterator[np.ndarray]:
        """Yield features batch by batch from a batch's first row on, with a progress bar."""
        # Keras' bar has no room for a label.
        print(f"Features of {self.shape[0]:,} images by {self.network.model.name}", flush=True)
        progress = keras.utils.Progbar(self.shape[0], unit_name="image")
        for number, rows in enumerate(self.batches()):
            if rows.start < first_row:
                continue
            self.check()
            yield self.batch(number)
            progress.update(rows.stop)

    def batches(self) -> list[slice]:
        """Return which rows each batch has; no batch has images of two views."""
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
            return self._predict(batch, padded=number > 0)
        view, step = divmod(number, self._augmented[0].num_batches)
        return self._predict(self._augmented[view][step][0], padded=step > 0)

    @functools.cached_property
    def _augmented(self) -> list[Batches]:
        return [] if self.views is None else list(self.views.of(self.split))

    def _predict(self, batch: np.ndarray, padded: bool) -> np.ndarray:
        # A shorter last batch is padded, so that the network is compiled for one size.
        missing = BATCH - len(batch) if padded else 0
        inputs = np.concatenate([batch, np.repeat(batch[:1], missing, axis=0)])
        return self.network.fused.predict_on_batch(inputs)[: len(batch)].astype(self.dtype)
