"""Pictures beside pictures: heat maps, feature maps, filters, patches, receptive fields."""

from collections.abc import Mapping, Sequence

import numpy as np

from cnnkit import plots
from cnnkit.explain.top_patches import TopPatches
from cnnkit.models.receptive_field import Field

SIGNED, UNSIGNED = "PuOr_r", "inferno"  # both told apart by the colour-blind
BORDERS = ("#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442")


def heat_maps(
    images: np.ndarray,
    maps: Mapping[str, np.ndarray],
    captions: Sequence[str] | None = None,
):
    """Return a row an image: the image, then each method's map laid over it in grey.

    images: (samples, height, width, channels), any range. maps: by the name of the method, (samples,
    height, width), or of the images' shape, whose channels are then added up. A map with negative
    values is drawn from purple (against) over white to orange (for), each with its own scale.
    captions: a line an image.
    """
    images = np.asarray(images)
    rows, columns = len(images), 1 + len(maps)
    figure = plots.blank(1.9 * columns, 1.9 * rows + 0.3)
    low, high = float(images.min()), float(images.max())
    for row, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, row * columns + 1)
        _show(axes, _picture(image, low, high))
        axes.set_title(captions[row] if captions else "image" if row == 0 else "", fontsize=8)
        for column, (name, all_maps) in enumerate(maps.items(), start=2):
            axes = figure.add_subplot(rows, columns, row * columns + column)
            lay_over(axes, image, all_maps[row], low, high)
            axes.set_title(name if row == 0 else "", fontsize=8)
    return figure


def lay_over(axes, image: np.ndarray, heat: np.ndarray, low: float, high: float) -> None:
    """Draw one heat map over its image, which is shown in grey."""
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


def feature_maps(maps: Mapping[str, np.ndarray], most: int = 12):
    """Return a row a layer: its first maps, all of a layer on one scale, dark for the smallest.

    maps: what `explain.feature_maps` returns for one image, (height, width, filters) by path.
    """
    columns = min(most, max(values.shape[-1] for values in maps.values()))
    figure = plots.blank(1.05 * columns + 0.3, 1.3 * len(maps))
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


def filters(pictures: np.ndarray, most: int = 64):
    """Return filters as tiles: (filters, height, width, channels) in [0, 1], a weight of 0 is 0.5.

    In colour where they have three channels, else the mean over the channels, in greys.
    """
    shown = pictures[:most]
    columns = min(8, len(shown))
    rows = -(-len(shown) // columns)
    figure = plots.blank(0.9 * columns, 1.05 * rows)
    for index, picture in enumerate(shown):
        axes = figure.add_subplot(rows, columns, index + 1)
        _show(axes, _picture(picture, 0, 1))
        axes.set_title(str(index), fontsize=7, pad=2)
    return figure


def top_patches(found: TopPatches, images, filters: Sequence[int]):
    """Return a row a filter: the parts of the images that it answers most, its value above each.

    found, images: what `explain.top_patches` returned, and was given. filters: which ones.
    """
    count = found.values.shape[1]
    figure = plots.blank(1.1 * count, 1.3 * len(filters))
    for row, filter in enumerate(filters):
        for column, patch in enumerate(found.patches(images, filter)):
            axes = figure.add_subplot(len(filters), count, row * count + column + 1)
            whole = 255 if patch.dtype == np.uint8 else max(float(np.max(patch)), 1e-12)
            picture = _picture(patch, min(0.0, float(np.min(patch))), whole)
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            name = f"filter {filter}: " * (column == 0)
            axes.set_title(
                f"{name}{found.values[filter, column]:.3g}", fontsize=7, pad=2, loc="left"
            )
    return figure


def receptive_fields(image: np.ndarray, fields: Mapping[str, Field], part: float = 0.5):
    """Return an image with the receptive field of one unit of each layer as a frame.

    image: (height, width, channels). fields: by the layer's name, as in `models.anatomy(model).row(
    name).field`. part: which unit, as a part of the way from the first to the last, in each axis.
    Where a frame leaves the image, the unit reads padding.
    """
    height, width = image.shape[:2]
    figure = plots.blank(5.5, 4)
    axes = figure.add_subplot()
    _show(axes, _picture(image, float(np.min(image)), float(np.max(image))))
    for index, (name, field) in enumerate(fields.items()):
        ends = [(0, height - 1), (0, width - 1)]
        if not field.whole:
            middles = zip((height, width), field.centre, field.stride, strict=True)
            unit = [round((part * (size - 1) - centre) / step) for size, centre, step in middles]
            ends = field.of_unit(*(max(0, place) for place in unit))
        (top, bottom), (left, right) = ends
        rows, columns = bottom - top + 1, right - left + 1
        axes.plot(
            [left - 0.5, right + 0.5, right + 0.5, left - 0.5, left - 0.5],
            [top - 0.5, top - 0.5, bottom + 0.5, bottom + 0.5, top - 0.5],
            color=BORDERS[index % len(BORDERS)], lw=2, label=f"{name}: {rows} x {columns}",
        )  # fmt: skip
    axes.set_title("what one unit of each layer sees, in pixels", fontsize=9)
    figure.legend(loc="outside right center", frameon=False, fontsize=8)
    return figure


def kernel_answers(image: np.ndarray, answers: Mapping[str, np.ndarray]):
    """Return an image and what kernels make of it: mid-grey is 0 where there are negative values.

    image: (height, width) or with channels. answers: by the name of the kernel, of any size.
    """
    columns = min(6, 1 + len(answers))
    rows = -(-(1 + len(answers)) // columns)
    figure = plots.blank(1.9 * columns, 2.1 * rows)
    for index, (name, values) in enumerate({"image": image, **answers}.items()):
        axes = figure.add_subplot(rows, columns, index + 1)
        values = np.asarray(values, "float32")
        reach = max(float(np.abs(values).max()), 1e-12)
        if name == "image":
            _show(axes, _picture(values, min(0.0, float(values.min())), reach))
        else:
            _show(axes, _picture(values, -reach if values.min() < 0 else 0.0, reach))
        axes.set_title(f"{name}, {values.shape[0]} x {values.shape[1]}", fontsize=8)
    return figure


def _show(axes, picture: np.ndarray) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.axis("off")


def _picture(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values in [0, 1], (height, width) or (height, width, 3)."""
    values = (np.asarray(image, "float32") - low) / max(high - low, 1e-12)
    if values.ndim == 3 and values.shape[-1] != 3:
        values = values.mean(axis=-1)
    return np.clip(values, 0, 1)
