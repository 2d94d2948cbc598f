"""The walkthrough as one figure: a patch, the map, the votes, one gradient step."""

import math
from collections.abc import Sequence

import numpy as np

from cnnkit import plots
from cnnkit.explain.figures.squares import draw_squares
from cnnkit.explain.walkthrough import Walkthrough
from cnnkit.models.receptive_field import Field, field_after

FOR_COLOUR, AGAINST_COLOUR, MARK_COLOUR = "#0072b2", "#d55e00", "#e69f00"


def walkthrough(walk: Walkthrough, class_names: Sequence[str] | None = None):
    """Draw a walkthrough as three rows, to be read from the top.

    1. The layer's input, the patch, the kernel, their products and the map they make. Of several
       channels, the figure shows the one whose products weigh most.
    2. The pooling window that the value goes through, the inputs that vote most for and against the
       class, and the probabilities.
    3. The gradient of the loss, the kernel, what one update changes in it, and the kernel after it.

    All squares of the layer's input have the grey scale of the whole input: its least value is black,
    its greatest white.

    Args:
        walk: What `explain.walkthrough` returns.
        class_names: Without them, the figure shows class indices.

    Returns:
        A matplotlib figure.
    """
    names = list(class_names or map(str, range(len(walk.probabilities))))
    figure = plots.new_figure(13, 9.2)
    grid = figure.add_gridspec(3, 5)
    _first_row(figure, grid, walk)
    _second_row(figure, grid, walk, names)
    _third_row(figure, grid, walk, names)
    return figure


def _first_row(figure, grid, walk) -> None:
    unit = walk.unit
    step = walk.step(unit.layer)
    channel = _channel(unit.products)
    inputs, output = step.inputs[0], step.output
    axes = figure.add_subplot(grid[0, 0])
    if inputs.ndim == 3:
        low, high = _range(inputs[..., channel])
        axes.imshow(inputs[..., channel], cmap="gray", vmin=low, vmax=high)
        _frame(axes, step, unit)
        axes.axis("off")
        which = f", channel {channel} of {inputs.shape[-1]}" if inputs.shape[-1] > 1 else ""
        axes.set_title(f"input of {unit.layer}{which}", fontsize=9)
    else:
        axes.bar(range(inputs.size), inputs.reshape(-1), color=FOR_COLOUR)
        axes.set_title(f"the {inputs.size} numbers {unit.layer} reads", fontsize=9)
    dense = not unit.position
    patch = "the same numbers" if dense else f"patch at {unit.position}"
    draw_squares(
        figure.add_subplot(grid[0, 1]),
        _plane(unit.patch, channel),
        patch,
        scale=_range(_input_plane(inputs, channel)),
    )
    kernel = (
        f"weights of unit {unit.filter_index}" if dense else f"kernel of filter {unit.filter_index}"
    )
    draw_squares(figure.add_subplot(grid[0, 2]), _plane(unit.kernel, channel), kernel, signed=True)
    title = f"products; sum of all {unit.weighted_sum:.4g}"
    draw_squares(figure.add_subplot(grid[0, 3]), _plane(unit.products, channel), title, signed=True)
    axes = figure.add_subplot(grid[0, 4])
    if output.ndim == 3:
        axes.imshow(output[..., unit.filter_index], cmap="viridis")
        row, column = unit.position
        axes.plot([column], [row], marker="s", ms=9, mfc="none", mec=MARK_COLOUR, mew=2)
        axes.axis("off")
    else:
        axes.bar(range(output.size), output.reshape(-1), color=FOR_COLOUR)
    axes.set_title(
        f"{unit.weighted_sum:.4g} + bias {unit.bias:.4g} = {unit.pre_activation:.4g}\n"
        f"{unit.activation}: {unit.value:.4g}",
        fontsize=9,
    )


def _frame(axes, step, unit) -> None:
    """Frame the patch in a convolution's input; a part of the frame may lie in the padding."""
    field = field_after(step.layer, [Field.of_input(2)], [(None, *step.inputs[0].shape)])
    if field is None:
        return
    (top, bottom), (left, right) = field.of_unit(*unit.position)
    corners = [(left, top), (right + 1, top), (right + 1, bottom + 1), (left, bottom + 1)]
    xs, ys = np.array([*corners, corners[0]]).T - 0.5
    axes.plot(xs, ys, color=MARK_COLOUR, lw=2)


