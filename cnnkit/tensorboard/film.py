"""Learning as a film: the pictures that `Explain` wrote, epoch by epoch, as one animated file."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from cnnkit.errors import SettingError
from cnnkit.explain.figures import tiles

KINDS = (".webp", ".gif")
USUAL = ("decisions", "grad_cam", "filters")
CAPTION = 16  # pixels above the pictures


def pictures(folder: str | Path) -> dict[str, dict[int, np.ndarray]]:
    """Return the pictures of a folder of events: by tag, by epoch, (height, width, 3) uint8.

    folder: a run's tensorboard/explain, or what `Explain` was given. Raises SettingError where
    there are none.
    """
    found = {}
    for path in sorted(Path(folder).glob("events.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "images":
                    content = value.tensor.string_val[2]  # after width and height
                    with Image.open(io.BytesIO(content)) as image:
                        found.setdefault(value.tag, {})[event.step] = np.asarray(
                            image.convert("RGB")
                        )
    if not found:
        raise SettingError(
            f"{folder} has no pictures; train with Experiment(explain=Explain()) to make some."
        )
    return found


def write(folder: str | Path, path: str | Path, tags: Sequence[str] = (), seconds: float = 0.6):
    """Write a film of the pictures in a folder of events, and return the epochs it shows.

    path: FILE.webp or FILE.gif, which plays for ever. tags: which pictures, one below the other;
    without them, decisions, Grad-CAM and filters. seconds: how long an epoch is shown; the last one
    four times as long.
    """
    path = Path(path)
    if path.suffix not in KINDS:
        raise SettingError(f"A film is FILE{' or FILE'.join(KINDS)}, not {path.name!r}.")
    shown = frames(folder, tags)
    drawn = [_titled(pixels, f"epoch {epoch}") for epoch, pixels in shown.items()]
    durations = [round(1000 * seconds)] * len(drawn)
    durations[-1] *= 4
    drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=durations, loop=0)
    return list(shown)


def frames(folder: str | Path, tags: Sequence[str] = ()) -> dict[int, np.ndarray]:
    """Return the pictures of a folder of events, one below the other: by epoch, counted from 1.

    tags: which pictures; without them, decisions, Grad-CAM and filters. Each frame is uint8, shape
    (height, width, 3). Raises SettingError where there are none, or none of that name.
    """
    found = pictures(folder)
    chosen = tags or [tag for tag in USUAL if tag in found] or list(found)
    for tag in chosen:
        if tag not in found:
            raise SettingError(f"{folder} has no pictures {tag!r}, only {', '.join(found)}.")
    epochs = sorted(set.intersection(*(set(found[tag]) for tag in chosen)))
    return {epoch + 1: tiles.stacked([found[tag][epoch] for tag in chosen]) for epoch in epochs}


def _titled(pixels: np.ndarray, title: str) -> Image.Image:
    image = Image.new("RGB", (pixels.shape[1], pixels.shape[0] + CAPTION), "white")
    image.paste(Image.fromarray(pixels), (0, CAPTION))
    ImageDraw.Draw(image).text((4, 2), title, fill="black")
    return image
