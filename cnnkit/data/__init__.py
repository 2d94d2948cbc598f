"""Loaders: functions that return a Dataset, also by name."""

from cnnkit.data.augment import augmentation, augmentations
from cnnkit.data.catalogue import entry, load, names, register
from cnnkit.data.chirps import chirps
from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.digits import digits
from cnnkit.data.folder import folder
from cnnkit.data.keras_datasets import cifar10, cifar100, fashion_mnist, mnist
from cnnkit.data.keras_texts import imdb, reuters
from cnnkit.data.sentences import sentences
from cnnkit.data.sounds import sounds
from cnnkit.data.texts import texts, tokens
from cnnkit.data.xo import xo

__all__ = [
    "Dataset", "Split", "augmentation", "augmentations", "chirps", "cifar10", "cifar100", "digits",
    "entry", "fashion_mnist", "folder", "imdb", "load", "mnist", "names", "register", "reuters",
    "sentences", "sounds", "texts", "tokens", "xo",
]  # fmt: skip
