"""Ordinary JPEG photographs to size without detours, where `pip install cnnkit[fast]` was made.

simplejpeg hands bytes to libjpeg-turbo and cykooz.resizer what comes out to size, both of them
outside Python's lock. It is the library that Pillow has, set alike: pixels are the same to the last
bit. Whatever is not plain here, or libjpeg-turbo as much as warns of, is left to Pillow, so that every
rule of `cnnkit.data.images.decode` and every reason of a refusal has one place.

Not used is libjpeg-turbo's fast DCT: a tenth less time, but pixels 1.0 of 255 off on average.
"""

import numpy as np

from cnnkit.data.images import resize

try:
    import simplejpeg as fast
except ImportError:
    fast = None

START, SCAN = b"\xff\xd8", 0xDA  # markers of ITU-T T.81, table B.1
FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive, coded by Huffman
TABLES = (0xC4, 0xDB, 0xDD, 0xFE)  # and comments
NAMED = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0"}  # segments of which no pixel depends
LARGEST_PIXELS = 2**22  # beyond, what Python adds to the time no longer counts


def name() -> str:
    """Return what decodes and resizes, with versions, as a name that keeps their pixels apart."""
    return f"{resize.name()}-simplejpeg-{fast.__version__}" if _installed() else resize.name()


def ordinary(content: bytes) -> tuple[int, int] | None:
    """Return (width, height) of a JPEG file that has nothing odd in its head, else None.

    Odd is an application's segment that may hold an EXIF turn, a second picture or another colour
    model; None, too, where simplejpeg or cykooz.resizer is not installed.
    """
    if not (_installed() and content.startswith(START)):
        return None
    size, at = None, len(START)
    try:
        while content[at] == 0xFF:
            marker, length = content[at + 1], content[at + 2] << 8 | content[at + 3]
            if marker == SCAN:
                return size
            if marker in FRAMES:
                bits, high, low, wide, narrow, channels = content[at + 4 : at + 10]
                size = wide << 8 | narrow, high << 8 | low
                if bits != 8 or channels not in (1, 3):
                    return None
                if not 0 < size[0] * size[1] <= LARGEST_PIXELS:
                    return None
            elif marker not in TABLES and not _plain(content, at, marker, length):
                return None
            at += 2 + length
    except (IndexError, ValueError):  # it ends before its picture begins
        pass
    return None


def resized(content: bytes, size: tuple[int, int], box: resize.Box) -> np.ndarray | None:
    """Return the part inside `box` of an ordinary JPEG at another size, as RGB; None for a damaged one.

    size: (width, height). box: (left, top, right, bottom), in pixels. The array is uint8, of shape
    (height, width, 3).
    """
    pixels = _decoded(content)
    return None if pixels is None else resize.bilinear_rgb(pixels, size, box)


def eighth(content: bytes, least: int) -> tuple[str, tuple[int, int], np.ndarray] | None:
    """Return (mode, (width, height), pixels at an eighth of that size) of an ordinary JPEG.

    mode: "L" or "RGB", what the file holds. The array is RGB, uint8, of shape (height, width, 3).
    None for any other file, for a damaged one, and where a side of an eighth is under `least`.
    """
    size = ordinary(content)
    if size is None or min(size) < 8 * least:
        return None
    pixels = _decoded(content, min_height=least, min_width=least)
    if pixels is None:
        return None
    grey = fast.decode_jpeg_header(content)[2] == "Gray"
    return "L" if grey else "RGB", size, pixels


def _decoded(content: bytes, **options) -> np.ndarray | None:
    try:
        return fast.decode_jpeg(content, "RGB", strict=True, **options)  # warnings count as errors
    except Exception:  # whatever is wrong with the file, Pillow says what
        return None


def _plain(content: bytes, at: int, marker: int, length: int) -> bool:
    """Return whether a segment is an application's from which nothing is taken, and is whole."""
    return marker in NAMED and length >= 16 and content.startswith(NAMED[marker], at + 4)


def _installed() -> bool:
    return fast is not None and resize.fast is not None
