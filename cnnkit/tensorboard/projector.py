"""The files of TensorBoard's embedding projector.

Keras' `TensorBoard(embeddings_freq=...)` leaves the projector empty: it names a tensor of a
checkpoint, and the plugin does not find it there. The plugin does read a table that the
configuration names as `tensor_path`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cnnkit import atomic
from cnnkit.explain.figures import tiles

CONFIG_FILE = "projector_config.pbtxt"  # the plugin looks for this name in each run's folder
THUMBNAIL_SIZE = 32  # pixels a side, at most
MAX_SPRITE_SIZE = 8192  # pixels a side; browsers fail to draw larger ones


def write_projector(
    folder: Path,
    name: str,
    embeddings: np.ndarray,
    columns: Mapping[str, Sequence[str]],
    thumbnails: np.ndarray | None = None,
) -> None:
    """Write embeddings, with their labels and thumbnails, beside a run's event files.

    Args:
        folder: Folder of the event files; it is made if it is missing.
        name: Name of the tensor in the projector.
        embeddings: Points, shape (samples, features).
        columns: A text a sample, by the name of the column.
        thumbnails: Images of the samples, shape (samples, height, width, 3), uint8, drawn at the
            points; None draws dots.
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
        if side * max(height, width) <= MAX_SPRITE_SIZE:
            sprite: np.ndarray = np.zeros((side * side, height, width, 3), "uint8")
            sprite[: len(thumbnails)] = thumbnails
            sprite = sprite.reshape(side, side, height, width, 3).swapaxes(1, 2)
            sprite = sprite.reshape(side * height, side * width, 3)
            atomic.write_bytes(folder / "sprite.png", tiles.png(sprite))
            size = f"single_image_dim: {width} single_image_dim: {height}"
            lines.append(f'  sprite {{ image_path: "sprite.png" {size} }}')
    atomic.write_text(folder / CONFIG_FILE, "\n".join([*lines, "}"]) + "\n")


def thumbnails(images: np.ndarray, low: float = 0, high: float = 255) -> np.ndarray:
    """Return images small enough for `write_projector`, by leaving out rows and columns.

    Args:
        images: Images, shape (samples, height, width, channels).
        low: The value that is drawn black.
        high: The value that is drawn white.

    Returns:
        Thumbnails, shape (samples, height, width, 3), uint8, of at most 32 pixels a side.
    """
    step = max(1, -(-max(images.shape[1:3]) // THUMBNAIL_SIZE))
    small = images[:, ::step, ::step]
    return np.stack([tiles.picture(image, low, high, side=1) for image in small])


def _metadata(columns: Mapping[str, Sequence[str]]) -> str:
    """Return a table; the plugin expects a heading only if there are several columns."""
    lines = list(zip(*columns.values(), strict=True))
    if len(columns) > 1:
        lines = [tuple(columns), *lines]
    return "".join("\t".join(" ".join(str(text).split()) for text in line) + "\n" for line in lines)
