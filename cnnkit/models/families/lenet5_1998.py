"""LeNet-5 as published: LeCun, Bottou, Bengio, Haffner 1998, section II.B, Figure 2, Table I.

https://doi.org/10.1109/5.726791
"""

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.models.families.top import Top

# Table I: which maps of S2 each map of C3 reads; every one of the six is used ten times.
C3_READS = (
    "012", "123", "234", "345", "045", "015",
    "0123", "1234", "2345", "0345", "0145", "0125", "0134", "1245", "0235",
    "012345",
)  # fmt: skip
BACKGROUND, FOREGROUND = -0.1, 1.175  # section II.B: so that inputs have about mean 0, variance 1

# Drawn after Figure 3, in its spirit and not to the pixel: a 7 x 12 picture a digit.
BITMAPS = """
..###.. ...#... .#####. .#####. .....#. ####### ..####. ####### .#####. .#####.
.#...#. ..##... #.....# #.....# ....##. #...... .#..... #.....# #.....# #.....#
#.....# .#.#... ......# ......# ...#.#. #...... #...... ......# #.....# #.....#
#.....# ...#... ......# ......# ..#..#. #...... #...... .....#. #.....# #.....#
#.....# ...#... .....#. .....#. .#...#. #.####. #.####. .....#. .#...#. #.....#
#.....# ...#... ....#.. ..###.. #....#. ##....# ##....# ....#.. ..###.. #....##
#.....# ...#... ...#... .....#. ####### ......# #.....# ....#.. .#...#. .####.#
#.....# ...#... ..#.... ......# .....#. ......# #.....# ...#... #.....# ......#
#.....# ...#... .#..... ......# .....#. ......# #.....# ...#... #.....# ......#
#.....# ...#... #...... ......# .....#. ......# #.....# ..#.... #.....# ......#
.#...#. ...#... #...... #.....# .....#. #.....# .#...#. ..#.... #.....# .....#.
..###.. .#####. ####### .#####. .....#. .#####. ..###.. ..#.... .#####. .####..
"""


def lenet5_1998(
    image_shape: tuple[int, ...] = (32, 32, 1),
    num_classes: int = 10,
    *,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
) -> keras.Model:
    """Build LeNet-5 as published: Figure 2, Table I, and radial basis functions as outputs.

    The model brings inputs to the paper's -0.1 (background) and 1.175 (ink). The paper's outputs are
    squared distances, small for the right class; the logits here are their negatives, so that the
    largest wins as everywhere. Train it with `cnnkit.losses.LeNet5Loss`. The bitmaps of the output
    layer are drawn after Figure 3, not copied from it.

    Args:
        image_shape: (32, 32, 1), or (28, 28, 1), which is padded by two pixels on each side as in
            the paper. Inputs are floats in [0, 1].
        num_classes: Number of logits, 1 to 10, as each digit has a bitmap.
        include_top: Whether to include the layers from C5 on.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: Path of a weights file, or None for random weights.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: The image shape or number of classes is another one.

    >>> lenet5_1998().count_params()
    60000
    """
    top = Top(num_classes, include_top, pooling, classifier_activation, weights)
    if tuple(image_shape) not in ((32, 32, 1), (28, 28, 1)):
        raise SettingError(
            f"lenet5_1998 takes (32, 32, 1) or (28, 28, 1), not {tuple(image_shape)}; "
            "lenet5 takes other shapes."
        )
    if not 1 <= num_classes <= 10:
        raise SettingError(
            f"lenet5_1998 has a bitmap for each of ten digits, not for {num_classes} classes; "
            "lenet5 takes any number."
        )
    image = keras.Input(image_shape, name="image")
    maps = image
    if image_shape[0] == 28:
        maps = keras.layers.ZeroPadding2D(2, name="frame")(maps)
    maps = keras.layers.Rescaling(FOREGROUND - BACKGROUND, offset=BACKGROUND, name="ink")(maps)
    maps = _convolution(maps, 6, 5, "C1")
    maps = Subsampling(name="S2")(maps)
    maps = TableConvolution(name="C3")(maps)
    maps = Subsampling(name="S4")(maps)

    def head(maps):
        maps = _convolution(maps, 120, 5, "C5")  # a convolution whose window is the whole map
        units = keras.layers.Flatten(name="flatten")(maps)
        return keras.layers.Dense(
            84, activation=squash, kernel_initializer=_initializer(120), name="F6"
        )(units)

    logits = RadialBasis(num_classes, name="logits")
    return top.finish("lenet5_1998", image, maps, head, logits=logits)


@keras.saving.register_keras_serializable(package="cnnkit")
def squash(x):
    """Return 1.7159 tanh(2 x / 3), the paper's activation (appendix A).

    It maps -1 to -1 and 1 to 1, where its curvature is greatest.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the same shape, values in (-1.7159, 1.7159).
    """
    return 1.7159 * ops.tanh(2 / 3 * x)


