"""What a data set looks like, as arrays that `plots.image_grid` draws."""

from itertools import zip_longest

import numpy as np

from cnnkit import plots
from cnnkit.data.augmentation.catalogue import augmentation
from cnnkit.data.dataset import Dataset, Split
from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator

MEAN_OF = 500  # training images a class, at most


def preview(dataset: Dataset, count: int = 25, augment: str | None = None, seed: int = 0):
    """Return a figure of training samples with their classes; see `Dataset.show`.

    Raises SettingError for an augmentation of what is no picture.
    """
    if augment:
        expect_pictures(dataset)
        return plots.image_grid(*augmented(dataset, augment, seed=seed), columns=6)
    inputs, captions = samples(dataset, count, seed)
    if dataset.vocabulary:
        words = [" ".join(dataset.vocabulary[number] for number in row if number) for row in inputs]
        return plots.sentences(words, captions)
    return (plots.image_grid if inputs.ndim == 4 else plots.waves)(inputs, captions)


def expect_pictures(dataset: Dataset) -> None:
    """Raise SettingError unless inputs are pictures."""
    if len(dataset.image_shape) != 3:
        raise SettingError(
            f"Inputs of the data set {dataset.name!r} are no pictures but of shape "
            f"{dataset.image_shape}: this works for pictures alone."
        )


def samples(dataset: Dataset, count: int = 25, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Return (images, their classes): training images in turn from every class, as stored."""
    positions = _in_turn(dataset, count, seed)
    captions = [dataset.named(label) for label in dataset.train.labels[positions]]
    return dataset.train.inputs[positions], captions


def augmented(
    dataset: Dataset, name: str, count: int = 5, variants: int = 5, seed: int = 0
) -> tuple[np.ndarray, list[str]]:
    """Return (images, captions): each of `count` images followed by variants of an augmentation.

    images: as a network sees them, float32, shape (count * (1 + variants), height, width,
    channels). Mixed labels are told by the captions.
    """
    from cnnkit.data.batches import Batches  # imports Keras

    positions = _in_turn(dataset, count, seed)
    labels = dataset.train.labels[positions]
    chosen = Split(dataset.train.inputs[positions], labels)
    batches = {"batch_size": len(positions), "scale": dataset.scale}
    policy = augmentation(name, dataset)
    columns = [(Batches(chosen, **batches)[0][0], [dataset.named(one) for one in labels])]
    for variant in range(variants):
        # Without a shuffling seed the order stays; the epoch is what the draws differ by.
        images, own = Batches(chosen, augment=policy, epoch=seed + variant, **batches)[0]
        mixed = own is not labels and own.ndim == 2
        columns.append((images, [dataset.named(one) if mixed else name for one in own]))
    images = np.stack([images for images, _ in columns], axis=1)
    captions = np.stack([captions for _, captions in columns], axis=1)
    return images.reshape(-1, *dataset.image_shape), captions.reshape(-1).tolist()


def mean_images(dataset: Dataset, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Return (mean image of each class, the classes), float32, of up to MEAN_OF images a class."""
    means = np.zeros((dataset.num_classes, *dataset.image_shape), np.float32)
    for label, positions in enumerate(_by_class(dataset, MEAN_OF, seed)):
        for position in positions:  # one at a time: a class of large images may not fit in memory
            means[label] += dataset.train.inputs[position]
        means[label] /= max(1, len(positions))
    return means, list(dataset.class_names)


def _in_turn(dataset: Dataset, count: int, seed: int) -> np.ndarray:
    """Return `count` training positions, or as many as there are, in turn from every class."""
    turns = zip_longest(*_by_class(dataset, count, seed))
    found = dict.fromkeys(int(one) for turn in turns for one in turn if one is not None)
    return np.array(list(found)[:count])


def _by_class(dataset: Dataset, count: int, seed: int) -> list[np.ndarray]:
    """Return up to `count` training positions of each class, in random order."""
    order = random_generator(seed, Purpose.PREVIEW).permutation(len(dataset.train))
    labels = dataset.train.labels[order]
    member = labels.T > 0 if labels.ndim == 2 else labels == np.arange(dataset.num_classes)[:, None]
    return [order[own][:count] for own in member]
