"""What each filter of a network has learnt to look for, as pictures in the explorer's document."""

import base64
import io

import keras
import numpy as np
from PIL import Image

from cnnkit.explain.top_patches import TopPatches, top_patches_of_layers
from cnnkit.keras_graph.hooks import innermost_layers
from cnnkit.models.anatomy import anatomy

LARGEST_TILE = 32  # pixels a side; larger patches are shrunk
MOST_FILTERS = 64  # a layer
MOST_PIXELS = 200_000  # a layer; layers of large patches show fewer filters
LARGEST_PNG_TILE = 16  # pixels a side; larger patches in colour are photographs, stored as JPEG
AROUND = 128  # grey where a patch at a border is smaller than the others


def exciting_patches(
    model: keras.Model,
    images,
    *,
    count: int = 9,
    most_layers: int = 12,
    value_range: tuple[float, float] = (0, 255),
) -> dict[str, dict]:
    """Find the patches that excite each filter of a network's convolutions most.

    Args:
        model: A network of pictures, from stored values.
        images: `(samples, height, width, channels)`, stored values, or any object with a length and
            `images[indices]`.
        count: Patches for each filter; fewer where there are fewer images.
        most_layers: Convolutions to show, at least 1. Of more, some from the first to the last.
        value_range: The stored values of black and white.

    Returns:
        By path of a layer: one picture of all patches, as `document` takes it. Of a layer of many
        filters or large patches, the first filters are in it. Layers whose maps have one place are
        left out.
    """
    layers = innermost_layers(model)
    # A map of one place, as LeNet-5's C5 has, sees the whole picture: there is nothing to cut out.
    paths = [
        row.name
        for row in anatomy(model).rows
        if isinstance(layers.get(row.name), keras.layers.Conv2D) and row.output_shape[:2] != (1, 1)
    ]
    if not paths:
        return {}
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), most_layers)).round().astype(int)
    found = top_patches_of_layers(model, images, [paths[n] for n in chosen], count=count)
    return {path: _sheet(best, images, value_range) for path, best in found.items()}


def _sheet(best: TopPatches, images, value_range: tuple[float, float]) -> dict:
    """Return one picture with a row of tiles for each filter."""
    filters, count = best.values.shape
    rows = [best.patches(images, index) for index in range(min(filters, MOST_FILTERS))]
    sides = [patch.shape[:2] for row in rows for patch in row]
    # At a border a patch is smaller than the receptive field; it stays at its size, top left.
    largest = tuple(max(side) for side in zip(*sides, strict=True))
    shrink = min(1.0, LARGEST_TILE / max(largest))
    height, width = (max(1, round(side * shrink)) for side in largest)
    rows = rows[: max(1, MOST_PIXELS // (count * height * width))]
    mode = "L" if rows[0][0].shape[-1] == 1 else "RGB"
    sheet = Image.new(mode, (count * width, len(rows) * height), (AROUND,) * len(mode))
    for row, of_filter in enumerate(rows):
        for column, patch in enumerate(of_filter):
            picture = _picture(patch, value_range)
            if shrink < 1:
                size = [max(1, round(side * shrink)) for side in (patch.shape[1], patch.shape[0])]
                picture = picture.resize(size, Image.Resampling.BILINEAR)
            sheet.paste(picture, (column * width, row * height))
    is_photograph = mode == "RGB" and max(height, width) > LARGEST_PNG_TILE
    return {
        "image": _address(sheet, "jpeg" if is_photograph else "png"),
        "tile": [height, width],
        "count": count,
        "filters": len(rows),
    }


def _picture(patch: np.ndarray, value_range: tuple[float, float]) -> Image.Image:
    low, high = value_range
    bright = np.clip((patch.astype(np.float64) - low) / (high - low) * 255, 0, 255)
    pixels = np.rint(bright).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _address(sheet: Image.Image, kind: str) -> str:
    content = io.BytesIO()
    sheet.save(content, kind, optimize=True, **({"quality": 80} if kind == "jpeg" else {}))
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
