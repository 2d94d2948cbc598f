"""A small free network tells X from O, shifted, shrunken, turned and deformed.

Result  99.95 % of 2,000 fresh pictures (median of seeds 0 to 4: 99.85 to 100.00)
Cost    3 s of training on two CPU cores
Needs   nothing: the pictures are generated
"""

import keras

from cnnkit import Experiment, data, main, models


def experiment(
    epochs: int = 6, learning_rate: float = 2e-3, batch_size: int = 64, noise: float = 0.02,
    seed: int = 0,
):  # fmt: skip
    """A small convolutional network tells X from O, wherever and however they stand.

    Args:
        epochs: How often training sees every picture.
        learning_rate: Step size of the Adam optimizer.
        batch_size: Pictures a step.
        noise: The probability that a pixel has the wrong sign.
        seed: Draws the pictures, too.
    """
    shapes = data.xo(noise=noise, seed=seed)
    return Experiment(
        data=shapes,
        model=models.convnet(
            shapes.image_shape, shapes.num_classes, widths=(8, 16, 32), depths=(1, 1, 1),
            hidden_units=(32,),
        ),
        optimizer=keras.optimizers.Adam(learning_rate),
        epochs=epochs,
        batch_size=batch_size,
    )  # fmt: skip


if __name__ == "__main__":
    main(experiment)
