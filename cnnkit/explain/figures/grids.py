"""Grids of images: heat maps, feature maps, filters, patches, receptive fields."""

from collections.abc import Mapping, Sequence

import numpy as np

from cnnkit import plots
from cnnkit.explain.top_patches import TopPatches
from cnnkit.models.receptive_field import Field

SIGNED, UNSIGNED = "PuOr_r", "inferno"  # safe for colour-blind readers
FRAME_COLOURS = ("#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442")


def heat_maps(
    images: np.ndarray,
    maps: Mapping[str, np.ndarray],
    captions: Sequence[str] | None = None,
):
    """Draw a row for each image: the image, then each method's map over it.

    A map with negative values goes from purple (against) over white to orange (for). Each map has its
    own scale.

    Args:
        images: `(samples, height, width, channels)`, any range.
        maps: `(samples, height, width)` by the name of the method, or in the shape of `images`, whose
            channels are then summed.
        captions: A line for each image.

    Returns:
        A matplotlib figure.
    """
    images = np.asarray(images)
    rows, columns = len(images), 1 + len(maps)
    figure = plots.new_figure(1.9 * columns, 1.9 * rows + 0.3)
    low, high = float(images.min()), float(images.max())
    for row, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, row * columns + 1)
        _show(axes, _picture(image, low, high))
        title = captions[row] if captions else "image" if row == 0 else ""
        axes.set_title(title, fontsize=8, parse_math=False)
        for column, (name, all_maps) in enumerate(maps.items(), start=2):
            axes = figure.add_subplot(rows, columns, row * columns + column)
            draw_heat_map(axes, image, all_maps[row], low, high)
            axes.set_title(name if row == 0 else "", fontsize=8)
    return figure


def draw_heat_map(axes, image: np.ndarray, heat: np.ndarray, low: float, high: float) -> None:
    """Draw one heat map over its image in grey.

    Args:
        axes: Matplotlib axes to draw on.
        image: `(height, width, channels)`.
        heat: `(height, width)` or `(height, width, channels)`.
        low: Value of the image that is black.
        high: Value of the image that is white.
    """
    heat = heat.sum(axis=-1) if heat.ndim == image.ndim else heat
    signed = heat.min() < 0
    reach = max(float(np.abs(heat).max()), 1e-12)
    axes.imshow(_picture(image, low, high).reshape(*image.shape[:2], -1).mean(axis=-1),
                cmap="gray", vmin=0, vmax=1)  # fmt: skip
    axes.imshow(
        heat, cmap=SIGNED if signed else UNSIGNED, vmin=-reach if signed else 0, vmax=reach,
        alpha=0.65,
    )  # fmt: skip
    if not heat.any():
        axes.text(0.5, 0.5, "zero\neverywhere", color="white", fontsize=8, ha="center", va="center",
                  transform=axes.transAxes)  # fmt: skip
    axes.axis("off")


def feature_maps(maps: Mapping[str, np.ndarray], *, max_maps: int = 12):
    """Draw a row for each layer: its first feature maps, all on one scale, dark for the smallest value.

    Args:
        maps: What `explain.feature_maps` returns for one image: `(height, width, filters)` by path.
        max_maps: Maps of each layer, at most.

    Returns:
        A matplotlib figure.
    """
    columns = min(max_maps, max(values.shape[-1] for values in maps.values()))
    figure = plots.new_figure(1.05 * columns + 0.3, 1.3 * len(maps))
    for row, (path, values) in enumerate(maps.items()):
        for column in range(min(columns, values.shape[-1])):
            axes = figure.add_subplot(len(maps), columns, row * columns + column + 1)
            axes.imshow(
                values[..., column],
                cmap="viridis",
                vmin=values.min(),
                vmax=max(values.max(), 1e-12),
            )
            axes.axis("off")
            if column == 0:
                height, width, filters = values.shape
                axes.set_title(
                    f"{path}: {filters} maps of {height} x {width}", fontsize=8, loc="left"
                )
    return figure


