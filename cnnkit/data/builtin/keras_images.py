"""The data sets that Keras downloads: MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100.

Keras checks their hashes and stores them under KERAS_HOME. On a machine without network, set the
environment variable CNNKIT_DATA to a folder with NAME.npz, which holds the arrays x_train, y_train,
x_test and y_test.
"""

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.loader_calls import remembers_call
from cnnkit.data.splits import stratified
from cnnkit.errors import MissingDataError
from cnnkit.keras_graph.keras_home import keras_home

SPLIT_SEED = 0
FLOOR_BYTES, MAX_EXPANSION = 1 << 26, 20  # what a file may declare, as in `cnnkit.model_files`
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
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


@dataclass(frozen=True)
class ImageSet:
    """One of the data sets.

    Attributes:
        name: Its name in `keras.datasets`.
        class_names: A name a class.
        image_shape: (height, width, channels).
        cached_as: The name of Keras' file in KERAS_HOME/datasets.
        about: What it holds, for the docstring.
        source: Where it was published, for the docstring.
    """

    name: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    cached_as: str
    about: str
    source: str


def loader(images: ImageSet) -> Callable[..., Dataset]:
    """Return the function that loads a data set.

    Args:
        images: The data set.

    Returns:
        A function with the keyword argument `validation`, named like the data set.
    """

    def load(*, validation: float = 0.1) -> Dataset:
        return _dataset(images, validation)

    load.__name__ = load.__qualname__ = images.name
    load.__doc__ = f"""Load {images.about} to train on.

    Source: {images.source}

    Args:
        validation: Fraction of the training samples, stratified by class, for the validation split.

    Returns:
        A Dataset of uint8 inputs, shape (samples, {", ".join(map(str, images.image_shape))}).

    Raises:
        MissingDataError: The data are not on this machine and cannot be downloaded.
    """
    return remembers_call(load)


mnist = loader(ImageSet(
    "mnist", tuple("0123456789"), (28, 28, 1), "mnist.npz",
    "MNIST: 70,000 handwritten digits, 60,000 of them",
    "LeCun et al. 1998, https://doi.org/10.1109/5.726791",
))  # fmt: skip
fashion_mnist = loader(ImageSet(
    "fashion_mnist", GARMENTS, (28, 28, 1),
    "fashion-mnist/train-images-idx3-ubyte.gz (and its three siblings)",
    "Fashion-MNIST: 70,000 garments, 60,000 of them",
    "Xiao et al. 2017, https://arxiv.org/abs/1708.07747",
))  # fmt: skip
cifar10 = loader(ImageSet(
    "cifar10", CIFAR10_CLASSES, (32, 32, 3),
    "cifar-10-batches-py-target_archive (the published cifar-10-python.tar.gz)",
    "CIFAR-10: 60,000 photos of ten classes, 50,000 of them",
    "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
))  # fmt: skip
cifar100 = loader(ImageSet(
    "cifar100", CIFAR100_CLASSES, (32, 32, 3),
    "cifar-100-python-target_archive (the published cifar-100-python.tar.gz)",
    "CIFAR-100: 60,000 photos of a hundred classes, 50,000 of them",
    "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
))  # fmt: skip


def _dataset(images: ImageSet, validation: float) -> Dataset:
    folder = os.environ.get("CNNKIT_DATA")
    file = Path(folder) / f"{images.name}.npz" if folder else None
    if file and file.is_file():
        arrays, source = _from_npz(file), str(file)
        _verify(file, arrays, images.image_shape, len(images.class_names))
    else:
        arrays, source = _from_keras(images, file), f"keras.datasets.{images.name}"
    inputs, test_inputs = (array.reshape(-1, *images.image_shape) for array in arrays[::2])
    labels, test_labels = (array.reshape(-1).astype(np.int64) for array in arrays[1::2])
    rest, held_out = stratified(labels, validation, SPLIT_SEED)
    return Dataset(
        name=images.name,
        train=Split(inputs[rest], labels[rest]),
        validation=Split(inputs[held_out], labels[held_out]),
        test=Split(test_inputs, test_labels),
        class_names=images.class_names,
        source=source,
    )


def _from_keras(images: ImageSet, file: Path | None) -> tuple[np.ndarray, ...]:
    place = file or f"a folder of yours, as {images.name}.npz, and set CNNKIT_DATA to that folder"
    instead = f", or a file with the arrays {', '.join(ARRAYS)} into {place}"
    train, test = fetch(images.name, images.cached_as, lambda each: each.load_data(), instead)
    return *train, *test


def fetch(name: str, cached_as: str, load: Callable, instead: str = ""):
    """Load a data set of Keras, from its cache or the network.

    Args:
        name: A module of `keras.datasets`.
        cached_as: The name of Keras' file, for the error message.
        load: Called with the module; returns the data.
        instead: What else the user may do, for the error message.

    Returns:
        What `load` returns.

    Raises:
        MissingDataError: The data are not on this machine and cannot be downloaded.
    """
    import keras  # takes seconds to import, and the command line lists data sets without it

    cache = _writable_cache()
    try:
        return load(getattr(keras.datasets, name))
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise MissingDataError(
            f"The data set {name!r} is not on this machine and cannot be downloaded ({error}). "
            f"Put {cached_as} into {cache / 'datasets'}{instead}."
        ) from error


def _writable_cache() -> Path:
    """Return Keras' cache folder. If it is read-only, Keras would silently use /tmp instead."""
    home = keras_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise MissingDataError(
            f"Keras' cache folder {home} cannot be written to, so Keras would silently ignore its "
            "files; make it writable, or copy it and set KERAS_HOME to the copy."
        )
    return home


def _from_npz(file: Path) -> tuple[np.ndarray, ...]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            declared = sum(member.file_size for member in arrays.zip.infolist())
            if declared > max(FLOOR_BYTES, MAX_EXPANSION * file.stat().st_size):
                raise ValueError(f"it declares {declared:,} bytes, far more than it has")
            missing = [name for name in ARRAYS if name not in arrays]
            if missing:
                raise MissingDataError(f"{file} lacks the arrays {', '.join(missing)}.")
            return tuple(arrays[name] for name in ARRAYS)
    # A TypeError for a single array, which has no names.
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
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
