"""Compute batch normalisation in training by TensorFlow's one fused operation.

Keras computes it from sums, squares and products: a dozen passes over the feature maps, in float32
at any precision of the layer. TensorFlow's operation takes two passes and reads bfloat16 as it is.
Other backends, and inference, keep Keras' own computation.
"""

import contextlib
from collections.abc import Callable, Iterator

import keras

FLOATS = ("float16", "bfloat16", "float32")  # the types that the fused operation supports


def batch_normalizations(layer: keras.Layer) -> list[keras.layers.BatchNormalization]:
    """Return all batch normalisation layers of a model.

    Args:
        layer: A model, a wrapper such as `TimeDistributed`, or any other layer; layers inside it
            are searched at every depth.
    """
    if isinstance(layer, keras.layers.BatchNormalization):
        return [layer]
    inner = getattr(layer, "layers", None) or [getattr(layer, "layer", None)]
    return [norm for each in inner if each is not None for norm in batch_normalizations(each)]


@contextlib.contextmanager
def fused_batch_normalization(model: keras.Model) -> Iterator[None]:
    """Let a model's `BatchNormalization` of (batch, height, width, channels) train faster.

    Outputs and moving averages are the same within rounding (Ioffe and Szegedy 2015,
    https://arxiv.org/abs/1502.03167, algorithm 1). What is compiled in the block has the fused
    operation in it; the model itself, and what is saved of it, stays as it is. Subclasses, `renorm`,
    `synchronized`, other axes and masks keep Keras' computation.

    Args:
        model: The model to train. On backends other than TensorFlow nothing changes.
    """
    layers = []
    if keras.backend.backend() == "tensorflow":
        layers = [each for each in batch_normalizations(model) if _is_plain(each)]
    for layer in layers:
        layer.call = _fused(layer)
    try:
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("call", None)


def _is_plain(layer: keras.layers.BatchNormalization) -> bool:
    # By the exact type: a subclass may compute something else.
    plain = type(layer) is keras.layers.BatchNormalization
    return plain and layer.axis in (-1, 3) and not layer.renorm and not layer.synchronized


def _fused(layer: keras.layers.BatchNormalization) -> Callable:
    import tensorflow as tf  # this backend alone: keras.ops has no such operation

    by_keras = layer.call

    def call(inputs, training=None, mask=None):
        training = training and layer.trainable
        if not training or mask is not None or len(inputs.shape) != 4 or not _is_float(inputs):
            return by_keras(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        scale, offset = layer.gamma, layer.beta
        result = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.ones(channels) if scale is None else tf.convert_to_tensor(scale),
            offset=tf.zeros(channels) if offset is None else tf.convert_to_tensor(offset),
            mean=tf.zeros(0),  # in training, it uses those of the batch
            variance=tf.zeros(0),
            epsilon=layer.epsilon,
            is_training=True,
        )
        # The operation divides by n - 1, Keras' moving average by n.
        count = tf.cast(tf.size(inputs, tf.int64) // channels, "float32")
        variance = result.batch_variance * (tf.maximum(count - 1, 1) / count)
        momentum = layer.momentum
        for moving, of_batch in (
            (layer.moving_mean, result.batch_mean),
            (layer.moving_variance, variance),
        ):
            moving.assign(moving * momentum + of_batch * (1.0 - momentum))
        return result.y

    return call


def _is_float(inputs) -> bool:
    return keras.backend.standardize_dtype(inputs.dtype) in FLOATS
