"""What can be measured on one image file: kind, size, brightness and a fingerprint."""

import builtins
import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cnnkit.data.images import decode, jpeg, modes
from cnnkit.data.inspection import duplicates

MEASURED_SIDE = 40  # pixels; a JPEG is decoded at a fraction, but no side gets smaller than this
POWERS = np.arange(256.0)[:, None] ** np.arange(3)  # 1, v and v**2 of each value v of a channel


@dataclass(frozen=True, slots=True)
class Facts:
    """Measurements of one readable image file.

    Attributes:
        kind: The file's kind, as Pillow names it: "JPEG".
        mode: Of its pixels, as Pillow names it: "RGB".
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        bytes: Size of the file.
        turn: EXIF orientation, 1 to 8; 1 is upright.
        frames: Number of frames or pages.
        mean: Of red, green and blue, 0 to 255. Large JPEGs are measured at a reduced size.
        deviation: Standard deviations of red, green and blue.
        brightness_deviation: Standard deviation of the grey picture, 0 to 128.
        digest: SHA-256 of the file's bytes, 32 bytes.
        bits: 64 bits, similar for similar pictures: see `duplicates.fingerprint`.
        thumbnail: 8 x 8 grey values, 64 bytes.
    """

    kind: str
    mode: str
    width: int
    height: int
    bytes: int
    turn: int
    frames: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    brightness_deviation: float
    digest: builtins.bytes
    bits: int
    thumbnail: builtins.bytes


def examine(content: bytes) -> Facts:
    """Measure an image file.

    Args:
        content: The file's bytes.

    Returns:
        Its facts.

    Raises:
        BadImage: The file cannot be decoded; the message is the reason.
    """
    eighth = jpeg.decode_eighth(content, MEASURED_SIDE)
    if eighth is not None:
        kind, turn, frames = "JPEG", 1, 1
        mode, (width, height), pixels = eighth
        measured = _measure(Image.fromarray(pixels))
    else:
        with decode.opened(content) as image:
            kind, mode, (width, height) = str(image.format), image.mode, image.size
            image.draft(None, (MEASURED_SIDE, MEASURED_SIDE))
            picture = modes.eight_bit(image, 3)
            turn, frames = modes.orientation(image), _count_frames(image)
            measured = _measure(picture)
    if turn in modes.SIDEWAYS:
        width, height = height, width
    digest = hashlib.sha256(content).digest()
    return Facts(
        kind=kind, mode=mode, width=width, height=height, bytes=len(content), turn=turn,
        frames=frames, digest=digest, **measured,
    )  # fmt: skip


def _measure(picture: Image.Image) -> dict:
    """Return the facts that the pixels of an RGB picture give."""
    grey = picture.convert("L")
    means, deviations = _moments(picture, grey)
    bits, thumbnail = duplicates.fingerprint(grey)
    return {
        "mean": means[:3], "deviation": deviations[:3], "brightness_deviation": deviations[3],
        "bits": bits, "thumbnail": thumbnail,
    }  # fmt: skip


def _moments(*images: Image.Image) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return means and standard deviations of the images' channels, computed from histograms."""
    counts = np.array([count for image in images for count in image.histogram()], float)
    pixels, total, squares = (counts.reshape(-1, 256) @ POWERS).T
    mean = total / pixels
    variance = np.maximum(squares / pixels - mean**2, 0)
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())


def _count_frames(image: Image.Image) -> int:
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # only the first frame is used; later ones may be damaged
        return 1
