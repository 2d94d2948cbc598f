"""LeNet-5 as published: LeCun, Bottou, Bengio, Haffner 1998, section II.B, Figure 2, Table I.

https://doi.org/10.1109/5.726791
"""

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.models.families import blocks
from cnnkit.models.weights import loaded

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
    """LeNet-5 as published: trainable subsampling, C3's connection table, radial basis functions.

    Inputs are floats in [0, 1] and are brought to the paper's -0.1 (background) and 1.175 (ink)
    inside the model. The outputs of the paper are squared distances, small for the right class; the
    logits here are their negatives, so that the largest one wins as everywhere. Train it with
    `LeNet5Loss`. The bitmaps of the output are drawn after Figure 3, not copied from it.

    image_shape: (32, 32, 1), or (28, 28, 1), which is framed by two pixels as the paper frames it.
    num_classes: how many logits it gives; 1 to 10, as there is a bitmap for each digit.
    include_top, pooling: False leaves out the layers from C5 on, and `pooling` ("avg", "max") then
        makes one number a map.
    classifier_activation: "softmax" for probabilities, None for logits.
    weights: a file of weights of `save_weights`, or None.

    Raises SettingError for any other shape or number of classes.

    >>> lenet5_1998().count_params()
    60000
    """
    blocks.require_top(include_top, pooling, classifier_activation)
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
    if not include_top:
        model = keras.Model(image, blocks.without_top(maps, pooling), name="lenet5_1998")
        return loaded(model, weights, include_top)
    maps = _convolution(maps, 120, 5, "C5")  # a convolution whose window is the whole map
    units = keras.layers.Flatten(name="flatten")(maps)
    units = keras.layers.Dense(84, activation=squash, kernel_initializer=_initial(120), name="F6")(
        units
    )
    logits = RadialBasis(num_classes, name="logits")(units)
    outputs = blocks.activated(logits, classifier_activation)
    return loaded(keras.Model(image, outputs, name="lenet5_1998"), weights, include_top)


@keras.saving.register_keras_serializable(package="cnnkit")
def squash(x):
    """1.7159 tanh(2 x / 3): -1 to 1 on [-1, 1], with its greatest curvature there (appendix A)."""
    return 1.7159 * ops.tanh(2 / 3 * x)


def bitmaps() -> np.ndarray:
    """Return the ten target pictures as rows of -1 and 1, shape (10, 84)."""
    rows = [line.split() for line in BITMAPS.split("\n") if line]
    signs = [
        [[1.0 if c == "#" else -1.0 for c in row[digit]] for row in rows] for digit in range(10)
    ]
    return np.array(signs, np.float32).reshape(10, 84)


def connected_maps() -> np.ndarray:
    """Return Table I as (6, 16): whether a map of C3 reads a map of S2."""
    return np.array([[str(source) in reads for reads in C3_READS] for source in range(6)])


