"""Layers that the classic papers use and Keras does not have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnkit")
class LocalResponseNormalization(keras.layers.Layer):
    """b = a / (k + alpha * sum of a^2 over `size` neighbouring maps) ^ beta.

    Krizhevsky, Sutskever, Hinton 2012, section 3.3, where k = 2, size = 5, alpha = 1e-4 and
    beta = 0.75. Takes and gives (batch, height, width, channels).
    """

    window = ((1, 1), (1, 1))  # what a value reads, and the step from one to the next

    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=2.0, **options):
        super().__init__(**options)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, maps):
        """Divide each map by what it and its neighbours answer at the same place."""
        reach, channels = self.size // 2, maps.shape[-1]
        squares = ops.pad(ops.square(maps), [(0, 0)] * 3 + [(reach, self.size - 1 - reach)])
        total = sum(squares[..., start : start + channels] for start in range(self.size))
        return maps / ops.power(self.k + self.alpha * total, self.beta)

    def compute_output_shape(self, input_shape):
        """Return the shape it was given."""
        return input_shape

    def get_config(self):
        """Return what makes the same layer again."""
        own = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return super().get_config() | own


@keras.saving.register_keras_serializable(package="cnnkit")
class GroupedConv2D(keras.layers.Conv2D):
    """`Conv2D(groups=...)` group by group: TensorFlow has no gradient of grouped ones on a CPU."""

    def convolution_op(self, inputs, kernel):
        """Convolve every group of maps with its own part of the kernel."""
        parts = zip(
            ops.split(inputs, self.groups, axis=-1),
            ops.split(kernel, self.groups, axis=-1),
            strict=True,
        )
        answers = [
            ops.conv(part, own, strides=self.strides, padding=self.padding) for part, own in parts
        ]
        return ops.concatenate(answers, axis=-1)


@keras.saving.register_keras_serializable(package="cnnkit")
class PaddedShortcut(keras.layers.Layer):
    """He et al. 2015, shortcut option A: every second pixel, and zeros for the maps that are new.

    From (batch, height, width, channels) to (batch, ceil(height / 2), ceil(width / 2), width of
    the block), without a weight.
    """

    @property
    def window(self):
        """What a value reads, and the step from one to the next."""
        return ((1, 1), (self.strides, self.strides))

    def __init__(self, filters, strides=2, **options):
        super().__init__(**options)
        self.filters, self.strides = filters, strides

    def call(self, maps):
        """Leave pixels out, and add maps of zeros."""
        # The same as `maps[:, ::strides, ::strides]`, which takes TensorFlow ten times as long.
        maps = ops.average_pool(maps, 1, self.strides, padding="valid", data_format="channels_last")
        return ops.pad(maps, [(0, 0)] * 3 + [(0, self.filters - maps.shape[-1])])

    def compute_output_shape(self, input_shape):
        """Return the shape of the block's output."""
        batch, *size, _ = input_shape
        size = [None if n is None else -(-n // self.strides) for n in size]
        return (batch, *size, self.filters)

    def get_config(self):
        """Return what makes the same layer again."""
        return super().get_config() | {"filters": self.filters, "strides": self.strides}