def _second_row(figure, grid, walk, names) -> None:
    axes = figure.add_subplot(grid[1, 0])
    pooled = next((stop for stop in walk.path if stop.window is not None), None)
    if pooled is not None and pooled.window.ndim == 2:
        place = ", ".join(map(str, pooled.index))
        title = f"{pooled.layer} takes {pooled.value:.4g}\nto ({place})"
        draw_squares(axes, pooled.window, title, scale=_range(_pooled_map(walk, pooled)))
    else:
        last = walk.path[-1] if walk.path else None
        axes.axis("off")
        text = (
            f"goes to {last.layer},\nplace {last.index}"
            if last
            else "goes into the next layer's sums"
        )
        axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=9)
    axes = figure.add_subplot(grid[1, 1:3])
    if walk.votes is None:
        axes.axis("off")
    else:
        _votes(axes, walk.votes, walk.label, names)
    axes = figure.add_subplot(grid[1, 3:])
    order = np.argsort(-walk.probabilities, kind="stable")[:10]
    places = np.arange(len(order))
    colours = [MARK_COLOUR if index == walk.label else FOR_COLOUR for index in order]
    axes.barh(places, walk.probabilities[order], color=colours)
    axes.set_yticks(places, [names[index] for index in order], fontsize=8, parse_math=False)
    axes.invert_yaxis()
    for y, best in zip(places, order, strict=True):
        text = f" {walk.probabilities[best]:.3f} (logit {walk.logits[best]:.2f})"
        axes.text(walk.probabilities[best], y, text, va="center", fontsize=7)
    axes.set(xlim=(0, 1.35))
    axes.set_title(
        f"softmax: loss = -ln {walk.probabilities[walk.label]:.3g} = {walk.loss:.4g} "
        f"for {names[walk.label]}",
        fontsize=9,
        parse_math=False,
    )
    axes.spines[["top", "right"]].set_visible(False)


def _votes(axes, votes, label: int, names) -> None:
    positive, negative = votes.strongest(label)
    order = [*positive, *negative[::-1]]
    values = votes.contributions[order, label]
    places = np.arange(len(order))
    axes.barh(
        places, values, color=[FOR_COLOUR if value > 0 else AGAINST_COLOUR for value in values]
    )
    texts = [votes.words(index) for index in order]
    axes.set_yticks(places, texts, fontsize=7, parse_math=False)
    axes.invert_yaxis()
    axes.axvline(0, color="black", lw=0.6)
    axes.set_title(
        f"votes in {votes.layer} for {names[label]}: input times weight, strongest",
        fontsize=9,
        parse_math=False,
    )
    axes.spines[["top", "right"]].set_visible(False)


def _third_row(figure, grid, walk, names) -> None:
    step, unit = walk.gradient_step, walk.unit
    channel = _channel(unit.products)
    axes = figure.add_subplot(grid[2, 0])
    gradient = np.atleast_1d(step.pre_activation_gradient)
    if gradient.ndim == 2:
        reach = max(float(np.abs(gradient).max()), 1e-12)
        axes.imshow(gradient, cmap="PuOr_r", vmin=-reach, vmax=reach)
        axes.axis("off")
    else:
        axes.bar(range(gradient.size), gradient, color=FOR_COLOUR)
    axes.set_title("gradient of the loss at each\nvalue of the map", fontsize=9)
    draw_squares(
        figure.add_subplot(grid[2, 1]), _plane(step.kernel_gradient, channel),
        "gradient: sum of gradient x patch", signed=True,
    )  # fmt: skip
    before, after = _plane(unit.kernel, channel), _plane(step.updated_kernel, channel)
    change = after - before
    reach = float(np.abs([before, after]).max())
    decimals = _decimals(change)
    kernels = (
        (before, "kernel before", (-reach, reach)),
        (change, f"change: minus {step.learning_rate:g} x gradient\n(its own colour scale)", None),
        (
            after,
            f"kernel after; loss for {names[walk.label]}:\n{walk.loss:.4g} becomes "
            f"{step.loss_after:.4g} ({step.loss_after - walk.loss:+.2g})",
            (-reach, reach),
        ),
    )
    for column, (values, title, scale) in enumerate(kernels, start=2):
        axes = figure.add_subplot(grid[2, column])
        draw_squares(axes, values, title, signed=True, scale=scale, decimals=decimals)


def _decimals(change: np.ndarray) -> int:
    """Return with how many decimals the largest change shows two digits; 2 to 6."""
    largest = max(float(np.abs(change).max()), 1e-12)
    return min(max(2, 1 - math.floor(math.log10(largest))), 6)


def _input_plane(inputs: np.ndarray, channel: int) -> np.ndarray:
    return inputs if inputs.ndim == 1 else inputs[..., channel]


def _pooled_map(walk, pooled) -> np.ndarray:
    """Return the whole map that a pooling layer reads at a step of the unit's path."""
    return walk.step(pooled.layer).inputs[0][..., pooled.index[-1]]


def _range(values: np.ndarray) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _channel(products: np.ndarray) -> int:
    """Return the channel whose products weigh most; 0 for a dense layer."""
    if products.ndim == 1:
        return 0
    return int(np.abs(products.sum(axis=tuple(range(products.ndim - 1)))).argmax())


def _plane(values: np.ndarray, channel: int) -> np.ndarray:
    """Return one channel as `(rows, columns)`; a single axis becomes a column."""
    values = values if values.ndim == 1 else values[..., channel]
    return values[:, None] if values.ndim == 1 else values
