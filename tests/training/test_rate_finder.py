from dataclasses import replace

import keras
import numpy as np
import pytest

from cnnkit import Experiment, data
from cnnkit.errors import SettingError
from cnnkit.optimizers.by_name import decay_kernels_only
from cnnkit.training.rate_finder import find_learning_rate


@pytest.fixture(scope="module")
def experiment():
    keras.utils.set_random_seed(0)
    shapes = data.xo(train=300, validation=10, test=10, image_size=9)
    model = keras.Sequential(
        [
            keras.Input((9, 9, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    return Experiment(
        data=shapes, model=model, optimizer=keras.optimizers.SGD(0.01), epochs=1, batch_size=32
    )


@pytest.fixture(scope="module")
def trial(experiment):
    return find_learning_rate(experiment, lowest=1e-5, highest=10.0, steps=60)


def test_losses_are_those_of_the_batches_one_by_one(experiment):
    found = find_learning_rate(experiment, lowest=1e-9, highest=10.0, steps=80).losses
    # At rates up to 2e-8 the weights stay, and ten batches are the whole training split once.
    logits = experiment.model.predict(experiment.data.train.inputs, verbose=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    each = np.array(loss(experiment.data.train.labels, logits))
    sizes = [32] * 9 + [12]
    assert np.average(found[:10], weights=sizes) == pytest.approx(each.mean(), rel=1e-4)
    assert found[:10].std() > 0


def test_weights_are_left_as_they_were(experiment):
    before = experiment.model.get_weights()
    find_learning_rate(experiment, lowest=1e-3, highest=1.0, steps=12)
    for one, other in zip(before, experiment.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rates_grow_by_one_factor(trial):
    np.testing.assert_allclose(np.diff(np.log(trial.rates)), np.log(1e6) / 59)
    assert len(trial.rates) == len(trial.losses) == len(trial.smooth) <= 60


def test_the_suggested_rate_learns_and_both_ends_do_not(trial, experiment):
    def loss_after(rate):
        model = keras.models.clone_model(experiment.model)
        model.set_weights(experiment.model.get_weights())
        model.compile(keras.optimizers.SGD(rate), experiment.loss)
        train = experiment.data.train
        keras.utils.set_random_seed(0)
        history = model.fit(train.inputs, train.labels, batch_size=32, epochs=3, verbose=0)
        return history.history["loss"][-1]

    suggested = loss_after(trial.suggestion)
    assert suggested < 0.5 * loss_after(1e-5)
    assert not suggested > loss_after(10.0)


def test_it_ends_where_the_loss_explodes(experiment):
    wild = find_learning_rate(experiment, lowest=1e-4, highest=1e6, steps=100)
    assert len(wild.losses) < 100
    assert np.isfinite(wild.losses).all()


@pytest.mark.parametrize("rates", [{"lowest": 1.0, "highest": 0.1}, {"steps": 3}])
def test_rates_out_of_order_are_named(experiment, rates):
    with pytest.raises(SettingError, match="lowest < highest"):
        find_learning_rate(experiment, **rates)


def test_labels_without_sense_at_a_rate_of_nothing_never_fall(experiment):
    flat = replace(experiment, optimizer=keras.optimizers.SGD(1e-3))
    zeros = data.Split(np.zeros_like(flat.data.train.inputs), flat.data.train.labels * 0)
    flat = replace(flat, data=replace(flat.data, train=zeros))
    model = keras.Sequential([keras.Input((9, 9, 1)), keras.layers.Flatten(),
                              keras.layers.Dense(2, use_bias=False)])  # fmt: skip
    with pytest.raises(SettingError, match="never fell"):
        find_learning_rate(replace(flat, model=model), steps=12)


@pytest.mark.once
def test_weight_decay_spares_biases_as_in_the_run(experiment):
    """Only biases learn on black images, so that decay must change nothing."""
    train = experiment.data.train
    black = data.Split(np.zeros_like(train.inputs), train.labels * 0)

    def losses(optimizer):
        model = keras.Sequential(
            [
                keras.Input((9, 9, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(2, bias_initializer=keras.initializers.Constant(2.0)),
            ]
        )
        changed = replace(experiment.data, train=black)
        changed = replace(experiment, data=changed, model=model, optimizer=optimizer)
        return find_learning_rate(changed, lowest=1e-2, highest=1.0, steps=20).losses

    plain = losses(keras.optimizers.SGD(0.1, weight_decay=None))
    spared = losses(decay_kernels_only(keras.optimizers.SGD(0.1, weight_decay=0.9)))
    np.testing.assert_array_equal(spared, plain)
    assert (losses(keras.optimizers.SGD(0.1, weight_decay=0.9)) != plain).any()
