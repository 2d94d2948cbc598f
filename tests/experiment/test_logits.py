"""Logits or probabilities: the network's last activation decides, whatever the loss."""

import keras
import numpy as np
import pytest

from cnnkit import Experiment, data
from cnnkit.errors import SettingError
from cnnkit.explain.outputs import final_activation, predict_probabilities
from cnnkit.training.deployment import deployable_model

layers = keras.layers


@pytest.fixture(scope="module")
def shapes():
    return data.xo(train=8, validation=2, test=2, image_size=9)


def focal(labels, outputs):
    """A loss that does not say what it expects; Lin et al. 2017, gamma 2, on logits."""
    logs = keras.ops.log_softmax(outputs)
    right = keras.ops.take_along_axis(logs, keras.ops.cast(labels, "int32")[:, None], axis=1)
    return -keras.ops.mean((1 - keras.ops.exp(right)) ** 2 * right)


class Focal(keras.losses.Loss):
    call = staticmethod(focal)


class FocalOfLogits(Focal):
    from_logits = True


def focal_of_probabilities(labels, outputs, from_logits=False):
    return focal(labels, keras.ops.log(outputs))


class Times(layers.Layer):
    """A layer of one's own, without an activation that could be read."""

    def call(self, values):
        return 2 * values


def network(*last):
    return keras.Sequential([keras.Input((9, 9, 1)), layers.Flatten(), *last])


def softmax(values):
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


LOGITS = {
    "dense": [layers.Dense(2)],
    "in float32": [layers.Dense(2), layers.Activation("linear", dtype="float32")],
    "own": [layers.Dense(2), Times()],
    "relu": [layers.Dense(2, "relu")],
    "nested": [keras.Sequential([keras.Input((81,)), layers.Dense(2)]), layers.Dropout(0.1)],
}
CONVOLUTION = [layers.Reshape((9, 9, 1)), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()]


@pytest.mark.parametrize("loss", [focal, Focal(), FocalOfLogits()])
@pytest.mark.parametrize("name", LOGITS)
def test_of_logits_the_saved_model_gives_the_softmax(shapes, name, loss):
    model = keras.models.clone_model(network(*LOGITS[name]))
    options = {"data": shapes, "model": model, "optimizer": "sgd", "epochs": 1, "loss": loss}
    if name in ("own", "relu") and not isinstance(loss, FocalOfLogits):
        with pytest.raises(SettingError, match=r"logits or probabilities.*loss [fF]ocal"):
            Experiment(**options)
        return
    images = shapes.test.inputs
    saved = deployable_model(Experiment(**options)).predict(images, verbose=0)
    np.testing.assert_allclose(saved, softmax(model.predict(images, verbose=0)), rtol=1e-5)
    np.testing.assert_allclose(saved.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("loss", [Focal(), focal_of_probabilities, keras.losses.KLDivergence()])
@pytest.mark.parametrize(
    "last",
    [
        [layers.Dense(2, "softmax"), layers.Activation("linear", dtype="float32")],
        [layers.Dense(2), layers.Softmax()],
        [layers.Reshape((9, 9, 1)), layers.Conv2D(2, 3, activation="softmax"),
         layers.GlobalAveragePooling2D()],
    ],
)  # fmt: skip
def test_probabilities_stay_as_they_are(shapes, last, loss):
    model = keras.models.clone_model(network(*last))
    experiment = Experiment(data=shapes, model=model, optimizer="sgd", epochs=1, loss=loss)
    images = shapes.test.inputs
    saved = deployable_model(experiment).predict(images, verbose=0)
    np.testing.assert_allclose(saved, model.predict(images, verbose=0), rtol=1e-5)
    assert final_activation(model) == "softmax"
    np.testing.assert_allclose(predict_probabilities(model, images), saved, rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "last", "words"),
    [
        (keras.losses.KLDivergence(), CONVOLUTION, "ends in logits.*KLDivergence"),
        (focal_of_probabilities, [layers.Dense(2)], "ends in logits.*focal_of_prob"),
        (FocalOfLogits(), [layers.Dense(2, "softmax")], "ends in probabilities"),
        (keras.losses.CategoricalHinge(), [layers.Dense(2, "tanh")], "cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(shapes, loss, last, words):
    model = keras.models.clone_model(network(*last))
    with pytest.raises(SettingError, match=words):
        Experiment(data=shapes, model=model, optimizer="sgd", epochs=1, loss=loss)
