"""Decode image files to arrays of one size.

Kind          Recognised by content, never by name; `cnnkit.data.images.kinds` lists the kinds.
Frames        Only the first frame or page of a file is used.
EXIF          Orientation is applied, so pictures stand upright. A damaged EXIF block is ignored.
Transparency  Blended over white.
16-bit grey   0 to 65535 is scaled to 0 to 255 and rounded. Of 16-bit colour, Pillow keeps the high byte.
32-bit        Integers and floats are refused unless 16 bits hold them: nothing says which value is white.
CMYK, YCCK    Converted by Pillow's formula, with Adobe's inversion; colour profiles are not used.
Channels      3 is RGB; 1 is grey, ITU-R 601 luma: (299 R + 587 G + 114 B) / 1000.
Size          Bilinear with antialiasing: see `cnnkit.data.images.resize`. A JPEG more than REDUCTION_GAP
              times too large is first decoded at 1/2, 1/4 or 1/8 of its size, which is faster and
              changes pixels by 0.6 of 255 on average.
Refused       Files that are empty, truncated, damaged, of another kind, not regular files, or larger
              than LARGEST_PIXELS or LARGEST_BYTES.

Plain JPEG photographs take a faster path with the same pixels: see `cnnkit.data.images.jpeg`.
"""

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from cnnkit.data.images import geometry, jpeg, kinds, modes, resize
from cnnkit.data.images.quiet import ignoring_pillow_warnings, silence_libtiff
from cnnkit.errors import BadImage, SettingError

