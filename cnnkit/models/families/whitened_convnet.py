"""A small plain network behind a whitened first layer; its convolutions begin as identities."""

import keras
import numpy as np
from keras import layers

from cnnkit.models.families.layers import normalized_relu
from cnnkit.models.families.top import classifier
from cnnkit.models.whitening import whitened_convolution

SCALE = 1 / 9  # factor of the classifier's inputs, as in airbench


def whitened_convnet(
    samples: np.ndarray,
    num_classes: int,
    *,
    widths: tuple[int, ...] = (64, 256, 256),
    filters: int = 12,
    epsilon: float = 5e-4,
    name: str = "whitened_convnet",
) -> keras.Model:
    """Build the network of airbench (K. Jordan 2024), with ReLU instead of its GELU.

    https://arxiv.org/abs/2404.00498, sections 3.1 to 3.3. The first layer is `whitened_convolution`,
    2 x 2 and frozen. A stage is a 3 x 3 convolution to its width, max pooling, and another 3 x 3
    convolution. Batch normalisation (without a scale) and ReLU follow the pooling and the second
    convolution. The classifier reads a ninth of the maximum of each of the last maps.

    The first filters of each convolution begin as identities, one for each input map, and the other
    filters as random ones. So the last layer sees the first layer's maps from the first step on.

    Args:
        samples: Training images to compute the first layer's kernel of, float32, (samples, height,
            width, channels), scaled as the network will see them.
        num_classes: Number of logits, at least 1.
        widths: Filters of each stage.
        filters: Filters of the first layer, at most 4 * channels; it has 2 * filters maps.
        epsilon: Regularisation of the whitening, see `whitening_kernel`.
        name: Name of the model.

    Returns:
        An uncompiled model from images of any size to logits, (batch, num_classes).

    Raises:
        SettingError: The images are too small, or `filters` or `epsilon` do not fit them.

    >>> images = np.random.default_rng(0).random((20, 8, 8, 3), np.float32)
    >>> whitened_convnet(images, 10).count_params()
    1973930
    """
    image = keras.Input((None, None, samples.shape[-1]))
    first = whitened_convolution(samples, 2, filters, epsilon=epsilon, padding="valid")
    maps = layers.ReLU()(first(image))
    for width in widths:
        maps = normalized_relu(layers.MaxPooling2D(2)(_identity_like(maps, width)), scale=False)
        maps = normalized_relu(_identity_like(maps, width), scale=False)
    features = layers.Rescaling(SCALE)(layers.GlobalMaxPooling2D()(maps))
    return keras.Model(image, classifier(features, num_classes), name=name)


def _identity_like(maps, width: int):
    """Apply a convolution whose first filters each begin by passing on one map."""
    convolution = layers.Conv2D(width, 3, padding="same", use_bias=False)
    outputs = convolution(maps)
    kernel = keras.ops.convert_to_numpy(convolution.kernel).copy()
    identities = min(kernel.shape[2:])
    kernel[..., :identities] = 0
    kernel[1, 1, range(identities), range(identities)] = 1
    convolution.set_weights([kernel])
    return outputs
