import keras
import numpy as np
import pytest

from cnnkit import optimizers
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.optimizers.by_name import NAMES


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(3, 3, bias_initializer="ones"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(2, bias_initializer="ones", name="logits"),
        ]
    )


def one_step_without_slopes(optimizer):
    """Each variable's kind, after and before a step in which every gradient is zero."""
    model = network()
    variables = model.trainable_variables
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    optimizer.build(variables)
    optimizer.apply([keras.ops.zeros(variable.shape) for variable in variables], variables)
    after = [keras.ops.convert_to_numpy(variable) for variable in variables]
    return [(v.name, a, b) for v, a, b in zip(variables, after, before, strict=True)]


@pytest.mark.parametrize("name", ["sgd", "adamw", "lion", "muon"])
def test_decay_takes_its_part_of_kernels_and_nothing_of_the_rest(name):
    for kind, after, before in one_step_without_slopes(
        optimizers.create(name, 0.1, weight_decay=0.5)
    ):
        left = 0.95 if kind == "kernel" else 1.0  # 1 - 0.1 * 0.5
        np.testing.assert_allclose(after, left * before, rtol=1e-6, err_msg=kind)


def test_keras_alone_decays_biases_too():
    for _, after, before in one_step_without_slopes(keras.optimizers.SGD(0.1, weight_decay=0.5)):
        np.testing.assert_allclose(after, 0.95 * before, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_each_learns(name):
    model = network()
    model.compile(optimizers.create(name, 0.01), keras.losses.SparseCategoricalCrossentropy(True))
    images = np.random.default_rng(0).random((32, 6, 6, 1))
    labels = (images.mean(axis=(1, 2, 3)) > 0.5).astype(int)
    history = model.fit(images, labels, batch_size=8, epochs=12, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]


def test_keras_own_options_are_passed_on():
    made = optimizers.create("sgd", 0.1, momentum=0.5, clipnorm=1.0)
    assert (made.momentum, made.clipnorm, made.nesterov) == (0.5, 1.0, True)


def test_what_is_not_there_is_named():
    with pytest.raises(UnknownNameError, match="adamw"):
        optimizers.create("adamv", 0.1)
    with pytest.raises(SettingError, match="beta_9"):
        optimizers.create("adam", 0.1, beta_9=1)


def test_it_is_the_same_optimizer():
    made = keras.optimizers.AdamW()
    assert optimizers.decay_kernels_only(made) is made