@keras.saving.register_keras_serializable(package="cnnkit")
class Subsampling(keras.layers.Layer):
    """The sum of each 2 x 2 patch, times a coefficient and plus a bias of its map, squashed.

    From (batch, height, width, maps) to (batch, height // 2, width // 2, maps); two weights a map.
    """

    window = ((2, 2), (2, 2))  # what a value reads, and the step from one to the next

    def build(self, input_shape):
        """Make a coefficient and a bias a map."""
        maps = input_shape[-1]
        self.coefficient = self.add_weight(
            shape=(maps,), initializer=_initial(4), name="coefficient"
        )
        self.bias = self.add_weight(shape=(maps,), initializer="zeros", name="bias")

    def call(self, maps):
        """Sum, weigh, squash."""
        total = 4 * ops.average_pool(maps, 2, strides=2)
        return squash(total * self.coefficient + self.bias)

    def compute_output_shape(self, input_shape):
        """Return half the height and width."""
        batch, height, width, maps = input_shape
        return (batch, height // 2, width // 2, maps)


@keras.saving.register_keras_serializable(package="cnnkit")
class TableConvolution(keras.layers.Layer):
    """C3: 5 x 5 convolutions, each over the maps that Table I gives it, squashed.

    From (batch, height, width, 6) to (batch, height - 4, width - 4, 16); its kernel holds the 60
    connected windows alone, (5, 5, 60).
    """

    window = ((5, 5), (1, 1))  # what a value reads, and the step from one to the next

    def build(self, input_shape):
        """Make a window a connection and a bias a map."""
        connected = connected_maps()
        self.kernel = self.add_weight(
            shape=(5, 5, int(connected.sum())), initializer=_initial(25 * 4), name="kernel"
        )
        self.bias = self.add_weight(shape=(16,), initializer="zeros", name="bias")
        # Where in (kernel, then one window of zeros) each of the 6 x 16 windows stands.
        places = np.full(connected.shape, connected.sum())
        places[connected] = np.arange(connected.sum())
        self._places = places.reshape(-1)

    def call(self, maps):
        """Convolve with the kernel spread over all 6 x 16 windows."""
        windows = ops.concatenate([self.kernel, ops.zeros_like(self.kernel[..., :1])], axis=-1)
        whole = ops.reshape(ops.take(windows, self._places, axis=-1), (5, 5, 6, 16))
        return squash(ops.conv(maps, whole, padding="valid") + self.bias)

    def compute_output_shape(self, input_shape):
        """Return a frame of two pixels less, and 16 maps."""
        batch, height, width, _ = input_shape
        return (batch, height - 4, width - 4, 16)

    def count_multiply_adds(self):
        """Return the products of one forward pass: 25 a connection, at every place."""
        _, height, width, _ = self.output.shape
        return height * width * 25 * int(connected_maps().sum())


@keras.saving.register_keras_serializable(package="cnnkit")
class RadialBasis(keras.layers.Layer):
    """Minus the squared distance to each class's bitmap: (batch, 84) to (batch, classes)."""

    def __init__(self, classes, **options):
        super().__init__(**options)
        self.classes = classes

    def build(self, input_shape):
        """Fix the bitmaps, which are not trained."""
        self._targets = bitmaps()[: self.classes]

    def call(self, units):
        """Compare with each bitmap."""
        targets = ops.convert_to_tensor(self._targets, dtype=units.dtype)
        return -ops.sum(ops.square(units[:, None] - targets), axis=-1)

    def compute_output_shape(self, input_shape):
        """Return one number a class."""
        return (input_shape[0], self.classes)

    def get_config(self):
        """Return what makes the same layer again."""
        return super().get_config() | {"classes": self.classes}


@keras.saving.register_keras_serializable(package="cnnkit")
class LeNet5Loss(keras.losses.Loss):
    """Equation 9 of the paper: y_D + log(e^-j + sum of e^-y), with y the squared distances.

    The second term is what pushes wrong classes away; the constant j keeps it from pushing those
    that are far enough already. Takes labels (batch,) and logits -y (batch, classes). The paper
    does not say what j was; 0.1 is a choice.
    """

    def __init__(self, j=0.1, name="lenet5_loss", **options):
        super().__init__(name=name, **options)
        self.j = j
        self.from_logits = True

    def call(self, y_true, y_pred):
        """Return the loss of each sample, shape (batch,)."""
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        right = ops.sum(ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype) * y_pred, axis=-1)
        rubbish = ops.full_like(y_pred[:, :1], -self.j)
        return ops.logsumexp(ops.concatenate([rubbish, y_pred], axis=-1), axis=-1) - right

    def get_config(self):
        """Return what makes the same loss again."""
        return super().get_config() | {"j": self.j}


def _initial(fan_in: int) -> keras.initializers.Initializer:
    """Uniform in +-2.4 / fan-in (appendix A)."""
    return keras.initializers.RandomUniform(-2.4 / fan_in, 2.4 / fan_in)


def _convolution(maps, width: int, kernel_size: int, name: str):
    fan_in = kernel_size**2 * maps.shape[-1]
    return keras.layers.Conv2D(
        width, kernel_size, activation=squash, kernel_initializer=_initial(fan_in), name=name
    )(maps)
