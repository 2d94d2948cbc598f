"""Arrays to figures; nothing else draws.

Each function returns a `matplotlib.figure.Figure`, which a notebook shows in place.
"""

import io
import math
from collections.abc import Sequence

import numpy as np

# Told apart by the colour-blind, and on white as on black (Okabe, Ito 2008).
TRAINING, VALIDATION, WRONG = "#0072b2", "#e69f00", "#d55e00"
LARGEST_GRID = 64  # classes beyond which a confusion matrix names none


def curves(history: dict[str, list[float]]):
    """Return loss and accuracy against the epoch, for training and validation.

    history: a list of numbers a metric, one an epoch, as in Keras' `History.history`.
    """
    metrics = [name for name in history if f"val_{name}" in history]
    figure = _figure(5.2 * max(1, len(metrics)), 3.4)
    for index, name in enumerate(sorted(metrics, key=lambda metric: metric != "loss"), start=1):
        axes = figure.add_subplot(1, len(metrics), index)
        epochs = np.arange(1, len(history[name]) + 1)
        marker = "o" if len(epochs) <= 20 else None
        axes.plot(epochs, history[name], color=TRAINING, marker=marker, ms=4, label="training")
        axes.plot(
            epochs,
            history[f"val_{name}"],
            color=VALIDATION,
            marker=marker,
            ms=4,
            label="validation",
        )
        axes.set(xlabel="epoch", title=name.capitalize())
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure


def image_grid(
    images: np.ndarray,
    captions: Sequence[str] | None = None,
    wrong: Sequence[bool] | None = None,
    columns: int | None = None,
):
    """Return pictures side by side, with captions below, those of wrong ones in red.

    images: shape (samples, height, width, channels): uint8, or floats of any range. One channel
        is shown in greys, three in colour, of any other number the mean.
    """
    count = len(images)
    columns = columns or min(count, max(5, math.ceil(math.sqrt(count)))) or 1
    rows = max(1, math.ceil(count / columns))
    figure = _figure(1.5 * columns, (1.75 if captions else 1.5) * rows)
    low, high = (0, 255) if images.dtype == np.uint8 else (float(images.min()), float(images.max()))
    for index, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.imshow(_shown(image, low, high), cmap="gray", vmin=0, vmax=1)
        axes.axis("off")
        if captions:
            red = wrong is not None and wrong[index]
            axes.set_title(
                captions[index], fontsize=8, y=-0.02, va="top", color=WRONG if red else "black"
            )
    return figure


def confusion_matrix(matrix: np.ndarray, class_names: Sequence[str]):
    """Return counts as shades: a row a true class, a column a predicted one.

    matrix: shape (classes, classes), counts. Shades are rates within a row.
    """
    matrix, classes = np.asarray(matrix), len(class_names)
    side = min(10, 2.5 + 0.42 * classes)
    figure = _figure(side, side)
    axes = figure.add_subplot()
    rates = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(rates, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true")
    if classes <= LARGEST_GRID:
        axes.set_xticks(
            range(classes), class_names, rotation=90 if classes > 12 else 45, ha="right"
        )
        axes.set_yticks(range(classes), class_names)
    if classes <= 20:
        for row, column in np.argwhere(matrix):
            axes.text(
                column, row, matrix[row, column], ha="center", va="center", fontsize=8,
                color="white" if rates[row, column] > 0.5 else "black",
            )  # fmt: skip
    return figure


def filters(kernels: np.ndarray, largest: int = 64):
    """Return a layer's kernels as pictures, at most `largest` of them.

    kernels: shape (height, width, in, out). In colour where `in` is 3, else the mean over `in`;
    all share one scale, around grey for zero.
    """
    kernels = np.asarray(kernels, np.float32)[..., :largest]
    if kernels.shape[2] != 3:
        kernels = kernels.mean(axis=2, keepdims=True)
    reach = max(float(np.abs(kernels).max()), 1e-12)
    return image_grid(
        np.moveaxis(kernels, 3, 0) / reach / 2 + 0.5, columns=min(8, kernels.shape[3])
    )


def architecture(anatomy):
    """Return a drawing of a network: a box a layer, downwards in the order of a forward pass.

    anatomy: what `cnnkit.explain.anatomy` returns. Boxes side by side are branches; a box's width
    follows the logarithm of its number of maps or units.
    """
    depths = {}
    for row in anatomy.rows:
        depths[row.name] = 1 + max((depths[name] for name in row.reads), default=-1)
    spots, branches = {}, [0] * (max(depths.values()) + 1)
    for depth in range(len(branches)):
        side_by_side = [row for row in anatomy.rows if depths[row.name] == depth]
        # Below what it reads, so that lines seldom cross.
        side_by_side.sort(key=lambda row: sum(spots[name][0] for name in row.reads))
        branches[depth] = len(side_by_side)
        for place, row in enumerate(side_by_side):
            spots[row.name] = (2.6 * (place - (len(side_by_side) - 1) / 2), depth)
    figure = _figure(2.6 * max(branches) + 1, min(0.42 * len(branches) + 0.5, 580))
    axes = figure.add_subplot()
    axes.set(xlim=(-1.3 * max(branches), 1.3 * max(branches)), ylim=(len(branches), -1))
    axes.axis("off")
    for row in anatomy.rows:
        x, y = spots[row.name]
        half = 0.35 + 0.085 * math.log2((row.output_shape or (1,))[-1] or 1)
        colour = VALIDATION if row.parameters else TRAINING
        axes.fill(
            [x - half, x + half, x + half, x - half],
            [y - 0.36] * 2 + [y + 0.36] * 2,
            color=colour,
            alpha=0.35,
        )
        size = " x ".join("any" if n is None else str(n) for n in row.output_shape)
        axes.text(x, y, f"{row.name}\n{size}", ha="center", va="center", fontsize=6)
        for source in row.reads:
            there = spots[source]
            axes.plot([there[0], x], [there[1] + 0.36, y - 0.36], color="black", lw=0.5, zorder=0)
    return figure


def png(figure) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def svg(figure) -> str:
    """Return a figure as SVG whose ink and background are those of the page it stands in."""
    content = io.StringIO()
    figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    text = content.getvalue()
    text = text[text.index("<svg") :].replace("#000000", "currentColor")
    return text.replace("<svg", '<svg fill="currentColor"', 1)  # letters name no colour at all


def blank(width: float, height: float):
    """Return an empty figure of so many inches, for other modules to draw on."""
    return _figure(width, height)


def _figure(width: float, height: float):
    # Importing matplotlib takes a third of a second, and most commands draw nothing.
    from matplotlib import rcParams
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rcParams["svg.hashsalt"] = "cnnkit"  # the same figure gives the same file
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure._repr_png_ = lambda: png(figure)  # a notebook shows it without pyplot's global state
    return figure


def _shown(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return a picture in [0, 1] of shape (height, width) or (height, width, 3)."""
    image = (np.asarray(image, np.float32) - low) / max(high - low, 1e-12)
    return np.clip(image if image.shape[-1] == 3 else image.mean(axis=-1), 0, 1)
