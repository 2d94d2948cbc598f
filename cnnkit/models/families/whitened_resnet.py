"""A small residual network behind a whitened first layer, for training in minutes."""

import keras
import numpy as np
from keras import layers

from cnnkit.models.families.blocks import classifier, normalised, require_stages
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
    """Return an uncompiled model from images of any size, (batch, height, width, channels), to logits.

    The first layer is `whitened_convolution`, frozen, so that nothing is differentiated where maps
    are largest; K. Jordan 2024, https://arxiv.org/abs/2404.00498, section 3.2. A stage is a max
    pooling, a 3 x 3 convolution to its width, and `depths` such convolutions each added to what it
    sees; batch normalisation and ReLU come before every one, as in K. He et al. 2016,
    https://arxiv.org/abs/1603.05027. After the last stage there is one more pooling, and the greatest
    value of each of the last maps is what the classifier sees.

    samples: images as the network is to see them, float32, (samples, height, width, channels), from
    whose patches the first layer is made.
    widths, depths: one of each a stage. kernel_size, filters, epsilon: of the first layer, which has
    2 * filters maps.

    Raises SettingError where widths and depths differ in length, and what `whitening_kernel` raises.
    """
    require_stages(depths, widths)
    image = keras.Input((None, None, samples.shape[-1]))
    whitened = whitened_convolution(samples, kernel_size, filters, epsilon=epsilon)
    maps = whitened(image)
    for width, depth in zip(widths, depths, strict=True):
        maps = _convolved(layers.MaxPooling2D(2)(maps), width)
        for _ in range(depth):
            maps = layers.Add()([maps, _convolved(maps, width)])
    maps = normalised(layers.MaxPooling2D(2)(maps))
    return keras.Model(
        image, classifier(layers.GlobalMaxPooling2D()(maps), num_classes, None), name=name
    )


def _convolved(maps, width: int):
    return layers.Conv2D(width, 3, padding="same", use_bias=False)(normalised(maps))
