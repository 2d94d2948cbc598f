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


@pytest.fixture(scope="session")
def smooth_model():
    """Random weights, differentiable everywhere, three classes; ends in logits."""
    keras.utils.set_random_seed(5)
    return keras.Sequential(
        [
            keras.Input((5, 5, 2)),
            keras.layers.Conv2D(4, 3, activation="tanh", name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="logits"),
        ]
    )


@pytest.fixture(scope="session")
def pooled_model():
    """Maps of the image's size, their means, three classes: what class activation maps began with."""
    keras.utils.set_random_seed(6)
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, name="logits"),
        ]
    )


@pytest.fixture(scope="session")
def nested_model(digits_model):
    """The digits network inside another model, with a softmax after it."""
    image = keras.Input((8, 8, 1))
    backbone = keras.Model(
        digits_model.inputs, digits_model.get_layer("conv2").output, name="backbone"
    )
    logits = digits_model.get_layer("logits")(keras.layers.Flatten()(backbone(image)))
    return keras.Model(image, keras.layers.Softmax()(logits), name="nested")


@pytest.fixture
def noise():
    """A function from a shape to seeded values in [0, 1]."""
    return lambda *shape: np.random.default_rng(7).random(shape).astype("float32")


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
