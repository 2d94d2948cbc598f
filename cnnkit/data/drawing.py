"""Your own drawing, prepared as the training drawings were: a digit from a paint program, a photo of paper."""

import os
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cnnkit.data.border import border_values, some_of
from cnnkit.data.dataset import Dataset
from cnnkit.data.images import decode, modes, resize
from cnnkit.errors import BadImage, SettingError

INK = 0.25  # part of the value range by which ink differs from what it is drawn on
PLAIN_BORDER = 0.6  # part of the border pixels that are like its median, around drawings
FAINT = 0.9  # part of the value range that ink should span; fainter ink is strengthened


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture as a data set has them, and what was done to it.

    Attributes:
        pixels: `(height, width, channels)`, in the data set's range and number type.
        steps: What was done, in words, one sentence each.
    """

    pixels: np.ndarray
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.steps)


@dataclass(frozen=True)
class _Style:
    """How drawings lie on their ground, all in parts of the value range or of the picture's side.

    Attributes:
        ground: Brightness of what is drawn on.
        is_light: Whether ink is lighter than the ground.
        fill: The longer side of what is drawn.
    """

    ground: float
    is_light: bool
    fill: float


def prepare_drawing(picture, like: Dataset) -> Drawing:
    """Prepare any picture as the training pictures of a data set are.

    Where the data set has drawings on a plain ground, such as digits, the picture is turned to light
    on dark (or dark on light) as they are, cut to what is drawn, and centred with a margin as wide as
    theirs. Pictures for photographs are resized alone.

    Args:
        picture: An image file, its content (bytes), or an array `(height, width)` or
            `(height, width, channels)` of uint8, or of floats in [0, 1].
        like: The data set whose pictures it shall be like.

    Returns:
        The pixels, and what was done, in words.

    Raises:
        SettingError: The file cannot be read, nothing is drawn, or the data set has no pictures.

    >>> from cnnkit import data
    >>> paper = np.full((50, 50), 255, "uint8")
    >>> paper[10:40, 24:27] = 0
    >>> drawing = prepare_drawing(paper, data.digits())
    >>> drawing.steps[1]
    'It was dark on light and is turned to light on dark.'
    >>> drawing.pixels.shape, int(drawing.pixels[0, 0, 0])
    ((28, 28, 1), 0)
    """
    shape = tuple(like.image_shape)
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise SettingError(
            f"Data set {like.name!r} has inputs of shape {shape}; a picture can be prepared for "
            "(height, width, 1) or (height, width, 3)."
        )
    image, steps = _opened(picture, shape[-1])
    style = _style(like)
    if style is not None:
        image, more = _redrawn(image, style, shape[:2])
        steps += more
    height, width = shape[:2]
    if image.size != (width, height):
        steps.append(
            f"It is resized from {image.height} x {image.width} to {height} x {width} pixels."
        )
        image = resize.bilinear(image, (width, height), (0, 0, *image.size))
    pixels = np.asarray(image).reshape(shape)
    low, high = like.value_range
    if (low, high) != (0, 255):
        pixels = low + (high - low) * (pixels / 255)
        steps.append(f"Black is {low:g} and white is {high:g}.")
    return Drawing(pixels.astype(like.train.inputs.dtype), tuple(steps))


def _opened(picture, channels: int) -> tuple[Image.Image, list[str]]:
    """Return an upright picture of 8 bits with these channels, and what was done to it."""
    if isinstance(picture, np.ndarray):
        image = _from_array(picture)
    else:
        name = "The picture" if isinstance(picture, bytes) else os.fspath(picture)
        try:
            content = picture if isinstance(picture, bytes) else decode.read(picture)
            with decode.opened(content) as opened:
                opened.load()
                upright = modes.turn_upright(modes.eight_bit(opened, 3), modes.orientation(opened))
        except BadImage as error:
            raise SettingError(f"{name} {error}; give an image file, such as a PNG.") from error
        image = upright
    colour = image.mode == "RGB" and np.ptp(np.asarray(image), axis=-1).max() > 0
    if channels == 1:
        return image.convert("L"), ["Its colours become grey."] if colour else ["It is grey."]
    return image.convert("RGB"), ["It is in colour." if colour else "It is grey."]


def _from_array(pixels: np.ndarray) -> Image.Image:
    values = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    fits = values.ndim == 2 or (values.ndim == 3 and values.shape[-1] == 3)
    if not fits or not values.size:
        raise SettingError(
            f"A picture is an array (height, width) or (height, width, 3), not {pixels.shape}."
        )
    if values.dtype != np.uint8:
        values = np.asarray(values, "float64")
        if not (values.min() >= 0 and values.max() <= 1):
            raise SettingError(
                f"A picture of floats has values from 0, black, to 1, white, not {values.min():g} to "
                f"{values.max():g}; scale it, or give uint8."
            )
        values = np.rint(255 * values).astype(np.uint8)
    return Image.fromarray(values)


def _style(like: Dataset) -> _Style | None:
    """Return how a data set's drawings look; None where its pictures are no drawings."""
    low, high = like.value_range
    images = some_of(like.train.inputs).mean(axis=-1)
    images = (images - low) / max(high - low, 1e-12)
    border = border_values(images)
    ground = float(np.median(border))
    if np.mean(np.abs(border - ground) < INK / 2) < PLAIN_BORDER:
        return None
    ink = np.abs(images - ground) > INK
    boxes = [box for each in ink if (box := _box(each)) is not None]
    if not boxes:
        return None
    sides = [max(bottom - top, right - left) for top, bottom, left, right in boxes]
    fill = float(np.median(sides)) / max(images.shape[1:])
    return _Style(ground, bool(np.mean(images[ink]) > ground), fill)


