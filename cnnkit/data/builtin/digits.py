"""scikit-learn's handwritten digits: real scans that ship with scikit-learn and need no network."""

import gzip
import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.loader_calls import remembers_call
from cnnkit.data.splits import stratified
from cnnkit.errors import SettingError

TEST_FRACTION = 0.2
SPLIT_SEED = 0  # not the run's seed: every run has the same test images


@remembers_call
def digits(*, image_size: int = 28, validation: float = 0.1) -> Dataset:
    """Load scikit-learn's 1,797 handwritten digits, enlarged.

    They are scans of 8 x 8 pixels with 17 greys. The test split is a fixed, stratified 20 % (360
    images), whatever the run's seed.

    Source: E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI 1998 (its test part,
    by 13 writers), as scikit-learn ships it.

    Args:
        image_size: Height and width in pixels, 8 to 512; reached by bicubic interpolation.
        validation: Fraction of the other images, stratified by class, for the validation split.

    Returns:
        A Dataset of uint8 inputs in [0, 255], shape (samples, image_size, image_size, 1).

    Raises:
        SettingError: `image_size` is out of range.
    """
    if not 8 <= image_size <= 512:
        raise SettingError(f"image_size of the digits is 8 (as scanned) to 512, not {image_size}.")
    scans, labels = _scans()
    small = np.round(scans * (255 / 16)).astype(np.uint8)
    # Pillow resizes rows and then columns. All images' rows at once take a tenth of the time.
    turned = _widened(small, image_size).swapaxes(1, 2)
    images = np.ascontiguousarray(_widened(turned, image_size).swapaxes(1, 2))[..., None]

    rest, test = stratified(labels, TEST_FRACTION, SPLIT_SEED)
    train, held_out = stratified(labels[rest], validation, SPLIT_SEED)
    return Dataset(
        name="digits",
        train=Split(images[rest[train]], labels[rest[train]]),
        validation=Split(images[rest[held_out]], labels[rest[held_out]]),
        test=Split(images[test], labels[test]),
        class_names=tuple("0123456789"),
        source="UCI Optical Recognition of Handwritten Digits, through scikit-learn",
    )


def _scans() -> tuple[np.ndarray, np.ndarray]:
    """Return the scans, 0 to 16, shape (1797, 8, 8), and their labels.

    The file is read without importing scikit-learn, which takes a second.
    """
    spec = importlib.util.find_spec("sklearn")
    for folder in spec.submodule_search_locations or () if spec else ():
        file = Path(folder, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            rows = gzip.decompress(file.read_bytes()).split()
            table = np.array([row.split(b",") for row in rows], np.int64)
            return table[:, :-1].reshape(-1, 8, 8), table[:, -1]
    from sklearn.datasets import load_digits  # a scikit-learn that keeps its files elsewhere

    bunch = load_digits()
    return bunch.images, bunch.target.astype(np.int64)


def _widened(images: np.ndarray, width: int) -> np.ndarray:
    """Resize rows, (samples, height, width) of uint8, by bicubic interpolation."""
    rows = np.ascontiguousarray(images).reshape(-1, images.shape[2])
    wide = Image.fromarray(rows).resize((width, len(rows)), Image.Resampling.BICUBIC)
    return np.asarray(wide).reshape(*images.shape[:2], width)