VERSION = 1  # of the rules above; pixels cached under another version are decoded again
LARGEST_PIXELS = 178_956_970  # Pillow's own limit for decompression bombs: 0.5 GB as RGB
LARGEST_BYTES = 2**29
LARGEST_SIDE = 8192
FITS = ("stretch", "crop")
# Do not wait for a named pipe's writer; do not translate line ends on Windows.
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read(path: str | os.PathLike) -> bytes:
    """Read an image file without decoding it.

    Never waits: a named pipe is refused, not read.

    Args:
        path: The file.

    Returns:
        The file's bytes, at most LARGEST_BYTES.

    Raises:
        BadImage: The file is missing, not readable, not a regular file, or too large.
    """
    try:
        descriptor = os.open(path, OPEN_FLAGS)
    except FileNotFoundError:
        raise BadImage("is not there") from None
    except OSError as error:
        raise BadImage(f"cannot be opened: {error.strerror}") from None
    # `open` would release and acquire Python's lock twice as often; many threads wait for it.
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BadImage("is not a regular file")
        if status.st_size > LARGEST_BYTES:
            raise BadImage(f"has {status.st_size:,} bytes, more than {LARGEST_BYTES:,}")
        content = os.read(descriptor, status.st_size)
        while len(content) < status.st_size and (more := os.read(descriptor, status.st_size)):
            content += more
        return content
    except OSError as error:
        raise BadImage(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened(content: bytes) -> Iterator[Image.Image]:
    """Open an image file's bytes with Pillow.

    Every error becomes a BadImage, also errors that the caller meets while it decodes the image.

    Args:
        content: The file's bytes.

    Yields:
        The image; its pixels are not decoded yet.

    Raises:
        BadImage: The file is empty, damaged, too large, or of a kind that is not read.
    """
    if not content:
        raise BadImage("is empty")
    silence_libtiff()
    with ignoring_pillow_warnings:
        try:
            with Image.open(io.BytesIO(content), formats=kinds.readable(content)) as image:
                if image.width * image.height > LARGEST_PIXELS:
                    raise BadImage(
                        f"has {image.width} x {image.height} pixels, more than {LARGEST_PIXELS:,}"
                    )
                if kinds.is_camera_raw(image):
                    raise BadImage(f"is no image of a kind read here, {kinds.RAW}")
                yield image
        except BadImage:
            raise
        except UnidentifiedImageError:
            raise BadImage(kinds.refusal(content)) from None
        except Image.DecompressionBombError:
            raise BadImage(f"has more than {LARGEST_PIXELS:,} pixels") from None
        # Damaged files make Pillow raise nearly anything: SyntaxError, IndexError, struct.error ...
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise BadImage(f"cannot be decoded: {reason}") from None


def decode(
    content: bytes, image_size: tuple[int, int], *, channels: int = 3, fit: str = "stretch"
) -> np.ndarray:
    """Decode an image file's bytes to pixels of one size.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("LA", (40, 30), (0, 127)).save(file, "PNG")
    >>> decode(file.getvalue(), (2, 2))[0, 0].tolist()
    [128, 128, 128]

    Args:
        content: The file's bytes.
        image_size: (height, width) in pixels, each 1 to 8192.
        channels: 3 for RGB, 1 for grey.
        fit: How other proportions reach `image_size`: "stretch", or "crop" to the largest central
            part of those proportions.

    Returns:
        Pixels, uint8, shape (height, width, channels).

    Raises:
        BadImage: The file cannot be decoded; the message is the reason.
        SettingError: A setting is not allowed.
    """
    check_settings(image_size, channels, fit)
    pixels = _decode_plain_jpeg(content, image_size, fit) if channels == 3 else None
    if pixels is not None:
        return pixels
    with opened(content) as image:
        if not isinstance(image, JpegImageFile):  # only JPEG can be decoded at a fraction
            image.load()
        orientation = modes.orientation(image)
        sideways = orientation in modes.SIDEWAYS
        target = image_size if sideways else image_size[::-1]  # (width, height), as stored
        full_size = image.size
        box = geometry.fitted_box(full_size, target, fit)
        image.draft(None, geometry.least_size(full_size, target, box))
        box = geometry.scaled_box(box, full_size, image.size)
        resized = resize.bilinear(modes.eight_bit(image, channels), target, box)
        upright = modes.turn_upright(resized, orientation)
        return np.asarray(upright).reshape(*image_size, channels)


def check_pixels(content: bytes, most: int) -> None:
    """Check the size of a picture before its pixels are decoded.

    Args:
        content: The file's bytes.
        most: Pixels that it may have, width x height; `decode` itself takes LARGEST_PIXELS.

    Raises:
        BadImage: It has more, or is no picture.
    """
    with opened(content) as image:
        if image.width * image.height > most:
            raise BadImage(f"has {image.width} x {image.height} pixels, more than {most:,}")


def check_settings(image_size: tuple[int, int], channels: int, fit: str) -> None:
    """Check the settings of `decode` before any file is read.

    Args:
        image_size: As `decode` takes it.
        channels: As `decode` takes it.
        fit: As `decode` takes it.

    Raises:
        SettingError: `decode` would not take them.
    """
    pair = isinstance(image_size, (tuple, list)) and len(image_size) == 2
    if not pair or not all(isinstance(s, int) and 1 <= s <= LARGEST_SIDE for s in image_size):
        raise SettingError(
            f"image_size is one number or (height, width), each 1 to {LARGEST_SIDE}, "
            f"not {image_size!r}."
        )
    if channels not in (1, 3):
        raise SettingError(f"channels is 3 for colour or 1 for grey, not {channels}.")
    if fit not in FITS:
        raise SettingError(f"fit is {' or '.join(map(repr, FITS))}, not {fit!r}.")


def display(path: str | Path) -> str:
    """Return a path as text that can be printed and stored.

    Args:
        path: A path; its name may be of any bytes.

    Returns:
        The path; bytes that are not UTF-8 become the replacement character.
    """
    return os.fsencode(path).decode("utf-8", "replace")


def _decode_plain_jpeg(content: bytes, image_size: tuple[int, int], fit: str) -> np.ndarray | None:
    """Decode a JPEG without Pillow; None for a file that needs Pillow."""
    size = jpeg.plain_size(content)
    if size is None:
        return None
    target = image_size[::-1]
    box = geometry.fitted_box(size, target, fit)
    least = geometry.least_size(size, target, box)
    if min(size[0] // least[0], size[1] // least[1]) >= 2:  # Pillow decodes it at a fraction
        return None
    return jpeg.decode_resized(content, target, box)
