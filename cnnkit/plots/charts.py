"""Arrays to figures; nothing else draws.

Each function returns a `matplotlib.figure.Figure`, which a notebook shows in place.
"""

import functools
import io
import math
import textwrap
from collections.abc import Sequence

import numpy as np

from cnnkit.errors import SettingError

# Told apart by the colour-blind, and on white as on black (Okabe, Ito 2008).
TRAINING, VALIDATION, WRONG = "#0072b2", "#e69f00", "#d55e00"
LARGEST_GRID = 64  # classes beyond which a confusion matrix names none
NOT_DRAWN = ("epoch", "seconds")  # what a run's metrics.csv holds beside metrics


def metrics_of(history: dict[str, list[float]]) -> list[str]:
    """Return the metrics of a history that have a curve: loss first, the learning rate last.

    `val_loss` belongs to `loss`; a learning rate that never changes has no curve.

    >>> metrics_of({"accuracy": [0.5], "val_accuracy": [0.4], "loss": [1], "seconds": [2]})
    ['loss', 'accuracy']
    """
    names = dict.fromkeys(name.removeprefix("val_") for name in history)
    names = [name for name in names if name not in NOT_DRAWN]
    if len(set(history.get("learning_rate", ()))) == 1:
        names.remove("learning_rate")
    return sorted(names, key=lambda name: (name == "learning_rate", name != "loss"))


def curves(history: dict[str, list[float]]):
    """Return every metric against the epoch, for training and validation.

    history: a list of numbers a metric, one an epoch, as in Keras' `History.history`; None and NaN
        leave a gap. What is drawn, and in which order, says `metrics_of`.
    """
    names = metrics_of(history)
    figure = _figure(4.4 * max(1, len(names)), 3.2)
    for index, name in enumerate(names, start=1):
        axes = figure.add_subplot(1, len(names), index)
        lines = (name, "training", TRAINING), (f"val_{name}", "validation", VALIDATION)
        for key, label, colour in lines:
            values = np.array(history.get(key, ()), float)
            epochs = np.arange(1, len(values) + 1)
            marker = "o" if len(epochs) <= 20 else None
            axes.plot(epochs, values, color=colour, marker=marker, ms=4, label=label)
        axes.set_xlabel("epoch")
        axes.set_title(name.replace("_", " ").capitalize(), parse_math=False)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if f"val_{name}" in history:
            axes.legend(frameon=False)
    return figure


def learning_rates(trial):
    """Return the loss against the learning rate, on a logarithmic axis, with the suggestion marked.

    trial: what `cnnkit.training.rate_finder.find_learning_rate` returns.
    """
    figure = _figure(5.2, 3.4)
    axes = figure.add_subplot()
    axes.plot(trial.rates, trial.losses, color=TRAINING, lw=0.8, alpha=0.4, label="a batch")
    axes.plot(trial.rates, trial.smooth, color=TRAINING, label="running mean")
    label = f"suggested: {trial.suggestion:.1e}"
    axes.axvline(trial.suggestion, color=VALIDATION, ls="--", label=label)
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


def image_grid(
    images: np.ndarray,
    captions: Sequence[str] | None = None,
    wrong: Sequence[bool] | None = None,
    columns: int | None = None,
):
    """Return pictures side by side, with captions below, those of wrong ones in red.

    images: shape (samples, height, width, channels), of any range; `pixels` says how it is shown.
    """
    shown, count = pixels(images), len(images)
    captions = [
        textwrap.fill(str(text), 20, max_lines=3, placeholder=" …")
        for text in ([] if captions is None else captions)
    ]
    lines = max((caption.count("\n") + 1 for caption in captions), default=0)
    columns = columns or min(count, max(5, math.ceil(math.sqrt(count))))
    rows = math.ceil(count / columns)
    figure = _figure(1.5 * columns, (1.55 + 0.16 * lines) * rows)
    for index, image in enumerate(shown):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        if captions:
            colour = {"color": WRONG} if wrong is not None and wrong[index] else {}
            axes.set_xlabel(captions[index], fontsize=8, labelpad=3, parse_math=False, **colour)
    return figure


def pixels(images: np.ndarray) -> np.ndarray:
    """Return pictures as a screen shows them: uint8, (samples, height, width) or (..., 3).

    images: shape (samples, height, width, channels). uint8 stays; floats in [0, 1] and in [-1, 1]
        are shown on that scale, any other values from the lowest to the highest of all of them.
        One channel is shown in greys, three in colour, of any other number the mean.

    Raises SettingError for another number of dimensions, and where there is nothing to show.

    >>> pixels(np.reshape([-1.0, 0.0, 1.0], (1, 1, 3, 1)))
    array([[[  0, 128, 255]]], dtype=uint8)
    """
    images = np.asarray(images)
    if images.ndim != 4 or not images.size:
        raise SettingError(
            f"Pictures have the shape (samples, height, width, channels), not {images.shape}."
        )
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
        low, high = float(images.min()), float(images.max())
        if low >= -1 and high <= 1:
            low, high = (-1.0 if low < 0 else 0.0), 1.0
        images = (images - low) * (255 / max(high - low, 1e-12))
    if images.shape[3] != 3:
        images = images.mean(axis=3)
    return np.rint(images).astype(np.uint8)


