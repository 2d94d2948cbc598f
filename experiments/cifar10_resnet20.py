"""ResNet-20 on CIFAR-10, after the recipe of its paper: 269,722 trainable weights.

Result  82.17 % of 10,000 test images (seed 0, 12 epochs), on a copy recompressed as JPEG: not
        comparable to the digit with published ones
Cost    29 minutes of training on two CPU cores that had much other work, too
Needs   CIFAR-10, 170 MB: downloaded by Keras, or cifar10.npz in the folder that CNNKIT_DATA names
Source  He et al. 2015, section 4.2, https://arxiv.org/abs/1512.03385: there 8.75 % error
"""

import keras

from cnnkit import Experiment, data, main, models


def experiment(
    epochs: int = 12,
    learning_rate: float = 0.1,
    weight_decay: float = 1e-3,
    batch_size: int = 128,
    depth: int = 20,
):
    """ResNet-20 tells ten kinds of things on small photos apart.

    Args:
        epochs: How often training sees every image; the paper's 64,000 steps are 182.
        learning_rate: Of SGD with momentum at its highest, after a rising first epoch; falls to
            zero as a cosine, where the paper divides it by ten at 1/2 and 3/4 of its steps.
        weight_decay: Keras takes it off the weights beside the momentum; what the paper adds to
            the gradient, 1e-4, weighs ten times as much through the momentum of 0.9.
        batch_size: Images a step.
        depth: 20, 32, 44, 56 or 110 layers, as in the paper, or any 6 n + 2.
    """
    photos = data.cifar10()
    steps = -(-len(photos.train) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, (epochs - 1) * steps or 1, warmup_target=learning_rate, warmup_steps=steps
    )
    return Experiment(
        data=photos,
        model=models.resnet_cifar(photos.image_shape, photos.num_classes, depth=depth),
        optimizer=keras.optimizers.SGD(rate, momentum=0.9, weight_decay=weight_decay),
        epochs=epochs,
        batch_size=batch_size,
        augment=keras.Sequential(
            [
                keras.layers.RandomFlip("horizontal"),
                # By whole pixels, up to four: the paper's padding and cropping.
                keras.layers.RandomTranslation(
                    0.125, 0.125, fill_mode="constant", interpolation="nearest"
                ),
            ]
        ),
    )


if __name__ == "__main__":
    main(experiment)