def _redrawn(image: Image.Image, style: _Style, size) -> tuple[Image.Image, list[str]]:
    """Return a drawing on its ground: turned, strengthened, cut and centred as the others are."""
    values = np.asarray(image.convert("L"), "float32") / 255
    ground = float(np.median(border_values(values[None])))
    is_ink = np.abs(values - ground) > INK
    box = _box(is_ink)
    if box is None:
        raise SettingError(
            "Nothing is drawn: all of the picture is about as light as its border. Draw with dark "
            "ink on white, or with white on black."
        )
    pixels, steps = _on_their_ground(
        np.asarray(image, "float32") / 255, values[is_ink], ground, style
    )
    top, bottom, left, right = box
    drawn = pixels[top:bottom, left:right]
    sides = np.array(drawn.shape[:2])
    whole = np.ceil(np.max(sides / (style.fill * np.array(size))) * np.array(size)).astype(int)
    whole = np.maximum(whole, sides)
    canvas = np.full((*whole, *drawn.shape[2:]), style.ground, "float32")
    above, before = (whole - sides) // 2
    canvas[above : above + sides[0], before : before + sides[1]] = drawn
    steps.append(
        f"It is cut to what is drawn, {sides[0]} x {sides[1]} of {image.height} x {image.width} "
        f"pixels, and centred so that this fills {style.fill:.0%} of the longer side."
    )
    return Image.fromarray(np.rint(255 * canvas).astype(np.uint8)), steps


def _on_their_ground(pixels, ink, ground: float, style: _Style) -> tuple[np.ndarray, list[str]]:
    """Return pixels whose ground is that of the other drawings, and whose ink is black or white."""
    steps = []
    was_light = bool(ink.mean() > ground)
    names = {True: "light on dark", False: "dark on light"}
    if was_light != style.is_light:
        steps.append(f"It was {names[was_light]} and is turned to {names[style.is_light]}.")
    strongest = float(np.quantile(ink, 0.95 if was_light else 0.05))
    if abs(strongest - ground) < FAINT:
        steps.append("Its ink is faint and is strengthened.")
    target = 1.0 if style.is_light else 0.0
    scaled = style.ground + (pixels - ground) * (target - style.ground) / (strongest - ground)
    return np.clip(scaled, 0, 1), steps


def _box(ink: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return (top, bottom, left, right) of what is True, the ends excluded; None if nothing is."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
