import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.optimizers import schedule
from cnnkit.optimizers.schedules import NAMES


def rates(made, steps):
    return np.array([float(made(step)) for step in range(steps)])


def test_a_cosine_is_half_a_period_of_one():
    expected = 0.05 * (1 + np.cos(np.pi * np.arange(50) / 50))
    np.testing.assert_allclose(rates(schedule("cosine", 0.1, 50), 50), expected, atol=1e-7)


def test_a_polynomial_is_a_square():
    expected = 0.2 * (1 - np.arange(40) / 40) ** 2
    np.testing.assert_allclose(rates(schedule("polynomial", 0.2, 40), 40), expected, atol=1e-7)


def test_a_step_falls_where_he_et_al_say():
    made = schedule("step", 0.1, 64_000)
    found = [float(made(step)) for step in (0, 32_000, 32_001, 48_000, 48_001)]
    assert found == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])


def test_one_cycle_begins_at_a_25th_and_ends_at_next_to_nothing():
    found = rates(schedule("one_cycle", 1.0, 200), 201)
    assert found[0] == pytest.approx(1 / 25 + (24 / 25) / 60)
    assert (found.argmax(), found.max()) == (59, 1)
    assert found[200] == pytest.approx(1e-4)
    assert (np.diff(found[:60]) > 0).all()
    assert (np.diff(found[60:]) < 0).all()


@pytest.mark.once
@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(set(NAMES) - {"one_cycle"})),
    steps=st.integers(10, 300),
    warm_up=st.floats(0, 0.9),
)
def test_every_schedule_rises_to_its_peak_and_then_falls(name, steps, warm_up):
    found = rates(schedule(name, 0.5, steps, warm_up=warm_up), steps)
    rise = round(warm_up * steps)
    assert found.max() == pytest.approx(0.5)
    assert found.min() >= 0
    assert (np.diff(found[:rise]) > 0).all()
    assert (np.diff(found[rise:]) <= 1e-9).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_optimizer_has_its_schedule_still(name):
    optimizer = keras.optimizers.SGD(schedule(name, 0.1, 20))
    again = keras.optimizers.SGD.from_config(optimizer.get_config())
    optimizer.iterations.assign(13)
    again.iterations.assign(13)
    assert float(again.learning_rate) == float(optimizer.learning_rate)


def test_training_follows_it():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(schedule("linear", 0.1, 10, warm_up=0.2)), "mse")
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(float(model.optimizer.learning_rate))
    )
    x = np.ones((4, 2))
    model.fit(x, x[:, :1], batch_size=4, epochs=4, verbose=0, callbacks=[look])
    assert seen == pytest.approx([0.05, 0.1, 0.1, 0.0875])


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("cosin", 0.1, 10), UnknownNameError, "cosine"),
        (("plateau", 0.1, 10), SettingError, "ReduceLROnPlateau"),
        (("cosine", 0.0, 10), SettingError, "learning_rate=0.0"),
        (("cosine", 0.1, 0), SettingError, "steps=0"),
    ],
)
def test_a_bad_one_is_one_sentence(arguments, kind, words):
    with pytest.raises(kind, match=words):
        schedule(*arguments)


def test_one_cycle_has_no_other_warm_up():
    with pytest.raises(SettingError, match=r"warm_up=0\.1"):
        schedule("one_cycle", 0.1, 10, warm_up=0.1)
