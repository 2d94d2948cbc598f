"""Layers that the classic papers use and Keras does not have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnkit")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides maps by (k + alpha * sum of squares over `size` neighbouring maps) ** beta.

    Krizhevsky, Sutskever, Hinton 2012, section 3.3. From (batch, height, width, channels) to the
    same shape.

    Args:
        size: Number of neighbouring maps, including the map itself; 5 in the paper.
        alpha: Factor of the sum; 1e-4 in the paper.
        beta: Exponent; 0.75 in the paper.
        k: Constant; 2 in the paper.
        **options: Options of `keras.layers.Layer`, such as name.
    """

    window = ((1, 1), (1, 1))  # size and stride, for the receptive field

    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=2.0, **options):
        super().__init__(**options)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, maps):
        """Return the normalised maps."""
        reach, channels = self.size // 2, maps.shape[-1]
        squares = ops.pad(ops.square(maps), [(0, 0)] * 3 + [(reach, self.size - 1 - reach)])
        total = sum(squares[..., start : start + channels] for start in range(self.size))
        return maps / ops.power(self.k + self.alpha * total, self.beta)

    def compute_output_shape(self, input_shape):
        """Return the input's shape."""
        return input_shape

    def get_config(self):
        """Return the layer's configuration."""
        options = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return super().get_config() | options


@keras.saving.register_keras_serializable(package="cnnkit")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D(groups=...)`, computed group by group.

    On a CPU, TensorFlow has no gradient of grouped convolutions.
    """

    def convolution_op(self, inputs, kernel):
        """Convolve each group of maps with its part of the kernel."""
        groups = zip(
            ops.split(inputs, self.groups, axis=-1),
            ops.split(kernel, self.groups, axis=-1),
            strict=True,
        )
        outputs = [
            ops.conv(group_inputs, group_kernel, strides=self.strides, padding=self.padding)
            for group_inputs, group_kernel in groups
        ]
        return ops.concatenate(outputs, axis=-1)


@keras.saving.register_keras_serializable(package="cnnkit")
class PaddedShortcut(keras.layers.Layer):
    """Shortcut option A of He et al. 2015: subsampled maps, padded with maps of zeros.

    From (batch, height, width, channels) to (batch, ceil(height / strides), ceil(width / strides),
    filters), without weights.

    Args:
        filters: Number of maps of the block that it leads around, at least those of its input.
        strides: Step between the pixels that it keeps, in both directions.
        **options: Options of `keras.layers.Layer`, such as name.
    """

    @property
    def window(self):
        """Size and stride, ((1, 1), (strides, strides)), for the receptive field."""
        return ((1, 1), (self.strides, self.strides))

    def __init__(self, filters, strides=2, **options):
        super().__init__(**options)
        self.filters, self.strides = filters, strides

    def call(self, maps):
        """Return every `strides`-th pixel, with maps of zeros appended."""
        # This equals `maps[:, ::strides, ::strides]`, but ten times as fast in TensorFlow.
        maps = ops.average_pool(maps, 1, self.strides, padding="valid", data_format="channels_last")
        return ops.pad(maps, [(0, 0)] * 3 + [(0, self.filters - maps.shape[-1])])

    def compute_output_shape(self, input_shape):
        """Return the shape of the block's output."""
        batch, *size, _ = input_shape
        size = [None if n is None else -(-n // self.strides) for n in size]
        return (batch, *size, self.filters)

    def get_config(self):
        """Return the layer's configuration."""
        return super().get_config() | {"filters": self.filters, "strides": self.strides}


def normalized_relu(maps, *, scale: bool = True):
    """Return ReLU of batch-normalised maps, with statistics for short trainings.

    Args:
        maps: Tensor of feature maps.
        scale: Whether normalisation learns a factor for each map, besides an offset.

    Returns:
        Tensor of the same shape.
    """
    # In a few epochs weights move far, so moving averages must forget fast.
    normalization = keras.layers.BatchNormalization(scale=scale, momentum=0.9, epsilon=1e-5)
    return keras.layers.ReLU()(normalization(maps))
