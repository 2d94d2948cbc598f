"""Receptive fields: which part of the input one value of a feature map sees, by arithmetic alone."""

from dataclasses import dataclass

import keras
from keras import layers

WINDOWED = (
    layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D,
    layers.SeparableConv1D, layers.SeparableConv2D, layers.MaxPooling1D, layers.MaxPooling2D,
    layers.MaxPooling3D, layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D,
)  # fmt: skip
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
PADDING = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
CROPPING = (layers.Cropping1D, layers.Cropping2D, layers.Cropping3D)
SEES_ALL = (
    layers.Flatten, layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D, layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D, layers.RNN, layers.Bidirectional, layers.MultiHeadAttention,
    layers.Attention, layers.AdditiveAttention, layers.GroupNormalization,
)  # fmt: skip
# Value by value, or maps of one place with each other. Random ones move pixels in training alone.
IN_PLACE = (
    layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.PReLU, layers.Softmax,
    layers.Identity, layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D,
    layers.SpatialDropout3D, layers.AlphaDropout, layers.ActivityRegularization,
    layers.GaussianNoise, layers.GaussianDropout, layers.BatchNormalization,
    layers.LayerNormalization, layers.RMSNormalization, layers.UnitNormalization,
    layers.Normalization, layers.Rescaling, layers.Masking, layers.Add,
    layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum,
    layers.Concatenate, layers.RandomFlip, layers.RandomTranslation, layers.RandomRotation,
    layers.RandomZoom, layers.RandomShear, layers.RandomPerspective, layers.RandomElasticTransform,
    layers.RandomContrast, layers.RandomBrightness, layers.RandomHue, layers.RandomSaturation,
    layers.RandomColorJitter, layers.RandomColorDegeneration, layers.RandomGrayscale,
    layers.RandomInvert, layers.RandomPosterization, layers.RandomSharpness,
    layers.RandomGaussianBlur, layers.RandomErasing, layers.RandAugment, layers.AugMix,
    layers.Solarization,
)  # fmt: skip
MIX_ALONG_AN_AXIS = (
    layers.Concatenate, layers.LayerNormalization, layers.RMSNormalization, layers.Softmax,
    layers.UnitNormalization,
)  # fmt: skip
# Operations that have no public class: layers of keras.applications, and functions of keras.ops that a
# functional model was written with, such as the preprocessing of keras.applications.
IN_PLACE_NAMES = (
    "CustomScaleLayer", "LayerScale", "StochasticDepth",
    "Abs", "Absolute", "Add", "Cast", "Ceil", "Celu", "Clip", "ConvertToTensor", "Divide",
    "DivideNoNan", "Elu", "Exp", "Expm1", "Floor", "Gelu", "HSVToRGB", "HardSigmoid", "HardSilu",
    "HardSwish", "HardTanh", "LeakyRelu", "Log", "Log10", "Log1p", "Log2", "LogSigmoid", "Maximum",
    "Minimum", "Mod", "Multiply", "Negative", "Power", "RGBToGrayscale", "RGBToHSV", "Reciprocal",
    "Relu", "Relu6", "Round", "Rsqrt", "SaturateCast", "Selu", "Sigmoid", "Sign", "Silu", "Softplus",
    "Softsign", "Sqrt", "Square", "StopGradient", "Subtract", "Tanh", "TrueDivide", "Where",
)  # fmt: skip
# Functions of keras.ops that take maps apart or put them together along their `axis`.
ALONG_AN_AXIS = ("Concatenate", "ExpandDims", "Flip", "Repeat", "Softmax", "Stack", "Take")
ADD_AN_AXIS = ("ExpandDims", "Stack")


