"""LeNet-5 on scikit-learn's digits in bare Keras: what `experiments/digits_lenet5.py` trains, no more.

    python -m benchmarks.keras_digits [--epochs 20] [--times 1] [--first-step]

It prints the processor seconds of each training as JSON. --first-step ends the process, without a
word, when a callback sees the end of the first step. cnnkit is not imported.
"""

import argparse
import json
import os
import sys
import time

import keras
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class EndAfterFirstStep(keras.callbacks.Callback):
    """Ends the process when the first step is done."""

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])
        os._exit(0)


def load() -> tuple:
    """Return (images, labels) of training, validation and test; images of 28 x 28, 0 to 1."""
    digits = load_digits()
    pictures = np.round(digits.images * (255 / 16)).astype(np.uint8)
    large = [np.asarray(Image.fromarray(x).resize((28, 28), Image.BICUBIC)) for x in pictures]
    images = np.stack(large)[..., None] / np.float32(255)
    x, x_test, y, y_test = train_test_split(images, digits.target, test_size=0.2, random_state=0)
    x, x_valid, y, y_valid = train_test_split(x, y, test_size=0.1, random_state=0)
    return (x, y), (x_valid, y_valid), (x_test, y_test)


def lenet5() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.RandomTranslation(0.08, 0.08, fill_mode="constant"),
            layers.RandomRotation(0.03, fill_mode="constant"),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10),
        ]
    )


def train(epochs: int, callbacks=()) -> None:
    (x, y), validation, test = load()
    keras.utils.set_random_seed(0)
    model = lenet5()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(x) // 32))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    model.fit(
        x, y, batch_size=32, epochs=epochs, validation_data=validation, callbacks=list(callbacks)
    )
    model.evaluate(*test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--first-step", action="store_true")
    options = parser.parse_args()
    spent = []
    for _ in range(options.times):
        began = time.process_time()
        train(options.epochs, [EndAfterFirstStep()] if options.first_step else ())
        spent.append(time.process_time() - began)
    print(json.dumps(spent), file=sys.stderr)


if __name__ == "__main__":
    main()
