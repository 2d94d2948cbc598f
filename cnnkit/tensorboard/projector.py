"""TensorBoard's embedding projector: the files that its plugin reads, and their index.

Keras' `TensorBoard(embeddings_freq=...)` names a tensor of a checkpoint in which the plugin finds
none, so that the projector stays empty. A table of numbers, named by `tensor_path`, it does read.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cnnkit.explain.figures import tiles
from cnnkit.runs import atomic

CONFIG = "projector_config.pbtxt"  # the plugin looks for this name in each run's folder
THUMBNAIL = 32  # pixels a side
LARGEST_SPRITE = 8192  # pixels a side that browsers can still draw


def write(
    folder: Path,
    name: str,
    embeddings: np.ndarray,
    columns: Mapping[str, Sequence[str]],
    thumbnails: np.ndarray | None = None,
) -> None:
    """Write points with what is to be read of each beside a run's events.

    name: what the projector calls the tensor. embeddings: (samples, features). columns: a text a
    sample, by the column's name. thumbnails: (samples, height, width, 3) uint8, drawn for the points.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = ("\t".join(f"{value:.6g}" for value in row) for row in embeddings)
    atomic.write_text(folder / "embeddings.tsv", "\n".join(rows) + "\n")
    atomic.write_text(folder / "metadata.tsv", _metadata(columns))
    lines = [
        "embeddings {",
        f'  tensor_name: "{name}"',
        '  tensor_path: "embeddings.tsv"',
        '  metadata_path: "metadata.tsv"',
    ]
    if thumbnails is not None:
        height, width = thumbnails.shape[1:3]
        side = int(np.ceil(np.sqrt(len(thumbnails))))
        if side * max(height, width) <= LARGEST_SPRITE:
            sprite = np.zeros((side * side, height, width, 3), "uint8")
            sprite[: len(thumbnails)] = thumbnails
            sprite = sprite.reshape(side, side, height, width, 3).swapaxes(1, 2)
            sprite = sprite.reshape(side * height, side * width, 3)
            atomic.write_bytes(folder / "sprite.png", tiles.png(sprite))
            size = f"single_image_dim: {width} single_image_dim: {height}"
            lines.append(f'  sprite {{ image_path: "sprite.png" {size} }}')
    atomic.write_text(folder / CONFIG, "\n".join([*lines, "}"]) + "\n")


def thumbnails(images: np.ndarray, low: float = 0, high: float = 255) -> np.ndarray:
    """Return images as `write` draws them: every so many pixels, at most THUMBNAIL a side, uint8.

    images: (samples, height, width, channels). low, high: black and white.
    """
    step = max(1, -(-max(images.shape[1:3]) // THUMBNAIL))
    small = images[:, ::step, ::step]
    return np.stack([tiles.picture(image, low, high, side=1) for image in small])


def _metadata(columns: Mapping[str, Sequence[str]]) -> str:
    """Return a table; the plugin wants a heading only where there are several columns."""
    lines = list(zip(*columns.values(), strict=True))
    if len(columns) > 1:
        lines = [tuple(columns), *lines]
    return "".join("\t".join(_plain(text) for text in line) + "\n" for line in lines)


def _plain(text) -> str:
    return " ".join(str(text).split())
