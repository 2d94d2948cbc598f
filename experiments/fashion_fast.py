"""A residual network behind a whitened layer, trained by Muon, knows garments within ten minutes.

Result  94.12 % of 10,000 test images (median of seeds 0 to 4: 93.92 to 94.21), and averaged over
        each and its mirror image 94.26 % (94.15 to 94.43), in bfloat16
Cost    9.3 to 9.9 minutes of training on two CPU cores with bfloat16
Needs   Fashion-MNIST, 30 MB: downloaded by Keras, or fashion_mnist.npz in CNNKIT_DATA's folder
Source  K. Jordan 2024, https://arxiv.org/abs/2404.00498 (airbench, for CIFAR-10), and
        https://kellerjordan.github.io/posts/muon/
"""

import keras
import numpy as np

from cnnkit import Experiment, data, main, models, optimizers


def experiment(epochs: int = 18, learning_rate: float = 0.01, batch_size: int = 250):
    """A residual network with a whitened first layer knows garments within ten minutes.

    Args:
        epochs: How often training sees every image.
        learning_rate: Of the Muon optimizer at its peak; it rises first and then falls to zero.
        batch_size: Images a step.
    """
    garments = data.fashion_mnist()
    samples = garments.train.inputs[:5000] * np.float32(garments.scale)
    network = models.whitened_resnet(
        samples, garments.num_classes, widths=(64, 128, 256), depths=(0, 2, 0), name="fashion_fast"
    )
    steps = epochs * -(-len(garments.train) // batch_size)
    return Experiment(
        data=garments,
        model=network,
        optimizer=optimizers.create("muon", optimizers.schedule("one_cycle", learning_rate, steps)),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        epochs=epochs,
        batch_size=batch_size,
        augment=keras.Sequential(
            [
                keras.layers.RandomFlip("horizontal"),
                keras.layers.RandomTranslation(
                    1 / 28, 1 / 28, fill_mode="constant", interpolation="nearest"
                ),
            ]
        ),
        restore_best_weights=False,
    )


if __name__ == "__main__":
    main(experiment)
