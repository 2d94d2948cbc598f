"""Receptive fields: which part of the input one value of a feature map sees, by arithmetic alone."""

from dataclasses import dataclass

import keras

WINDOWED = (
    keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D, keras.layers.SeparableConv1D, keras.layers.SeparableConv2D,
    keras.layers.MaxPooling1D, keras.layers.MaxPooling2D, keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
)  # fmt: skip
SEES_ALL = (
    keras.layers.Dense, keras.layers.Flatten, keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """The receptive field of a feature map, an axis an entry (height, width; or steps).

    first: the first input pixel that the map's first value sees; negative in the padding.
    last: the last one. stride: input pixels between the fields of neighbours.
    whole: every value sees the whole input, as after a dense layer.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]
    stride: tuple[int, ...]
    whole: bool = False

    @classmethod
    def of_input(cls, axes: int) -> "Field":
        """Return that of the input itself: every pixel sees itself."""
        return cls((0,) * axes, (0,) * axes, (1,) * axes)

    @property
    def size(self) -> tuple[int, ...]:
        """Pixels an axis."""
        return tuple(last - first + 1 for first, last in zip(self.first, self.last, strict=True))

    @property
    def centre(self) -> tuple[float, ...]:
        """Where the field of the map's first value has its middle, in input pixels."""
        return tuple((first + last) / 2 for first, last in zip(self.first, self.last, strict=True))

    def of_unit(self, *position: int) -> tuple[tuple[int, int], ...]:
        """Return (first, last) input pixel an axis that the value at a position sees.

        >>> Field((-1, -1), (1, 1), (2, 2)).of_unit(3, 0)
        ((5, 7), (-1, 1))
        """
        return tuple(
            (first + step * index, last + step * index)
            for first, last, step, index in zip(
                self.first, self.last, self.stride, position, strict=True
            )
        )


def field_after(layer: keras.Layer, before: list[Field | None], inputs: list) -> Field | None:
    """Return the field of a layer's output from those of its inputs, None where it is not known."""
    known = [field for field in before if field is not None]
    if not known:
        return None
    field = _merged(known)
    if field is None or field.whole:
        return field
    if isinstance(layer, SEES_ALL):
        return Field(field.first, field.last, field.stride, whole=True)
    if hasattr(layer, "kernel_size") or hasattr(layer, "pool_size"):
        return _windowed(layer, field, inputs[0].shape[1:-1]) if _is_windowed(layer) else None
    if isinstance(layer, (keras.layers.ZeroPadding2D, keras.layers.ZeroPadding1D)):
        return _shifted(layer, field)
    if hasattr(layer, "window"):  # a layer of ours that says what it reads
        return _moved(field, *layer.window)
    return field


def _is_windowed(layer) -> bool:
    return isinstance(layer, WINDOWED)


def _windowed(layer, field: Field, sizes: tuple) -> Field:
    axes = len(field.first)
    window = _per_axis(getattr(layer, "kernel_size", None) or layer.pool_size, axes)
    dilation = _per_axis(getattr(layer, "dilation_rate", 1), axes)
    strides = _per_axis(layer.strides, axes)
    reach = tuple((n - 1) * spread + 1 for n, spread in zip(window, dilation, strict=True))
    before = [0] * axes
    if layer.padding == "same":
        before = [
            _same_padding(size, n, step)
            for size, n, step in zip(sizes, reach, strides, strict=True)
        ]
    return _moved(field, reach, strides, before)


def _moved(field: Field, reach, strides, before=None) -> Field:
    before = before or [0] * len(field.first)
    steps = field.stride
    return Field(
        tuple(
            first - pad * step for first, pad, step in zip(field.first, before, steps, strict=True)
        ),
        tuple(
            last + (n - 1 - pad) * step
            for last, n, pad, step in zip(field.last, reach, before, steps, strict=True)
        ),
        tuple(step * stride for step, stride in zip(steps, strides, strict=True)),
    )


def _same_padding(size: int | None, window: int, stride: int) -> int:
    """Return how many zeros "same" puts before an axis: half of what is missing, rounded down."""
    if size is None:
        return max(window - stride, 0) // 2
    return max((-(-size // stride) - 1) * stride + window - size, 0) // 2


def _shifted(layer, field: Field) -> Field:
    padding = layer.padding if isinstance(layer.padding[0], (tuple, list)) else [layer.padding]
    moves = [pair[0] * step for pair, step in zip(padding, field.stride, strict=True)]
    return Field(
        tuple(first - move for first, move in zip(field.first, moves, strict=True)),
        tuple(last - move for last, move in zip(field.last, moves, strict=True)),
        field.stride,
    )


def _merged(fields: list[Field]) -> Field | None:
    """Return the field that covers all of those that meet in a layer."""
    if any(field.whole for field in fields):
        return next(field for field in fields if field.whole)
    if len({field.stride for field in fields}) > 1:
        return None
    return Field(
        tuple(min(ends) for ends in zip(*(field.first for field in fields), strict=True)),
        tuple(max(ends) for ends in zip(*(field.last for field in fields), strict=True)),
        fields[0].stride,
    )


def _per_axis(value, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)
