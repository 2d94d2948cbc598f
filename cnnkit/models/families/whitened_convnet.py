"""A small plain network behind a whitened first layer, whose convolutions begin as copies."""

import keras
import numpy as np
from keras import layers

from cnnkit.models.families.blocks import classifier, normalised
from cnnkit.models.whitening import whitened_convolution

SCALE = 1 / 9  # of what the classifier sees, as in airbench


def whitened_convnet(
    samples: np.ndarray,
    num_classes: int,
    *,
    widths: tuple[int, ...] = (64, 256, 256),
    filters: int = 12,
    epsilon: float = 5e-4,
    name: str = "whitened_convnet",
) -> keras.Model:
    """Return an uncompiled model from images of any size, (batch, height, width, channels), to logits.

    The network of K. Jordan 2024 (airbench), https://arxiv.org/abs/2404.00498, with ReLU for its
    GELU. The first layer is `whitened_convolution`, 2 x 2 and frozen. A stage is a 3 x 3 convolution
    to its width, max pooling, and one more 3 x 3 convolution; batch normalisation without a scale,
    and ReLU, come after the pooling and after the second. The greatest value of each of the last
    maps, a ninth of it, is what the classifier sees.

    Each convolution begins as a copy of the maps that it sees, as many as it has filters for, and
    the filters left over at random, as there: the last layer sees what the first one gives from the
    first step on.

    samples: images as the network is to see them, float32, (samples, height, width, channels), from
    whose patches the first layer is made. widths: one a stage. filters, epsilon: of the first layer,
    which has 2 * filters maps.

    Raises what `whitening_kernel` raises.
    """
    image = keras.Input((None, None, samples.shape[-1]))
    whitened = whitened_convolution(samples, 2, filters, epsilon=epsilon, padding="valid")
    maps = layers.ReLU()(whitened(image))
    for width in widths:
        maps = normalised(layers.MaxPooling2D(2)(_copying(maps, width)), scale=False)
        maps = normalised(_copying(maps, width), scale=False)
    features = layers.Rescaling(SCALE)(layers.GlobalMaxPooling2D()(maps))
    return keras.Model(image, classifier(features, num_classes, None), name=name)


def _copying(maps, width: int):
    """Return what a convolution of maps gives whose first filters pass on a map each."""
    convolution = layers.Conv2D(width, 3, padding="same", use_bias=False)
    found = convolution(maps)
    kernel = keras.ops.convert_to_numpy(convolution.kernel).copy()
    copied = min(kernel.shape[2:])
    kernel[..., :copied] = 0
    kernel[1, 1, range(copied), range(copied)] = 1
    convolution.set_weights([kernel])
    return found