def filters(images: np.ndarray, *, max_filters: int = 64):
    """Draw a layer's filters as tiles.

    Filters of three channels are in colour; others show the mean over their channels in grey.

    Args:
        images: What `explain.filters` returns: `(filters, height, width, channels)` in [0, 1], with
            0.5 for a weight of 0.
        max_filters: Filters that are drawn, at most.

    Returns:
        A matplotlib figure.
    """
    shown = images[:max_filters]
    columns = min(8, len(shown))
    rows = -(-len(shown) // columns)
    figure = plots.new_figure(0.9 * columns, 1.05 * rows)
    for index, picture in enumerate(shown):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.imshow(_picture(picture, 0, 1), cmap="gray", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])  # and a frame, for a tile may be as white as the page
        axes.set_title(str(index), fontsize=7, pad=2)
    return figure


def top_patches(patches: TopPatches, images, filter_indices: Sequence[int]):
    """Draw a row for each filter: the patches it responds to most, with its output above each.

    Args:
        patches: What `explain.top_patches` returns.
        images: The images that it searched.
        filter_indices: The filters to draw.

    Returns:
        A matplotlib figure.
    """
    count = patches.values.shape[1]
    figure = plots.new_figure(1.1 * count, 1.3 * len(filter_indices))
    for row, filter_index in enumerate(filter_indices):
        for column, patch in enumerate(patches.patches(images, filter_index)):
            axes = figure.add_subplot(len(filter_indices), count, row * count + column + 1)
            white = 255 if patch.dtype == np.uint8 else max(float(np.max(patch)), 1e-12)
            picture = _picture(patch, min(0.0, float(np.min(patch))), white)
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            name = f"filter {filter_index}: " * (column == 0)
            axes.set_title(
                f"{name}{patches.values[filter_index, column]:.3g}", fontsize=7, pad=2, loc="left"
            )
    return figure


def receptive_fields(image: np.ndarray, fields: Mapping[str, Field], *, position: float = 0.5):
    """Draw an image with the receptive field of one unit of each layer as a frame.

    Where a frame leaves the image, the unit reads padding.

    Args:
        image: `(height, width, channels)`.
        fields: Receptive fields by layer, as `models.anatomy(model).row(name).field`.
        position: Which unit: 0 is the first and 1 the last one along each axis.

    Returns:
        A matplotlib figure.
    """
    height, width = image.shape[:2]
    figure = plots.new_figure(5.5, 4)
    axes = figure.add_subplot()
    _show(axes, _picture(image, float(np.min(image)), float(np.max(image))))
    for index, (name, field) in enumerate(fields.items()):
        ends: Sequence[tuple[int, int]] = [(0, height - 1), (0, width - 1)]
        if not field.whole:
            middles = zip((height, width), field.centre, field.stride, strict=True)
            unit = [
                round((position * (size - 1) - centre) / step) for size, centre, step in middles
            ]
            ends = field.of_unit(*(max(0, place) for place in unit))
        (top, bottom), (left, right) = ends
        rows, columns = bottom - top + 1, right - left + 1
        axes.plot(
            [left - 0.5, right + 0.5, right + 0.5, left - 0.5, left - 0.5],
            [top - 0.5, top - 0.5, bottom + 0.5, bottom + 0.5, top - 0.5],
            color=FRAME_COLOURS[index % len(FRAME_COLOURS)], lw=2, label=f"{name}: {rows} x {columns}",
        )  # fmt: skip
    axes.set_title("what one unit of each layer sees, in pixels", fontsize=9)
    legend = figure.legend(loc="outside right center", frameon=False, fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)  # of a name with two "$"
    return figure


def _show(axes, picture: np.ndarray) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.axis("off")


def _picture(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values in [0, 1], `(height, width)` or `(height, width, 3)`."""
    values = (np.asarray(image, "float32") - low) / max(high - low, 1e-12)
    if values.ndim == 3 and values.shape[-1] != 3:
        values = values.mean(axis=-1)
    return np.clip(values, 0, 1)
