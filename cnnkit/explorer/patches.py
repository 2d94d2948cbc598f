"""What each filter of a network has learnt to look for, as pictures in the explorer's document."""

import base64
import io

import keras
import numpy as np
from PIL import Image

from cnnkit.explain.top_patches import top_patches
from cnnkit.keras_graph.hooks import innermost_layers

LARGEST_TILE = 48  # pixels a side; larger patches are shrunk
MOST_FILTERS = 64  # a layer


def exciting_patches(
    model: keras.Model, images, *, count: int = 9, most_layers: int = 20
) -> dict[str, dict]:
    """Find the patches that excite each filter of a network's convolutions most.

    Args:
        model: A network of pictures that takes values of 0 to 255.
        images: `(samples, height, width, channels)`, uint8, or any object with a length and
            `images[indices]`.
        count: Patches for each filter; fewer where there are fewer images.
        most_layers: Convolutions to search, the first ones.

    Returns:
        By path of a layer: one picture of all patches, as `document` takes it. Of a layer of more than
        64 filters the first 64 are in it.
    """
    found = {}
    layers = innermost_layers(model).items()
    convolutions = [path for path, layer in layers if isinstance(layer, keras.layers.Conv2D)]
    for path in convolutions[:most_layers]:
        best = top_patches(model, images, path, count=count)
        filters = min(len(best.values), MOST_FILTERS)
        rows = [best.patches(images, index) for index in range(filters)]
        found[path] = _sheet(rows)
    return found


def _sheet(rows: list[list[np.ndarray]]) -> dict:
    """Return one picture with a row of tiles for each filter."""
    patches = [patch for row in rows for patch in row]
    # At a border a patch is smaller than the receptive field; it stays at its size, top left.
    height, width = (max(patch.shape[axis] for patch in patches) for axis in (0, 1))
    shrink = min(1.0, LARGEST_TILE / max(height, width))
    tile = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    count = max(len(row) for row in rows)
    channels = patches[0].shape[-1]
    sheet = Image.new("RGBA", (count * tile[1], len(rows) * tile[0]))
    for row, of_filter in enumerate(rows):
        for column, patch in enumerate(of_filter):
            pixels = np.asarray(patch, np.uint8)
            picture = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
            if shrink < 1:
                size = [max(1, round(side * shrink)) for side in (patch.shape[1], patch.shape[0])]
                picture = picture.resize(size, Image.Resampling.BILINEAR)
            sheet.paste(picture, (column * tile[1], row * tile[0]))
    content = io.BytesIO()
    sheet.save(content, "PNG", optimize=True)
    address = base64.b64encode(content.getvalue()).decode("ascii")
    return {
        "image": f"data:image/png;base64,{address}",
        "tile": list(tile),
        "count": count,
        "filters": len(rows),
    }
