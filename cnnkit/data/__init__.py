"""Loaders: functions that return a Dataset, also by name."""

from cnnkit.data.augmentation.catalogue import augmentation, augmentations
from cnnkit.data.builtin.chirps import chirps
from cnnkit.data.builtin.digits import digits
from cnnkit.data.builtin.keras_images import cifar10, cifar100, fashion_mnist, mnist
from cnnkit.data.builtin.keras_texts import imdb, reuters
from cnnkit.data.builtin.sentences import sentences
from cnnkit.data.builtin.xo import xo
from cnnkit.data.catalogue import entry, load, names, register
from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.files.images import folder
from cnnkit.data.files.sounds import sounds
from cnnkit.data.files.texts import texts, tokens

__all__ = [
    "Dataset", "Split", "augmentation", "augmentations", "chirps", "cifar10", "cifar100", "digits",
    "entry", "fashion_mnist", "folder", "imdb", "load", "mnist", "names", "register", "reuters",
    "sentences", "sounds", "texts", "tokens", "xo",
]  # fmt: skip
