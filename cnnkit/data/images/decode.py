"""From the bytes of any image file to pixels: one rule for each oddity, one reason for each refusal.

What a file is   is told by its content, never by its name; KINDS are read.
Several frames   the first one is taken: of animations, of pages, of an iPhone's MPO.
EXIF turns       are undone, so that pictures stand upright; a damaged EXIF block counts as none.
Transparency     is laid over white, as a page would show it; palettes are looked up.
16-bit grey      0 to 65535 become 0 to 255, rounded. Of 16-bit colour, Pillow keeps the high byte.
CMYK, YCCK       become RGB by Pillow's formula (with Adobe's inversion); colour profiles are not used.
32-bit, floats   are refused, unless 16 bits hold the values: nothing says what would be white.
Channels         3 is RGB; 1 is ITU-R 601 luma, (299 R + 587 G + 114 B) / 1000.
Size             Pillow's bilinear resize with antialiasing: each pixel is the triangle-weighted mean
                 of the area it covers, so that thin lines do not flicker as with four-point bilinear.
                 `cnnkit.data.images.resize` says who computes it, and `cnnkit.data.images.jpeg` who decodes a
                 photograph with none of these oddities.
                 A JPEG more than REDUCTION_GAP times too large is decoded at 1/2, 1/4 or 1/8 first,
                 which costs 0.6 of 255 on average (44 photographs, eight sizes), and saves time.
Refused          files that are empty, truncated, damaged so that Pillow gives up, of no kind read
                 here, of more than LARGEST_PIXELS or LARGEST_BYTES, and what is no regular file.
"""

import contextlib
import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from cnnkit.data.images import jpeg, resize
from cnnkit.errors import CnnkitError, SettingError

VERSION = 1  # of the rules above: stored pixels of another version are decoded anew
KINDS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM")
LARGEST_PIXELS = 178_956_970  # where Pillow, too, speaks of a decompression bomb: 0.5 GB as RGB
LARGEST_BYTES = 2**29
REDUCTION_GAP = 3  # Pillow's documentation of `reducing_gap`: 3.0 is close to indistinguishable
FITS = ("stretch", "crop")
NEITHER_WAIT_NOR_TRANSLATE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

