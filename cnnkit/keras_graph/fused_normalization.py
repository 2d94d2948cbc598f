"""Batch normalisation of feature maps in training, by TensorFlow's one fused operation.

Keras computes it from sums, squares and products, a dozen passes over the maps, in float32 whatever
the layer's precision. TensorFlow's operation takes two passes, and reads bfloat16 as it is. On other
backends, and in inference, Keras' own computation stays.
"""

import contextlib
from collections.abc import Callable, Iterator

import keras

FLOATS = ("float16", "bfloat16", "float32")  # what the operation takes


def batch_normalizations(layer: keras.Layer) -> list[keras.layers.BatchNormalization]:
    """Return the batch normalisation in a layer or a model, however deep."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return [layer]
    inner = getattr(layer, "layers", None) or [getattr(layer, "layer", None)]
    return [found for each in inner if each is not None for found in batch_normalizations(each)]


@contextlib.contextmanager
def fused_batch_normalization(model: keras.Model) -> Iterator[None]:
    """Let a model's `BatchNormalization` of (batch, height, width, channels) train faster.

    What it computes is the same within rounding, the moving averages too; S. Ioffe, C. Szegedy 2015,
    https://arxiv.org/abs/1502.03167, algorithm 1. While the context lasts, what is compiled has the
    fused operation in it; the model itself, and what is saved of it, stays as it is. Subclasses,
    `renorm`, `synchronized`, another axis and masks are left to Keras.
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
    import tensorflow as tf  # its operation has no counterpart in keras.ops

    by_keras = layer.call

    def call(inputs, training=None, mask=None):
        training = training and layer.trainable
        if not training or mask is not None or len(inputs.shape) != 4 or not _takes(inputs):
            return by_keras(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        scale, offset = layer.gamma, layer.beta
        answer = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.ones(channels) if scale is None else tf.convert_to_tensor(scale),
            offset=tf.zeros(channels) if offset is None else tf.convert_to_tensor(offset),
            mean=tf.zeros(0),  # those of the batch are what it normalises by
            variance=tf.zeros(0),
            epsilon=layer.epsilon,
            is_training=True,
        )
        # It estimates the variance of all images, over n - 1 values; Keras averages that of batches.
        values = tf.cast(tf.size(inputs, tf.int64) // channels, "float32")
        variance = answer.batch_variance * (tf.maximum(values - 1, 1) / values)
        kept = layer.momentum
        for moving, now in (
            (layer.moving_mean, answer.batch_mean),
            (layer.moving_variance, variance),
        ):
            moving.assign(moving * kept + now * (1.0 - kept))
        return answer.y

    return call


def _takes(inputs) -> bool:
    return keras.backend.standardize_dtype(inputs.dtype) in FLOATS