def waves(sounds: np.ndarray, captions: Sequence[str], columns: int = 3):
    """Return waveforms side by side, with captions above.

    sounds: shape (samples, steps), values in [-1, 1].
    """
    rows = math.ceil(len(sounds) / columns)
    figure = _figure(3.2 * columns, 1.1 * rows)
    for index, (wave, caption) in enumerate(zip(sounds, captions, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, index)
        axes.plot(wave, color=TRAINING, linewidth=0.5)
        axes.set(ylim=(-1, 1), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(caption, fontsize=8, parse_math=False)
    return figure


def sentences(texts: Sequence[str], captions: Sequence[str], width: int = 90):
    """Return texts below each other, each with its caption before it, of at most two lines."""
    lines = [
        textwrap.fill(text, width, max_lines=2, placeholder=" …") or "(no word)" for text in texts
    ]
    figure = _figure(10, 0.2 + 0.42 * len(lines))
    for index, (text, caption) in enumerate(zip(lines, captions, strict=True)):
        height = 1 - (index + 0.5) / len(lines)
        figure.text(0.16, height, caption, ha="right", va="center", weight="bold", parse_math=False)
        figure.text(0.18, height, text, va="center", fontsize=9, parse_math=False)
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
        turn = {"rotation": 90 if classes > 12 else 45, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(classes), class_names, parse_math=False, **turn)
        axes.set_yticks(range(classes), class_names, parse_math=False)
    if classes <= 20:
        for row, column in np.argwhere(matrix):
            axes.text(
                column, row, matrix[row, column], ha="center", va="center", fontsize=8,
                color="white" if rates[row, column] > 0.5 else "black",
            )  # fmt: skip
    return figure


def reliability(found):
    """Return accuracy against confidence, bin by bin, and the diagonal on which both agree.

    found: what `cnnkit.evaluation.reliability` returns. A mark's area follows the samples in its bin;
    below the diagonal the network is surer than it is right.
    """
    figure = _figure(3.6, 3.4)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#888888", lw=1, ls="--", label="as sure as right")
    filled = found.counts > 0
    areas = 12 + 130 * found.counts[filled] / max(found.counts.max(), 1)
    sure, right = found.confidences[filled], found.accuracies[filled]
    axes.plot(sure, right, color=TRAINING, lw=1)
    axes.scatter(sure, right, areas, color=TRAINING, label="bins of test samples")
    axes.set(xlim=(0, 1.04), ylim=(0, 1.04), xlabel="confidence", ylabel="accuracy")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    return figure


def filters(kernels: np.ndarray, largest: int = 64):
    """Return a layer's kernels as pictures, at most `largest` of them; `tiles` says how."""
    shown = tiles(np.asarray(kernels)[..., :largest])
    return image_grid(shown, columns=min(8, len(shown)))


def tiles(kernels: np.ndarray) -> np.ndarray:
    """Return a layer's kernels as pictures in [0, 1], all on one scale around 0.5 for zero.

    kernels: shape (height, width, in, out). In colour where `in` is 3, else the mean over `in`.
    Returns shape (out, height, width, 3 or 1), float32.
    """
    kernels = np.asarray(kernels, np.float32)
    if kernels.shape[2] != 3:
        kernels = kernels.mean(axis=2, keepdims=True)
    reach = max(float(np.abs(kernels).max()), 1e-12)
    return np.moveaxis(kernels, 3, 0) / (2 * reach) + 0.5


def png(figure) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def svg(figure) -> str:
    """Return a figure as SVG whose ink and background are those of the page it stands in."""
    from matplotlib import rc_context

    content = io.StringIO()
    unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.hashsalt": "cnnkit"}):  # the same figure gives the same file
        figure.savefig(content, format="svg", transparent=True, metadata=unsaid)
    text = content.getvalue()
    text = text[text.index("<svg") :].replace("#000000", "currentColor")
    return text.replace("<svg", '<svg fill="currentColor"', 1)  # letters name no colour at all


def blank(width: float, height: float):
    """Return an empty figure of so many inches, for other modules to draw on."""
    return _figure(width, height)


def _figure(width: float, height: float):
    # Importing matplotlib takes a third of a second, and most commands draw nothing.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    # A notebook shows it without pyplot's global state; a partial, unlike a lambda, is pickled.
    figure._repr_png_ = functools.partial(png, figure)
    return figure
