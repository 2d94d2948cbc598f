"""A small residual network behind a whitened first layer, for training in minutes."""

import keras
import numpy as np
from keras import layers

from cnnkit.models.families.checks import require_stages
from cnnkit.models.families.layers import normalized_relu
from cnnkit.models.families.top import classifier
from cnnkit.models.whitening import whitened_convolution


def whitened_resnet(
    samples: np.ndarray,
    num_classes: int,
    *,
    widths: tuple[int, ...] = (64, 128),
    depths: tuple[int, ...] = (0, 2),
    kernel_size: int = 5,
    filters: int = 16,
    epsilon: float = 1e-2,
    name: str = "whitened_resnet",
) -> keras.Model:
    """Build a residual network behind a frozen, whitened first convolution.

    As the first layer is frozen (K. Jordan 2024, https://arxiv.org/abs/2404.00498, section 3.2), no
    gradient is computed for the largest maps. A stage is max pooling, a 3 x 3 convolution to its
    width, and `depths` residual blocks of one 3 x 3 convolution. Batch normalisation and ReLU come
    before every convolution (K. He et al. 2016, https://arxiv.org/abs/1603.05027). After the last
    stage there is one more pooling; the classifier reads the maximum of each of the last maps.

    Args:
        samples: Training images to compute the first layer's kernel of, float32, (samples, height,
            width, channels), scaled as the network will see them.
        num_classes: Number of logits, at least 1.
        widths: Filters of each stage.
        depths: Residual blocks of each stage.
        kernel_size: Height and width of the first layer's window.
        filters: Filters of the first layer; it has 2 * filters maps.
        epsilon: Regularisation of the whitening, see `whitening_kernel`.
        name: Name of the model.

    Returns:
        An uncompiled model from images of any size to logits, (batch, num_classes).

    Raises:
        SettingError: `widths` and `depths` differ in length, the images are too small, or `filters`
            or `epsilon` do not fit them.

    >>> images = np.random.default_rng(0).random((20, 8, 8, 3), np.float32)
    >>> whitened_resnet(images, 10).count_params()
    392682
    """
    require_stages(depths, widths)
    image = keras.Input((None, None, samples.shape[-1]))
    maps = whitened_convolution(samples, kernel_size, filters, epsilon=epsilon)(image)
    for width, depth in zip(widths, depths, strict=True):
        maps = _convolution(layers.MaxPooling2D(2)(maps), width)
        for _ in range(depth):
            maps = layers.Add()([maps, _convolution(maps, width)])
    maps = normalized_relu(layers.MaxPooling2D(2)(maps))
    features = layers.GlobalMaxPooling2D()(maps)
    return keras.Model(image, classifier(features, num_classes), name=name)


def _convolution(maps, width: int):
    return layers.Conv2D(width, 3, padding="same", use_bias=False)(normalized_relu(maps))
