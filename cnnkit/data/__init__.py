"""Loaders: functions that return a Dataset, also by name."""

from cnnkit.data.augment import augmentation, augmentations
from cnnkit.data.catalogue import entry, load, names, register
from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.digits import digits
from cnnkit.data.folder import folder
from cnnkit.data.keras_datasets import cifar10, cifar100, fashion_mnist, mnist
from cnnkit.data.xo import xo

__all__ = [
    "Dataset", "Split", "augmentation", "augmentations", "cifar10", "cifar100", "digits", "entry",
    "fashion_mnist", "folder", "load", "mnist", "names", "register", "xo",
]  # fmt: skip
