"""A film: figures one after the other, as an animated GIF that any page shows."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from cnnkit import atomic
from cnnkit.errors import SettingError
from cnnkit.plots.fonts import choose_fonts

LAST = 3  # times as long is the last frame shown
DPI = 90


@dataclass(frozen=True)
class Film:
    """An animated GIF; a notebook shows it in place.

    Attributes:
        content: The bytes of the file.
        frames: How many pictures it has.
    """

    content: bytes
    frames: int

    def __repr__(self) -> str:
        return f"<Film of {self.frames} frames>"

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.content).decode()
        return (
            f'<img alt="an animation of {self.frames} frames" src="data:image/gif;base64,{data}">'
        )

    def save(self, path: str | Path) -> Path:
        """Write the film to a file.

        Args:
            path: FILE.gif.

        Returns:
            The path.

        Raises:
            SettingError: The path has another ending.
        """
        path = Path(path)
        if path.suffix.lower() != ".gif":
            raise SettingError(f"A film is saved as FILE.gif, not as {path.name!r}.")
        atomic.write_bytes(path, self.content)
        return path


def film(figures: Iterable[Figure], *, seconds: float = 0.6) -> Film:
    """Join figures to a film that repeats for ever.

    Args:
        figures: The frames, all of one size. Each may be the same figure, redrawn in between.
        seconds: How long each frame is shown; the last one is shown three times as long.

    Returns:
        The film.

    Raises:
        SettingError: There are no figures.
    """
    frames = [_drawn(figure) for figure in figures]
    if not frames:
        raise SettingError("A film needs at least one figure.")
    durations = [round(1000 * seconds)] * len(frames)
    durations[-1] *= LAST
    content = io.BytesIO()
    # GIF has 256 colours; one palette for all frames, so that nothing flickers.
    palette = frames[-1].quantize(255, method=Image.Quantize.MAXCOVERAGE)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    drawn[0].save(
        content, "GIF", save_all=True, append_images=drawn[1:], duration=durations, loop=0
    )
    return Film(content.getvalue(), len(drawn))


def _drawn(figure: Figure) -> Image.Image:
    choose_fonts(figure)
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