def bitmaps() -> np.ndarray:
    """Return the ten target pictures as rows of -1 and 1, float32, shape (10, 84)."""
    rows = [line.split() for line in BITMAPS.split("\n") if line]
    signs = [
        [[1.0 if c == "#" else -1.0 for c in row[digit]] for row in rows] for digit in range(10)
    ]
    return np.array(signs, np.float32).reshape(10, 84)


def connected_maps() -> np.ndarray:
    """Return Table I, bool, shape (6, 16): whether a map of C3 reads a map of S2."""
    return np.array([[str(source) in reads for reads in C3_READS] for source in range(6)])


@keras.saving.register_keras_serializable(package="cnnkit")
class Subsampling(keras.layers.Layer):
    """The paper's pooling: sum of each 2 x 2 patch, a coefficient and a bias a map, then `squash`.

    From (batch, height, width, maps) to (batch, height // 2, width // 2, maps); two weights a map.
    """

    window = ((2, 2), (2, 2))  # size and stride, for the receptive field

    def build(self, input_shape):
        """Create a coefficient and a bias for each map."""
        maps = input_shape[-1]
        self.coefficient = self.add_weight(
            shape=(maps,), initializer=_initializer(4), name="coefficient"
        )
        self.bias = self.add_weight(shape=(maps,), initializer="zeros", name="bias")

    def call(self, maps):
        """Return the activated, scaled sums of 2 x 2 patches."""
        total = 4 * ops.average_pool(maps, 2, strides=2)
        return squash(total * self.coefficient + self.bias)

    def compute_output_shape(self, input_shape):
        """Return the shape with half the height and width."""
        batch, height, width, maps = input_shape
        return (batch, height // 2, width // 2, maps)


@keras.saving.register_keras_serializable(package="cnnkit")
class TableConvolution(keras.layers.Layer):
    """C3: 5 x 5 convolutions, each over its maps of Table I, then `squash`.

    From (batch, height, width, 6) to (batch, height - 4, width - 4, 16). The kernel holds only the
    60 connected windows, (5, 5, 60).
    """

    window = ((5, 5), (1, 1))  # size and stride, for the receptive field

    def build(self, input_shape):
        """Create a 5 x 5 window for each connection and a bias for each map."""
        connected = connected_maps()
        self.kernel = self.add_weight(
            shape=(5, 5, int(connected.sum())), initializer=_initializer(25 * 4), name="kernel"
        )
        self.bias = self.add_weight(shape=(16,), initializer="zeros", name="bias")
        # The index of each of the 6 x 16 windows in the kernel; the last index is a window of zeros.
        indices = np.full(connected.shape, connected.sum())
        indices[connected] = np.arange(connected.sum())
        self._indices = indices.reshape(-1)

    def call(self, maps):
        """Convolve with the kernel filled up with zeros to all 6 x 16 windows."""
        windows = ops.concatenate([self.kernel, ops.zeros_like(self.kernel[..., :1])], axis=-1)
        kernel = ops.reshape(ops.take(windows, self._indices, axis=-1), (5, 5, 6, 16))
        return squash(ops.conv(maps, kernel, padding="valid") + self.bias)

    def compute_output_shape(self, input_shape):
        """Return the shape without a border of two pixels, and with 16 maps."""
        batch, height, width, _ = input_shape
        return (batch, height - 4, width - 4, 16)

    def count_multiply_adds(self):
        """Return the multiply-adds for one image: 25 for each connection and output pixel."""
        _, height, width, _ = self.output.shape
        return height * width * 25 * int(connected_maps().sum())


@keras.saving.register_keras_serializable(package="cnnkit")
class RadialBasis(keras.layers.Layer):
    """Minus the squared distance to each class's bitmap: (batch, 84) to (batch, classes).

    Args:
        classes: Number of classes, 1 to 10.
    """

    def __init__(self, classes, **options):
        super().__init__(**options)
        self.classes = classes

    def build(self, input_shape):
        """Set the bitmaps, which are not trained."""
        self._targets = bitmaps()[: self.classes]

    def call(self, units):
        """Return the negative squared distances."""
        targets = ops.convert_to_tensor(self._targets, dtype=units.dtype)
        return -ops.sum(ops.square(units[:, None] - targets), axis=-1)

    def compute_output_shape(self, input_shape):
        """Return (batch, classes)."""
        return (input_shape[0], self.classes)

    def get_config(self):
        """Return the layer's configuration."""
        return super().get_config() | {"classes": self.classes}


def _initializer(fan_in: int) -> keras.initializers.Initializer:
    """Return the uniform distribution in +-2.4 / fan-in (appendix A)."""
    return keras.initializers.RandomUniform(-2.4 / fan_in, 2.4 / fan_in)


def _convolution(maps, width: int, kernel_size: int, name: str):
    fan_in = kernel_size**2 * maps.shape[-1]
    return keras.layers.Conv2D(
        width, kernel_size, activation=squash, kernel_initializer=_initializer(fan_in), name=name
    )(maps)
