"""Small networks to look into: one that has learnt the digits, and a pretrained one."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digits():
    """scikit-learn's 1,797 digits as (images in [0, 1] of (8, 8, 1), labels)."""
    images, labels = load_digits(return_X_y=True)
    return (images.reshape(-1, 8, 8, 1) / 16).astype("float32"), labels


@pytest.fixture(scope="session")
def digits_model(digits):
    """A small network that has learnt them, to some 97 %; ends in logits."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
            keras.layers.MaxPooling2D(2, name="pool1"),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="conv2"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(10, name="logits"),
        ],
        name="digits_model",
    )
    model.compile(
        keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    images, labels = digits
    model.fit(images[:1000], labels[:1000], batch_size=50, epochs=6, verbose=0)
    return model


@pytest.fixture
def mobilenet(cached_keras):
    """MobileNetV2 with ImageNet's weights; ends in softmax, takes [-1, 1]."""
    return keras.applications.MobileNetV2(weights="imagenet")


@pytest.fixture(scope="session")
def photographs(shared):
    """Four photographs of four ImageNet classes, (4, 224, 224, 3), floats in [-1, 1]."""
    paths = sorted((shared / "data" / "imagenet_sample").glob("*.JPEG"))[:4]
    loaded = [keras.utils.load_img(path, target_size=(224, 224)) for path in paths]
    return np.stack([keras.utils.img_to_array(image) for image in loaded]) / 127.5 - 1
