"""The data sets by name: `load("digits")`, `names()`."""

import os
from pathlib import Path

from cnnkit.catalogue import Catalogue, check_options
from cnnkit.data.dataset import Dataset

CATALOGUE = Catalogue("dataset")
register, names, entry = CATALOGUE.register, CATALOGUE.names, CATALOGUE.entry


def load(name: str, **options) -> Dataset:
    """Return the data set of that name, or the folder or table of images at that path.

    A path has a / in it, ends in .csv or .parquet, or is a folder's name that is no data set's.
    Options are checked against the loader's signature.
    """
    if name not in names() and _is_path(name):
        from cnnkit.data.folder import folder

        check_options(f"the folder {name!r}", folder, options)
        return folder(name, **options)
    return CATALOGUE.call(name, **options)


def _is_path(name: str) -> bool:
    path = Path(name)
    return "/" in name or os.sep in name or path.suffix in (".csv", ".parquet") or path.is_dir()


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
