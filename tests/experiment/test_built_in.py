"""What the built-in experiment makes of its settings; nothing is trained here."""

import keras
import pytest

from cnnkit.errors import SettingError
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.losses.weighted import WeightedCrossentropy


def made(**settings):
    return built_in_experiment(dataset_options={"image_size": 8}, model="mlp", **settings)


def test_it_averages_nothing_unless_asked():
    plain = made()
    assert plain.callbacks == ()
    assert not plain.optimizer.use_ema
    assert isinstance(plain.loss, keras.losses.SparseCategoricalCrossentropy)


def test_a_moving_average_is_keras_own():
    moving = made(average="moving", optimizer="sgd")
    (swap,) = moving.callbacks
    assert isinstance(swap, keras.callbacks.SwapEMAWeights)
    assert moving.optimizer.use_ema


@pytest.mark.parametrize(("epochs", "start"), [(1, 1), (3, 3), (4, 4), (8, 7), (11, 10)])
def test_an_equal_average_is_of_the_last_quarter(epochs, start):
    (averaging,) = made(average="equal", epochs=epochs).callbacks
    assert averaging.start_epoch == start


def test_a_teacher_has_a_name_of_its_own():
    with pytest.raises(SettingError, match="Name the teacher"):
        made(teacher="latest")


def test_labels_are_smoothed_with_and_without_weights():
    loss = made(label_smoothing=0.1).loss
    assert isinstance(loss, keras.losses.CategoricalCrossentropy)
    assert (loss.get_config()["label_smoothing"], loss.from_logits) == (0.1, True)
    weighted = made(label_smoothing=0.1, balance="weights").loss
    assert isinstance(weighted, WeightedCrossentropy)
    assert weighted.label_smoothing == 0.1
