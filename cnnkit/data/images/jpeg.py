"""A faster path for plain JPEG photographs; it needs `pip install cnnkit[fast]`.

simplejpeg decodes with libjpeg-turbo and cykooz.resizer resizes, both without Python's lock. Pillow
uses the same decoder with the same options, so pixels are identical. Files that are not plain, and
files that libjpeg-turbo warns of, are left to Pillow: `cnnkit.data.images.decode` alone holds the
rules and the reasons for refusals.

libjpeg-turbo's fast DCT is not used: it saves a tenth of the time and changes pixels by 1.0 of 255.
"""

import numpy as np

from cnnkit.data.images import resize
from cnnkit.data.images.geometry import Box, Size

try:
    import simplejpeg as fast
except ImportError:
    fast = None

START, SCAN = b"\xff\xd8", 0xDA  # markers of ITU-T T.81, table B.1
FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive, with Huffman coding
TABLES_AND_COMMENTS = (0xC4, 0xDB, 0xDD, 0xFE)
HARMLESS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0"}  # application segments that change no pixel
LARGEST_PIXELS = 2**22  # larger pictures gain nothing: Python's share of the time is small


def name() -> str:
    """Return a name for the decoder and resizer, with versions, that keeps cached pixels apart.

    Returns:
        A part of a folder's name.
    """
    return f"{resize.name()}-simplejpeg-{fast.__version__}" if _installed() else resize.name()


def plain_size(content: bytes) -> Size | None:
    """Return the size of a JPEG that needs none of Pillow's rules.

    A plain JPEG has no segment that may hold an EXIF orientation, a second picture or another
    colour model.

    Args:
        content: A file's bytes.

    Returns:
        (width, height); None for other files, and without simplejpeg or cykooz.resizer.
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
                size = _frame_size(content[at + 4 : at + 10])
                if size is None:
                    return None
            elif marker not in TABLES_AND_COMMENTS and not _harmless(content, at, marker, length):
                return None
            at += 2 + length
    except (IndexError, ValueError):  # the file ends before its first scan
        pass
    return None


def decode_resized(content: bytes, size: Size, box: Box) -> np.ndarray | None:
    """Decode a plain JPEG and resize a part of it.

    Args:
        content: Bytes of a file that has a `plain_size`.
        size: (width, height) of the result.
        box: (left, top, right, bottom) of the part, in pixels.

    Returns:
        RGB pixels, uint8, shape (height, width, 3); None for a damaged file.
    """
    pixels = _decode(content)
    return None if pixels is None else resize.bilinear_rgb(pixels, size, box)


def decode_eighth(content: bytes, least: int) -> tuple[str, Size, np.ndarray] | None:
    """Decode a plain JPEG at an eighth of its size.

    Args:
        content: A file's bytes.
        least: Smallest allowed side of the result, in pixels.

    Returns:
        The file's mode, "L" or "RGB"; its full size, (width, height); and RGB pixels, uint8, shape
        (height, width, 3). None for a file that is not plain, damaged, or too small.
    """
    size = plain_size(content)
    if size is None or min(size) < 8 * least:
        return None
    pixels = _decode(content, min_height=least, min_width=least)
    if pixels is None:
        return None
    grey = fast.decode_jpeg_header(content)[2] == "Gray"
    return "L" if grey else "RGB", size, pixels


def _decode(content: bytes, **options) -> np.ndarray | None:
    try:
        return fast.decode_jpeg(content, "RGB", strict=True, **options)  # strict: warnings raise
    except Exception:  # whatever is wrong with the file, Pillow names it
        return None


def _frame_size(frame: bytes) -> Size | None:
    """Read a frame header; None for a frame that is not plain."""
    bits, high, low, wide, narrow, channels = frame
    width, height = wide << 8 | narrow, high << 8 | low
    plain = bits == 8 and channels in (1, 3) and 0 < width * height <= LARGEST_PIXELS
    return (width, height) if plain else None


def _harmless(content: bytes, at: int, marker: int, length: int) -> bool:
    """Whether an application's segment is complete and changes no pixel."""
    return marker in HARMLESS and length >= 16 and content.startswith(HARMLESS[marker], at + 4)


def _installed() -> bool:
    return fast is not None and resize.fast is not None