ORIENTATION = 0x0112
TURNS = {  # EXIF 2.32, section 4.6.4.A, tag 0x112: what brings each orientation upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)


class BadImage(CnnkitError):
    """A file that cannot be read as an image; the message is the reason, such as "is empty"."""


def read(path: str | os.PathLike) -> bytes:
    """Return a file's bytes; raises BadImage for what is no readable, regular file of sensible size.

    Never waits: a named pipe is refused, not read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | NEITHER_WAIT_NOR_TRANSLATE)
    except FileNotFoundError:
        raise BadImage("is not there") from None
    except OSError as error:
        raise BadImage(f"cannot be opened: {error.strerror}") from None
    # A file object would let go of Python's lock twice as often, and wait for it as often.
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
    """Yield the image of a file's bytes, its pixels not yet decoded.

    Whatever goes wrong, here or while the caller decodes, becomes BadImage with a reason.
    """
    if not content:
        raise BadImage("is empty")
    Image.init()
    kinds = [kind for kind in KINDS if kind in Image.OPEN]
    with _QUIET:
        try:
            with Image.open(io.BytesIO(content), formats=kinds) as image:
                if image.width * image.height > LARGEST_PIXELS:
                    raise BadImage(
                        f"has {image.width} x {image.height} pixels, more than {LARGEST_PIXELS:,}"
                    )
                yield image
        except BadImage:
            raise
        except UnidentifiedImageError:
            raise BadImage(f"is no image of a kind read here, {_guess(content)}") from None
        except Image.DecompressionBombError:
            raise BadImage(f"has more than {LARGEST_PIXELS:,} pixels") from None
        # Damaged files make Pillow raise nearly anything: SyntaxError, IndexError, struct.error ...
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise BadImage(f"cannot be decoded: {reason}") from None


def decode(
    content: bytes, image_size: tuple[int, int], *, channels: int = 3, fit: str = "stretch"
) -> np.ndarray:
    """Return an image file's pixels, uint8, shape (height, width, channels).

    image_size: (height, width). channels: 3 or 1. fit: "stretch" to that shape, or "crop" to the
    largest central part of that shape. Raises BadImage with the reason, SettingError for a setting.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("LA", (40, 30), (0, 127)).save(file, "PNG")
    >>> decode(file.getvalue(), (2, 2))[0, 0].tolist()
    [128, 128, 128]
    """
    check_settings(image_size, channels, fit)
    plain_jpeg = _plain_jpeg(content, image_size, fit) if channels == 3 else None
    if plain_jpeg is not None:
        return plain_jpeg
    with opened(content) as image:
        if not isinstance(image, JpegImageFile):  # only JPEG can be decoded at a fraction
            image.load()
        turn = orientation(image)
        height, width = image_size[::-1] if turn in SIDEWAYS else image_size
        size = image.size
        box = _box(size, (width, height), fit)
        image.draft(None, _wanted(size, (width, height), box))
        shrunk = image.width / size[0], image.height / size[1]
        pixels = resize.bilinear(
            plain(image, channels),
            (width, height),
            (
                min(box[0] * shrunk[0], image.width),
                min(box[1] * shrunk[1], image.height),
                min(box[2] * shrunk[0], image.width),
                min(box[3] * shrunk[1], image.height),
            ),
        )
        if turn in TURNS:
            pixels = pixels.transpose(TURNS[turn])
        return np.asarray(pixels).reshape(*image_size, channels)


def check_settings(image_size: tuple[int, int], channels: int, fit: str) -> None:
    """Raise SettingError unless `decode` takes these settings."""
    sides = tuple(image_size)
    if len(sides) != 2 or not all(isinstance(side, int) and 1 <= side <= 8192 for side in sides):
        raise SettingError(f"image_size is (height, width), each 1 to 8192, not {image_size}.")
    if channels not in (1, 3):
        raise SettingError(f"channels is 3 for colour or 1 for grey, not {channels}.")
    if fit not in FITS:
        raise SettingError(f"fit is {' or '.join(map(repr, FITS))}, not {fit!r}.")


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) where there is none that can be read."""
    try:
        turn = image.getexif().get(ORIENTATION, 1)
    except Exception:  # EXIF is a TIFF file inside the file, damaged in as many ways
        return 1
    return turn if turn in TURNS else 1


def plain(image: Image.Image, channels: int) -> Image.Image:
    """Return an image of any mode as RGB or L, by the rules at the head of this file."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    image.load()
    mode = "RGB" if channels == 3 else "L"
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise BadImage(f"has {image.mode}-mode values of 32 bits, of which none is known as white")
    return Image.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))


def _plain_jpeg(content: bytes, image_size: tuple[int, int], fit: str) -> np.ndarray | None:
    """Return the pixels of a JPEG file with none of the oddities above; None for any other."""
    size = jpeg.ordinary(content)
    if size is None:
        return None
    target = image_size[::-1]
    box = _box(size, target, fit)
    wanted = _wanted(size, target, box)
    if min(size[0] // wanted[0], size[1] // wanted[1]) >= 2:  # Pillow decodes it at a fraction
        return None
    return jpeg.resized(content, target, box)


def _wanted(size: tuple[int, int], target: tuple[int, int], box: resize.Box) -> tuple[int, int]:
    """Return the least size at which a JPEG is to be decoded."""
    kept = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    width, height = (
        max(1, round(REDUCTION_GAP * side / part)) for side, part in zip(target, kept, strict=True)
    )
    return width, height


def _box(size: tuple[int, int], target: tuple[int, int], fit: str) -> resize.Box:
    """Return the box (left, top, right, bottom) of what is kept: all, or the largest central part."""
    if fit == "stretch":
        return 0, 0, *size
    width, height = size
    aspect = target[0] / target[1]
    kept_width, kept_height = min(width, height * aspect), min(height, width / aspect)
    left, top = (width - kept_width) / 2, (height - kept_height) / 2
    return left, top, left + kept_width, top + kept_height


def _guess(content: bytes) -> str:
    start = content[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "but a web page"
    if start.startswith((b"<svg", b"<?xml")):
        return "but XML or SVG"
    if b"\0" not in content[:512] and start.isascii():
        return "but text"
    return "or its head is damaged"


class _Quiet:
    """Ignores Pillow's warnings while any thread decodes; warnings' own context is not for threads."""

    def __init__(self):
        self._lock, self._inside, self._filters = threading.Lock(), 0, None

    def __enter__(self):
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module="PIL")
            self._inside += 1

    def __exit__(self, *error):
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


_QUIET = _Quiet()


def display(path: str | Path) -> str:
    """Return a path as text that can be printed and stored, whatever bytes its name is made of."""
    return os.fsencode(path).decode("utf-8", "replace")
