"""The bilinear resize with antialiasing that brings pictures to size.

Pillow does it, or, with `pip install cnnkit[fast]`, cykooz.resizer (the vector instructions of Rust's
fast_image_resize) in a third of the time. Both weigh the same pixels by the same triangle and round
after each of two passes: they differ by 0.2 of 255 on average and by 2 at most, and each is 0.3 off
the exact values.
"""

import threading
from importlib import metadata
from typing import Any

import numpy as np
import PIL
from PIL import Image

fast: Any
try:
    import cykooz_resizer

    fast = cykooz_resizer
except ImportError:  # not every platform that TensorFlow has wheels for has one of it
    fast = None

Box = tuple[float, float, float, float]
_THREAD = threading.local()


def name() -> str:
    """Return what resizes, with its version, as a name that keeps its pixels apart."""
    pillow = f"pillow-{PIL.__version__}"
    return pillow if fast is None else f"{pillow}-resizer-{metadata.version('cykooz.resizer')}"


def bilinear(image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
    """Return the part of an image inside `box` at another size.

    image: of mode RGB or L. size: (width, height). box: (left, top, right, bottom), in pixels.
    """
    if fast is None:
        return image.resize(size, Image.Resampling.BILINEAR, box=box)
    resized = Image.new(image.mode, size, None)  # whose pixels are all written
    _resizer().resize_pil(image, resized, _options(box))
    return resized


def bilinear_rgb(pixels: np.ndarray, size: tuple[int, int], box: Box) -> np.ndarray:
    """Return the same of an array, uint8, shape (height, width, 3), by cykooz.resizer alone."""
    kind = fast.PixelType.U8x3
    image = fast.ImageData(pixels.shape[1], pixels.shape[0], kind, pixels.tobytes())
    resized = fast.ImageData(*size, kind)
    _resizer().resize(image, resized, _options(box))
    return np.frombuffer(resized.get_buffer(), np.uint8).reshape(size[1], size[0], 3)


def _resizer():
    if not hasattr(_THREAD, "resizer"):  # it works in memory of its own
        _THREAD.resizer = fast.Resizer()
    return _THREAD.resizer


def _options(box: Box):
    left, top, right, bottom = box
    return fast.ResizeOptions(
        resize_alg=fast.ResizeAlg.convolution(fast.FilterType.bilinear),
        crop_box=fast.CropBox(left, top, right - left, bottom - top),
    )
