"""A small network reads MNIST after four epochs: a whitened first layer, one cycle, shifts.

Result  99.42 % of 10,000 test images (median of seeds 0 to 4: 99.31 to 99.50), and averaged over
        each and its shifts by a pixel 99.44 % (99.41 to 99.50), in bfloat16
Cost    14 to 16 s of training on two CPU cores with bfloat16
Needs   MNIST, 11 MB: downloaded by Keras, or mnist.npz in the folder that CNNKIT_DATA names
Source  K. Jordan 2024, https://arxiv.org/abs/2404.00498 (airbench, for CIFAR-10), and
        https://kellerjordan.github.io/posts/muon/
"""

import keras
import numpy as np
from keras import layers

from cnnkit import Experiment, data, main, models, optimizers


def network(digits: data.Dataset) -> keras.Model:
    """Three convolutions with batch normalisation; the first one is whitening, and frozen."""
    samples = digits.train.inputs[:5000] * np.float32(digits.scale)
    image = keras.Input(digits.image_shape)
    maps = layers.Cropping2D(2)(image)  # where no digit is, even when it is shifted
    first = models.whitened_convolution(samples[:, 2:-2, 2:-2], 5, 16, epsilon=1e-2, strides=2)
    maps = layers.MaxPooling2D(2)(first(maps))
    for width, padding in ((64, "same"), (128, "valid")):
        maps = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(maps))
        maps = layers.Conv2D(width, 3, padding=padding, use_bias=False)(maps)
        maps = layers.MaxPooling2D(2)(maps) if padding == "same" else layers.Flatten()(maps)
    maps = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(maps))
    logits = layers.Dense(digits.num_classes, name="logits")(maps)
    return keras.Model(image, logits, name="mnist_fast")


def experiment(epochs: int = 4, learning_rate: float = 0.01, batch_size: int = 250):
    """A small network with a whitened first layer reads MNIST after four epochs.

    Args:
        epochs: How often training sees every image.
        learning_rate: Of the Muon optimizer at its peak; it rises first and then falls to zero.
        batch_size: Images a step.
    """
    digits = data.mnist()
    steps = epochs * -(-len(digits.train) // batch_size)
    return Experiment(
        data=digits,
        model=network(digits),
        optimizer=optimizers.create("muon", optimizers.schedule("one_cycle", learning_rate, steps)),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        epochs=epochs,
        batch_size=batch_size,
        augment=layers.RandomTranslation(2 / 28, 2 / 28, "constant", interpolation="nearest"),
    )


if __name__ == "__main__":
    main(experiment)
