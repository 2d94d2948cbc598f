"""Muon for convolutions, whose kernels it treats as matrices of patch values by filters."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("cnnkit")
class ConvolutionMuon(keras.optimizers.Muon):
    """Keras' Muon, which also updates the kernels of convolutions (Keras leaves them to Adam).

    Muon steps along the orthogonal matrix nearest to the gradient's momentum. A kernel of shape
    (height, width, channels, filters) counts as the matrix that patches are multiplied by, of shape
    (height * width * channels, filters), as in K. Jordan 2024,
    https://kellerjordan.github.io/posts/muon/. One- and three-dimensional convolutions are treated
    alike.

    Adam updates biases, normalisation, kernels whose last axis is 1 (such as those of depthwise
    convolutions), and the layers of `exclude_layers`. A classifier's last layer should be one.

    Args:
        learning_rate: Float, or a schedule.
        exclude_layers: Names of layers that Adam updates.
        **options: The other options of `keras.optimizers.Muon`.

    >>> ConvolutionMuon(0.01, exclude_layers=["logits"]).exclude_layers
    ['logits']
    """

    def __init__(self, learning_rate=0.001, exclude_layers=None, **options):
        super().__init__(learning_rate=learning_rate, exclude_layers=exclude_layers, **options)

    def _should_use_adamw(self, variable):
        if len(variable.shape) < 2 or variable.shape[-1] == 1:
            return True
        return super()._should_use_adamw(_AsMatrix(variable))

    def zeropower_via_newtonschulz5(self, x, steps):
        """Return the approximately nearest orthogonal matrix.

        Args:
            x: Kernel-shaped tensor, (..., filters).
            steps: Number of Newton-Schulz iterations.

        Returns:
            Tensor of the shape of `x`; as a matrix, its rows or columns are orthonormal.
        """
        return ops.reshape(super().zeropower_via_newtonschulz5(_matrix(x), steps), x.shape)

    def lr_adjust(self, x):
        """Return a step scaled to the size of Adam's.

        Args:
            x: Kernel-shaped tensor, (..., filters).

        Returns:
            Tensor of the shape of `x`.
        """
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


def _matrix(kernel):
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


class _AsMatrix:
    """A kernel variable's path, and its shape as a matrix: what Keras reads of a variable."""

    def __init__(self, variable):
        self.shape = (math.prod(variable.shape[:-1]), variable.shape[-1])
        self.path = variable.path
