"""The data sets by name: `load("digits")`, `names()`."""

import os
from collections.abc import Callable
from pathlib import Path

from cnnkit.data.dataset import Dataset
from cnnkit.data.files.table import PATH, SUFFIXES, TEXT, column_names
from cnnkit.registry import Registry, check_options

REGISTRY = Registry("dataset")
register, names, entry = REGISTRY.register, REGISTRY.names, REGISTRY.entry


def load(name: str, **options) -> Dataset:
    """Load a data set by its name, or the folder or table at a path.

    A path contains "/", ends in .csv, .tsv or .parquet, or is a folder that is not named like a data
    set. The first file's ending, or a table's columns, decides whether sounds, texts or images are
    loaded.

    Args:
        name: The name or the path.
        **options: Arguments of the loader; they are checked against its signature.

    Returns:
        The Dataset.

    Raises:
        UnknownNameError: There is no such data set or option.
        CnnkitError: The loader refuses.
    """
    if name in names() or not _is_path(name):
        return REGISTRY.call(name, **options)
    kind, loader = _loader_for(Path(name))
    check_options(f"the {kind} {name!r}", loader, options)
    return loader(name, **options)


def _is_path(name: str) -> bool:
    path = Path(name)
    return "/" in name or os.sep in name or path.suffix.lower() in SUFFIXES or path.is_dir()


def _loader_for(path: Path) -> tuple[str, Callable]:
    # Completion of names on the command line must not wait for the decoders.
    from cnnkit.data.files.images import folder  # see above
    from cnnkit.data.files.sounds import SUFFIXES as SOUNDS, sounds  # see above
    from cnnkit.data.files.texts import texts  # see above

    if path.suffix.lower() in SUFFIXES:
        columns = column_names(path)
        if any(name in TEXT for name in columns) and not any(name in PATH for name in columns):
            return "table of texts", texts
        return "table of images", folder
    for _, _, files in os.walk(path):
        for file in sorted(each for each in files if not each.startswith(".")):
            ending = Path(file).suffix.lower()
            if ending in SOUNDS:
                return "folder of sounds", sounds
            return ("folder of texts", texts) if ending == ".txt" else ("folder", folder)
    return "folder", folder


EMBEDDED, DOWNLOADED = "embedded: needs no network", "downloaded by Keras, or CNNKIT_DATA"
register(
    "digits", "cnnkit.data.builtin.digits:digits",
    about="1,797 handwritten digits, ten classes", origin=EMBEDDED,
)  # fmt: skip
register(
    "xo", "cnnkit.data.builtin.xo:xo", about="generated X's and O's of -1 and 1", origin=EMBEDDED
)
register(
    "chirps", "cnnkit.data.builtin.chirps:chirps",
    about="generated sounds, rising, falling, steady or wavering", origin=EMBEDDED,
)  # fmt: skip
register(
    "sentences", "cnnkit.data.builtin.sentences:sentences",
    about="generated reviews that are good or bad by the order of their words", origin=EMBEDDED,
)  # fmt: skip
for name, about in (
    ("mnist", "70,000 handwritten digits, ten classes, 28 x 28"),
    ("fashion_mnist", "70,000 garments, ten classes, 28 x 28"),
    ("cifar10", "60,000 photos, ten classes, 32 x 32"),
    ("cifar100", "60,000 photos, 100 classes, 32 x 32"),
):
    register(name, f"cnnkit.data.builtin.keras_images:{name}", about=about, origin=DOWNLOADED)
for name, about in (
    ("imdb", "50,000 film reviews as word numbers, good or bad"),
    ("reuters", "11,228 newswires as word numbers, 46 topics"),
):
    register(
        name, f"cnnkit.data.builtin.keras_texts:{name}", about=about, origin="downloaded by Keras"
    )
