"""scikit-learn's handwritten digits: real scans that ship with scikit-learn and need no network."""

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
    from sklearn.datasets import load_digits  # takes a second to import, others do without

    if not 8 <= image_size <= 512:
        raise SettingError(f"image_size of the digits is 8 (as scanned) to 512, not {image_size}.")
    bunch = load_digits()
    small = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    size = (image_size, image_size)
    images = np.stack(
        [np.asarray(Image.fromarray(x).resize(size, Image.Resampling.BICUBIC)) for x in small]
    )
    images, labels = images[..., None], bunch.target.astype(np.int64)

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