@dataclass(frozen=True)
class Field:
    """The receptive field of a feature map; an entry an axis (height, width; or steps).

    Args:
        first: The first input pixel that the map's first value sees; negative in the padding.
        last: The last one.
        stride: Input pixels from the field of a value to that of its neighbour.
        whole: Whether every value sees the whole input, as after a dense layer.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]
    stride: tuple[int, ...]
    whole: bool = False

    @classmethod
    def of_input(cls, axes: int) -> "Field":
        """Return the field of the input itself: every pixel sees itself.

        Args:
            axes: Number of axes.
        """
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
        """Return what the value at a position sees.

        Args:
            *position: Index an axis.

        Returns:
            (first, last) input pixel an axis.

        >>> Field((-1, -1), (1, 1), (2, 2)).of_unit(3, 0)
        ((5, 7), (-1, 1))
        """
        return tuple(
            (first + step * index, last + step * index)
            for first, last, step, index in zip(
                self.first, self.last, self.stride, position, strict=True
            )
        )


def field_after(
    operation, before: list[Field | None], shapes: list[tuple], arguments: tuple = ()
) -> Field | None:
    """Return the field of an operation's output.

    Where maps are multiplied by one factor a map, as squeeze-and-excitation does (Hu et al. 2017,
    https://arxiv.org/abs/1709.01507), the field is that of the maps, as papers state it, although
    the factors come from the whole image.

    A layer of your own says what it reads by an attribute `window`: a pair of sizes and strides, such as
    ((5, 5), (1, 1)).

    Args:
        operation: A layer, or a function of keras.ops in a model's graph.
        before: The field of each input.
        shapes: The shape of each input, with the batch axis.
        arguments: The positional arguments of the call.

    Returns:
        The field, or None if it is not known.
    """
    field = _merged(_without_gates(operation, before, shapes))
    if field is None or field.whole:
        return field
    if isinstance(operation, SEES_ALL) or _is_dense(operation, shapes[0]):
        return Field(field.first, field.last, field.stride, whole=True)
    if isinstance(operation, layers.Embedding):
        return Field.of_input(len(shapes[0]) - 1)
    if isinstance(operation, WINDOWED):
        return _windowed(operation, field, shapes[0])
    if isinstance(operation, PADDING):
        return _shifted(field, operation.padding, -1)
    if isinstance(operation, CROPPING):
        return _shifted(field, operation.cropping, 1)
    if isinstance(operation, layers.CenterCrop):
        return _centre_cropped(operation, field, shapes[0])
    window = getattr(operation, "window", None)  # of Keras' spectrograms a word, such as "hann"
    if isinstance(window, tuple):
        return _moved(field, *window)
    if isinstance(operation, (*IN_PLACE, layers.Dense)):
        return field if _keeps_places_apart(operation, len(shapes[0])) else None
    return _after_function(operation, field, len(shapes[0]), arguments)


def _without_gates(
    operation, fields: list[Field | None], shapes: list[tuple]
) -> list[Field | None]:
    """Return the fields of the inputs, without those of one factor a map that maps are multiplied by."""
    is_product = isinstance(operation, layers.Multiply) or type(operation).__name__ == "Multiply"
    if not is_product or len(fields) < 2:
        return fields
    maps = [
        field
        for field, shape in zip(fields, shapes, strict=True)
        if not (field is not None and field.whole and set(shape[1:-1]) <= {1})
    ]
    return maps or fields


def _after_function(operation, field: Field, rank: int, arguments: tuple) -> Field | None:
    """Return the field after a function of keras.ops, whose class is not public."""
    name, axes = type(operation).__name__, len(field.first)
    if name in IN_PLACE_NAMES:
        return field
    if name in ALONG_AN_AXIS:
        return (
            field if _is_channel_axis(operation.axis, rank + (name in ADD_AN_AXIS), axes) else None
        )
    if name == "GetItem":
        return field if _takes_every_place(arguments[1], rank, axes) else None
    if name == "Pad" and len(operation.pad_width) == rank:
        return _shifted(field, operation.pad_width[1 : 1 + axes], -1)
    return None


def _is_channel_axis(axis, rank: int, places: int) -> bool:
    """Tell whether an axis comes after those of the batch and the places."""
    return isinstance(axis, int) and places < (axis + rank if axis < 0 else axis) < rank


def _takes_every_place(key, rank: int, axes: int) -> bool:
    """Tell whether an index such as `[..., 0]` leaves the batch and all places as they are."""
    keys = list(key) if isinstance(key, (tuple, list)) else [key]
    if None in keys:
        return False
    if Ellipsis not in keys:
        keys.append(Ellipsis)
    place = keys.index(Ellipsis)
    keys[place : place + 1] = [slice(None)] * (rank + 1 - len(keys))
    return all(key == slice(None) for key in keys[: 1 + axes])


def _keeps_places_apart(layer: keras.Layer, rank: int) -> bool:
    axis = getattr(layer, "axis", -1) if isinstance(layer, MIX_ALONG_AN_AXIS) else -1
    return axis in (-1, rank - 1, [-1], [rank - 1], (-1,), (rank - 1,))


def _is_dense(operation, shape: tuple) -> bool:
    """Tell a dense layer that reads everything from one that reads the maps of each place."""
    return isinstance(operation, layers.Dense) and len(shape) == 2


def _windowed(layer: keras.Layer, field: Field, shape: tuple) -> Field | None:
    sizes = shape[2:] if layer.data_format == "channels_first" else shape[1:-1]
    axes = len(field.first)
    if len(sizes) != axes:
        return None
    window = _per_axis(getattr(layer, "kernel_size", None) or layer.pool_size, axes)
    dilation = _per_axis(getattr(layer, "dilation_rate", 1), axes)
    strides = _per_axis(layer.strides, axes)
    reach = tuple((n - 1) * spread + 1 for n, spread in zip(window, dilation, strict=True))
    padded = {
        "valid": [0] * axes,
        "causal": [n - 1 for n in reach],
        "same": list(map(_same_padding, sizes, reach, strides)),
    }
    return _moved(field, reach, strides, padded[layer.padding])


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


def _shifted(field: Field, borders, sign: int) -> Field:
    """Return the field after a border was added (sign -1) or cut off (1)."""
    pairs = borders if isinstance(borders[0], (tuple, list)) else [borders]
    moves = [sign * pair[0] * step for pair, step in zip(pairs, field.stride, strict=True)]
    return Field(
        tuple(first + move for first, move in zip(field.first, moves, strict=True)),
        tuple(last + move for last, move in zip(field.last, moves, strict=True)),
        field.stride,
    )


def _centre_cropped(layer: keras.Layer, field: Field, shape: tuple) -> Field | None:
    """Return the field after a crop; None if the image is smaller, for it is then enlarged."""
    sizes = shape[2:] if layer.data_format == "channels_first" else shape[1:-1]
    wanted = (layer.height, layer.width)
    if None in sizes or any(n < most for n, most in zip(sizes, wanted, strict=True)):
        return None
    borders = [((n - most) // 2, 0) for n, most in zip(sizes, wanted, strict=True)]
    return _shifted(field, borders, 1)


def _merged(fields: list[Field | None]) -> Field | None:
    """Return the field that covers all of those that meet in a layer."""
    known = [field for field in fields if field is not None]
    if not known or len(known) < len(fields):
        return None
    whole = next((field for field in known if field.whole), None)
    if whole or len({field.stride for field in known}) > 1:
        return whole
    return Field(
        tuple(min(ends) for ends in zip(*(field.first for field in known), strict=True)),
        tuple(max(ends) for ends in zip(*(field.last for field in known), strict=True)),
        known[0].stride,
    )


def _per_axis(value, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)
