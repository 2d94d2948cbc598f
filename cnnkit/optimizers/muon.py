"""Muon for convolutions: their kernels are matrices, too, of patches' values by filters."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("cnnkit")
class ConvolutionMuon(keras.optimizers.Muon):
    """Keras' Muon, which also moves the kernels of convolutions; there Keras' own is Adam.

    Muon steps along the orthogonal matrix nearest to the gradient's momentum. A kernel of shape
    (height, width, channels, filters) is for that the matrix that a patch's values are multiplied
    by, (height * width * channels, filters), as K. Jordan 2024,
    https://kellerjordan.github.io/posts/muon/, has it for a network for CIFAR-10; one of a
    convolution in one dimension or three likewise. Adam moves biases, normalisations, and kernels
    whose last axis is 1, such as those of depthwise convolutions; and the layers of
    `exclude_layers`, among which the last one of a classifier should be.

    Takes what `keras.optimizers.Muon` takes.

    >>> ConvolutionMuon(0.01, exclude_layers=["logits"]).exclude_layers
    ['logits']
    """

    def _should_use_adamw(self, variable):
        if len(variable.shape) < 2 or variable.shape[-1] == 1:
            return True
        return super()._should_use_adamw(_AsMatrix(variable))

    def zeropower_via_newtonschulz5(self, x, steps):
        """Return the nearest matrix with orthonormal rows or columns, about, in the shape of x."""
        return ops.reshape(super().zeropower_via_newtonschulz5(_matrix(x), steps), x.shape)

    def lr_adjust(self, x):
        """Return a step in a length like Adam's, in the shape of x."""
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


def _matrix(kernel):
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


class _AsMatrix:
    """What Keras asks of a variable: the shape, of a kernel as a matrix, and the path."""

    def __init__(self, variable):
        self.shape = (math.prod(variable.shape[:-1]), variable.shape[-1])
        self.path = variable.path
