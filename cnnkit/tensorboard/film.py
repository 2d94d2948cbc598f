"""A film of learning: the pictures that `Explain` drew, epoch by epoch, as one animated file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from cnnkit import atomic
from cnnkit.data.images.decode import opened
from cnnkit.errors import BadImage, SettingError
from cnnkit.explain.figures import tiles
from cnnkit.runs import files

SUFFIXES = (".webp", ".gif")
DEFAULT_TAGS = ("decisions", "grad_cam", "filters")
CAPTION_HEIGHT = 16  # pixels above the pictures


def read_pictures(folder: str | Path) -> dict[str, dict[int, np.ndarray]]:
    """Read the images in a folder of event files.

    Args:
        folder: A run's tensorboard/explain, or the folder of the callback.

    Returns:
        Images by tag and epoch (counted from 0), each of shape (height, width, 3), uint8.

    Raises:
        SettingError: There are none, or a file is damaged or none of a run's.
    """
    pictures: dict[str, dict[int, np.ndarray]] = {}
    for path in sorted(Path(folder).glob("events.*")):
        if not files.is_regular(folder, path.name):  # a pipe would keep the reader waiting
            raise SettingError(f"{path} cannot be read: it is {files.REFUSED}.")
        try:
            for event in EventFileLoader(str(path)).Load():
                for value in event.summary.value:
                    if value.metadata.plugin_data.plugin_name == "images":
                        content = value.tensor.string_val[2]  # after width and height
                        with opened(content) as image:
                            pixels = np.asarray(image.convert("RGB"))
                        pictures.setdefault(value.tag, {})[event.step] = pixels
        except (BadImage, IndexError) as error:
            reason = error if isinstance(error, BadImage) else "has no pixels"
            raise SettingError(f"{path} is damaged: one of its pictures {reason}.") from None
    if not pictures:
        raise SettingError(
            f"{folder} has no pictures; train with Experiment(explain=Explain()) to make some."
        )
    return pictures


def write_film(
    folder: str | Path, path: str | Path, tags: Sequence[str] = (), seconds: float = 0.6
) -> list[int]:
    """Write a film of the images in a folder of event files; it repeats for ever.

    Args:
        folder: As of `read_pictures`.
        path: FILE.webp or FILE.gif.
        tags: As of `film_frames`.
        seconds: How long each epoch is shown; the last one is shown four times as long.

    Returns:
        The epochs that the film shows, counted from 1.

    Raises:
        SettingError: There are no images, or the path has another suffix.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise SettingError(f"A film is FILE{' or FILE'.join(SUFFIXES)}, not {path.name!r}.")
    shown = film_frames(folder, tags)
    drawn = [_titled(pixels, f"epoch {epoch}") for epoch, pixels in shown.items()]
    durations = [round(1000 * seconds)] * len(drawn)
    durations[-1] *= 4
    with atomic.replacing(path) as temporary:
        drawn[0].save(temporary, save_all=True, append_images=drawn[1:], duration=durations, loop=0)
    return list(shown)


def film_frames(folder: str | Path, tags: Sequence[str] = ()) -> dict[int, np.ndarray]:
    """Return the frames of a film: an epoch's images, one below the other.

    Args:
        folder: As of `read_pictures`.
        tags: Which images; decisions, Grad-CAM and filters if there are no tags.

    Returns:
        A frame for each epoch (counted from 1), shape (height, width, 3), uint8.

    Raises:
        SettingError: There are no images, or none with such a tag.
    """
    pictures = read_pictures(folder)
    chosen = tags or [tag for tag in DEFAULT_TAGS if tag in pictures] or list(pictures)
    for tag in chosen:
        if tag not in pictures:
            raise SettingError(f"{folder} has no pictures {tag!r}, only {', '.join(pictures)}.")
    epochs = sorted(set.intersection(*(set(pictures[tag]) for tag in chosen)))
    return {epoch + 1: tiles.stack([pictures[tag][epoch] for tag in chosen]) for epoch in epochs}


def _titled(pixels: np.ndarray, title: str) -> Image.Image:
    image = Image.new("RGB", (pixels.shape[1], pixels.shape[0] + CAPTION_HEIGHT), "white")
    image.paste(Image.fromarray(pixels), (0, CAPTION_HEIGHT))
    ImageDraw.Draw(image).text((4, 2), title, fill="black")
    return image
