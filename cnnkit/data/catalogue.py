"""The data sets by name: `load("digits")`, `names()`."""

from cnnkit.catalogue import Catalogue
from cnnkit.data.dataset import Dataset

CATALOGUE = Catalogue("dataset")
register, names, entry = CATALOGUE.register, CATALOGUE.names, CATALOGUE.entry


def load(name: str, **options) -> Dataset:
    """Return the data set of that name; options are checked against its loader's signature."""
    return CATALOGUE.call(name, **options)


EMBEDDED, DOWNLOADED = "embedded: needs no network", "downloaded by Keras, or CNNKIT_DATA"
register(
    "digits", "cnnkit.data.digits:digits",
    about="1,797 handwritten digits, ten classes", origin=EMBEDDED,
)  # fmt: skip
register("xo", "cnnkit.data.xo:xo", about="generated X's and O's of -1 and 1", origin=EMBEDDED)
for name, about in (
    ("mnist", "70,000 handwritten digits, ten classes, 28 x 28"),
    ("fashion_mnist", "70,000 garments, ten classes, 28 x 28"),
    ("cifar10", "60,000 photos, ten classes, 32 x 32"),
    ("cifar100", "60,000 photos, 100 classes, 32 x 32"),
):
    register(name, f"cnnkit.data.keras_datasets:{name}", about=about, origin=DOWNLOADED)
