"""The data sets by name: `load("digits")`, `names()`."""

from cnnkit.catalogue import Catalogue
from cnnkit.data.dataset import Dataset

CATALOGUE = Catalogue("dataset")
register, names, entry = CATALOGUE.register, CATALOGUE.names, CATALOGUE.entry


def load(name: str, **options) -> Dataset:
    """Return the data set of that name; options are checked against its loader's signature."""
    return CATALOGUE.call(name, **options)


register("digits", "cnnkit.data.digits:digits", about="1,797 real handwritten digits")
register("xo", "cnnkit.data.xo:xo", about="generated X's and O's, -1 and 1")
register("mnist", "cnnkit.data.keras_datasets:mnist", about="70,000 handwritten digits")
register("fashion_mnist", "cnnkit.data.keras_datasets:fashion_mnist", about="70,000 garments")
register("cifar10", "cnnkit.data.keras_datasets:cifar10", about="60,000 photos, ten classes")
register("cifar100", "cnnkit.data.keras_datasets:cifar100", about="60,000 photos, 100 classes")
