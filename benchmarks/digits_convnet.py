"""The recipe of experiments/digits_lenet5.py with any plain network, and the space of networks to search."""

import keras

from cnnkit import Experiment, data, models, search

SIZE = 12  # pixels a side; a network of the space is then four times as fast as on 28

space = {
    "network": search.convnet_options(data.digits(image_size=SIZE).image_shape),
    "learning_rate": search.log_uniform(5e-4, 2e-2),
}


def experiment(
    epochs: int = 20,
    learning_rate: float = 2e-3,
    batch_size: int = 32,
    network: dict | None = None,
):
    """A plain network reads handwritten digits, slightly shifted and turned while it trains.

    Args:
        epochs: How often training sees every image.
        learning_rate: Of the Adam optimizer at the start; falls to zero as a cosine.
        batch_size: Images a step.
        network: Options of `models.convnet`.
    """
    digits = data.digits(image_size=SIZE)
    steps = epochs * -(-len(digits.train) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    return Experiment(
        data=digits,
        model=models.convnet(digits.image_shape, digits.num_classes, **(network or {})),
        optimizer=keras.optimizers.Adam(rate),
        epochs=epochs,
        batch_size=batch_size,
        augment=keras.Sequential(
            [
                keras.layers.RandomTranslation(0.08, 0.08, fill_mode="constant"),
                keras.layers.RandomRotation(0.03, fill_mode="constant"),
            ]
        ),
    )
