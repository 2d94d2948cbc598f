"""What a dataset looks like: a figure of samples, and the arrays behind it."""

from itertools import zip_longest

import numpy as np

from cnnkit import plots
from cnnkit.data.augmentation.catalogue import augmentation
from cnnkit.data.dataset import Dataset, Split
from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator

MAX_AVERAGED = 500  # training images a class, at most


def preview(dataset: Dataset, count: int = 25, augment: str | None = None, seed: int = 0):
    """Draw training samples with their classes.

    Args:
        dataset: Images, sounds or texts.
        count: Number of samples, taken from each class in turn.
        augment: Name of an augmentation. The figure then shows a few images, each before its variants.
        seed: Chooses the samples and the variants.

    Returns:
        A matplotlib figure.

    Raises:
        SettingError: `augment` is given and the samples are not images.
    """
    if augment:
        expect_images(dataset)
        return plots.image_grid(*augmented_samples(dataset, augment, seed=seed), columns=6)
    inputs, captions = training_samples(dataset, count, seed)
    if dataset.vocabulary:
        words = [" ".join(dataset.vocabulary[number] for number in row if number) for row in inputs]
        return plots.texts(words, captions)
    return (plots.image_grid if inputs.ndim == 4 else plots.waveforms)(inputs, captions)


def expect_images(dataset: Dataset) -> None:
    """Check that the samples of a dataset are images.

    Args:
        dataset: Any dataset.

    Raises:
        SettingError: They are not.
    """
    if len(dataset.image_shape) != 3:
        raise SettingError(
            f"Inputs of the data set {dataset.name!r} have the shape "
            f"{dataset.image_shape}; this works for images only."
        )


def training_samples(
    dataset: Dataset, count: int = 25, seed: int = 0
) -> tuple[np.ndarray, list[str]]:
    """Return training samples and their class names, from each class in turn.

    Args:
        dataset: Any dataset.
        count: Number of samples; fewer where there are fewer.
        seed: Chooses the samples.

    Returns:
        The samples as they are stored, and a class name for each.
    """
    positions = _positions_by_turns(dataset, count, seed)
    captions = [dataset.named(label) for label in dataset.train.labels[positions]]
    return dataset.train.inputs[positions], captions


def augmented_samples(
    dataset: Dataset, name: str, count: int = 5, variants: int = 5, seed: int = 0
) -> tuple[np.ndarray, list[str]]:
    """Return training images, each followed by variants of an augmentation.

    Args:
        dataset: A dataset of images.
        name: The augmentation's name.
        count: Number of images.
        variants: Variants of each image.
        seed: Chooses the images and the variants.

    Returns:
        Images as a network takes them, `(count * (1 + variants), height, width, channels)`, float32, and
        a caption for each. The captions of mixed images name their classes.
    """
    from cnnkit.data.batches import (
        Batches,  # Keras takes seconds to import; other previews do without it
    )

    positions = _positions_by_turns(dataset, count, seed)
    labels = dataset.train.labels[positions]
    chosen = Split(dataset.train.inputs[positions], labels)
    batches: dict = {"batch_size": len(positions), "scale": dataset.scale}
    policy = augmentation(name, dataset)
    columns = [(Batches(chosen, **batches)[0][0], [dataset.named(one) for one in labels])]
    for variant in range(variants):
        # There is no shuffling seed, so the order stays; the epoch makes the draws differ.
        images, mixed_labels = Batches(chosen, augment=policy, epoch=seed + variant, **batches)[0]
        is_mixed = mixed_labels is not labels and mixed_labels.ndim == 2
        columns.append((images, [dataset.named(one) if is_mixed else name for one in mixed_labels]))
    images = np.stack([images for images, _ in columns], axis=1)
    captions = np.stack([captions for _, captions in columns], axis=1)
    return images.reshape(-1, *dataset.image_shape), captions.reshape(-1).tolist()


def mean_images(dataset: Dataset, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Return the mean image of each class, over at most MAX_AVERAGED training images.

    Args:
        dataset: A dataset of images.
        seed: Chooses the images.

    Returns:
        `(classes, height, width, channels)`, float32, and the class names.
    """
    means = np.zeros((dataset.num_classes, *dataset.image_shape), np.float32)
    for label, positions in enumerate(_positions_by_class(dataset, MAX_AVERAGED, seed)):
        for position in positions:  # one at a time: a class of large images may not fit in memory
            means[label] += dataset.train.inputs[position]
        means[label] /= max(1, len(positions))
    return means, list(dataset.class_names)


def _positions_by_turns(dataset: Dataset, count: int, seed: int) -> np.ndarray:
    """Return up to `count` training positions, from each class in turn."""
    turns = zip_longest(*_positions_by_class(dataset, count, seed))
    positions = dict.fromkeys(int(one) for turn in turns for one in turn if one is not None)
    return np.array(list(positions)[:count])


def _positions_by_class(dataset: Dataset, count: int, seed: int) -> list[np.ndarray]:
    """Return up to `count` training positions of each class, in random order."""
    order = random_generator(seed, Purpose.PREVIEW).permutation(len(dataset.train))
    labels = dataset.train.labels[order]
    member = labels.T > 0 if labels.ndim == 2 else labels == np.arange(dataset.num_classes)[:, None]
    return [order[mask][:count] for mask in member]
