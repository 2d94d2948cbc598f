"""The data sets that Keras downloads: MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100.

Keras checks their hashes and keeps them under KERAS_HOME. Where a machine has no network, the
environment variable CNNKIT_DATA may name a folder that holds NAME.npz with the arrays x_train,
y_train, x_test and y_test; it is then used instead.
"""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.loader_calls import remembers_call
from cnnkit.data.splits import stratified
from cnnkit.errors import MissingDataError
from cnnkit.keras_graph.keras_home import keras_home

SPLIT_SEED = 0
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
# What Keras calls the file in KERAS_HOME/datasets.
CACHED_AS = {
    "mnist": "mnist.npz",
    "fashion_mnist": "fashion-mnist/train-images-idx3-ubyte.gz (and its three siblings)",
    "cifar10": "cifar-10-batches-py-target_archive (the published cifar-10-python.tar.gz)",
    "cifar100": "cifar-100-python-target_archive (the published cifar-100-python.tar.gz)",
}
GARMENTS = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR100_CLASSES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle",
    "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle",
    "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch",
    "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox",
    "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard",
    "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse",
    "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck",
    "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray",
    "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail",
    "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle",
    "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
)  # fmt: skip


@remembers_call
def mnist(*, validation: float = 0.1) -> Dataset:
    """Load MNIST: 70,000 handwritten digits, 60,000 of them to train on.

    Source: LeCun et al. 1998, https://doi.org/10.1109/5.726791

    Args:
        validation: Fraction of the training samples, stratified by class, for the validation split.

    Returns:
        A Dataset of uint8 inputs, shape (samples, 28, 28, 1).

    Raises:
        MissingDataError: The data are not on this machine and cannot be fetched.
    """
    return _dataset("mnist", tuple("0123456789"), (28, 28, 1), validation)


@remembers_call
def fashion_mnist(*, validation: float = 0.1) -> Dataset:
    """Load Fashion-MNIST: 70,000 garments, 60,000 of them to train on.

    Source: Xiao et al. 2017, https://arxiv.org/abs/1708.07747

    Args:
        validation: Fraction of the training samples, stratified by class, for the validation split.

    Returns:
        A Dataset of uint8 inputs, shape (samples, 28, 28, 1).

    Raises:
        MissingDataError: The data are not on this machine and cannot be fetched.
    """
    return _dataset("fashion_mnist", GARMENTS, (28, 28, 1), validation)


@remembers_call
def cifar10(*, validation: float = 0.1) -> Dataset:
    """Load CIFAR-10: 60,000 photos of ten classes, 50,000 of them to train on.

    Source: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html

    Args:
        validation: Fraction of the training samples, stratified by class, for the validation split.

    Returns:
        A Dataset of uint8 inputs, shape (samples, 32, 32, 3).

    Raises:
        MissingDataError: The data are not on this machine and cannot be fetched.
    """
    return _dataset("cifar10", CIFAR10_CLASSES, (32, 32, 3), validation)


@remembers_call
def cifar100(*, validation: float = 0.1) -> Dataset:
    """Load CIFAR-100: 60,000 photos of a hundred classes, 50,000 of them to train on.

    Source: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html

    Args:
        validation: Fraction of the training samples, stratified by class, for the validation split.

    Returns:
        A Dataset of uint8 inputs, shape (samples, 32, 32, 3).

    Raises:
        MissingDataError: The data are not on this machine and cannot be fetched.
    """
    return _dataset("cifar100", CIFAR100_CLASSES, (32, 32, 3), validation)


def _dataset(name: str, class_names: tuple, image_shape: tuple, validation: float) -> Dataset:
    folder = os.environ.get("CNNKIT_DATA")
    file = Path(folder) / f"{name}.npz" if folder else None
    if file and file.is_file():
        arrays, source = _from_npz(file), str(file)
        _verify(file, arrays, image_shape, len(class_names))
    else:
        arrays, source = _from_keras(name, file), f"keras.datasets.{name}"
    images, labels, test_images, test_labels = arrays
    labels, test_labels = (array.reshape(-1).astype(np.int64) for array in (labels, test_labels))
    images, test_images = (array.reshape(-1, *image_shape) for array in (images, test_images))
    rest, held_out = stratified(labels, validation, SPLIT_SEED)
    return Dataset(
        name=name,
        train=Split(images[rest], labels[rest]),
        validation=Split(images[held_out], labels[held_out]),
        test=Split(test_images, test_labels),
        class_names=class_names,
        source=source,
    )


def _from_keras(name: str, file: Path | None) -> tuple[np.ndarray, ...]:
    place = file or f"a folder of yours, as {name}.npz, and name the folder in CNNKIT_DATA"
    instead = f", or a file with the arrays {', '.join(ARRAYS)} into {place}"
    (images, labels), (test_images, test_labels) = fetch(
        name, CACHED_AS[name], lambda module: module.load_data(), instead
    )
    return images, labels, test_images, test_labels


def fetch(name: str, cached_as: str, load: Callable, instead: str = ""):
    """Return load(keras.datasets.NAME), from Keras' cache or the network.

    Raises MissingDataError, which names the file, the folder, and what else may be done instead.
    """
    import keras  # the command line lists data sets without paying for Keras

    cache = _writable_cache()
    try:
        return load(getattr(keras.datasets, name))
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise MissingDataError(
            f"The data set {name!r} is not on this machine and cannot be fetched ({error}). "
            f"Put {cached_as} into {cache / 'datasets'}{instead}."
        ) from error


def _writable_cache() -> Path:
    """Return Keras' cache folder; Keras itself goes to /tmp without a word if it cannot write."""
    home = keras_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise MissingDataError(
            f"Keras' cache folder {home} cannot be written to, and Keras would silently ignore what "
            "it holds; make it writable, or copy it and let KERAS_HOME name the copy."
        )
    return home


def _from_npz(file: Path) -> tuple[np.ndarray, ...]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            missing = [name for name in ARRAYS if name not in arrays]
            if missing:
                raise MissingDataError(f"{file} lacks the arrays {', '.join(missing)}.")
            return tuple(arrays[name] for name in ARRAYS)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise MissingDataError(f"{file} cannot be read: {error}") from None


def _verify(file: Path, arrays: tuple, image_shape: tuple, num_classes: int) -> None:
    for name, array in zip(ARRAYS, arrays, strict=True):
        if name.startswith("x"):
            shapes = {image_shape, image_shape[:2]} if image_shape[2] == 1 else {image_shape}
            if array.shape[1:] not in shapes or array.dtype != np.uint8:
                raise MissingDataError(
                    f"{file}: {name} should be uint8 of shape (samples, "
                    f"{', '.join(map(str, image_shape))}), not {array.dtype} {array.shape}."
                )
        elif array.dtype.kind not in "iu" or not np.array_equal(
            np.unique(array), np.arange(num_classes)
        ):
            raise MissingDataError(
                f"{file}: {name} should be integers that cover all of 0 to {num_classes - 1}, "
                f"not {array.dtype} with {len(np.unique(array))} different values."
            )
