"""What the built-in experiment makes of its settings; nothing is trained here."""

import keras
import pytest

from cnnkit.errors import SettingError
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.rebuild import experiment_name
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


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "digits-lenet5"),
        ({"dataset": "xo", "model": "mlp"}, "xo-mlp"),
        ({"dataset": "path/to/my photos/"}, "my-photos-lenet5"),
        ({"dataset": "../photos"}, "photos-lenet5"),
        ({"dataset": "tables/photos.v2.csv"}, "photos.v2-lenet5"),
        ({"dataset": "/data/.Ünder wäter!"}, "Ünder-wäter-lenet5"),
        ({"dataset": "/"}, "data-lenet5"),
        ({"model": "hub:resnet_18_imagenet"}, "digits-hub-resnet_18_imagenet"),
    ],
)
def test_its_runs_are_filed_under_the_data_and_the_model(settings, name):
    assert experiment_name(built_in_experiment, settings) == name


def test_a_data_set_here_is_called_after_the_folder(tmp_path, monkeypatch):
    (tmp_path / "cats").mkdir()
    monkeypatch.chdir(tmp_path / "cats")
    assert experiment_name(built_in_experiment, {"dataset": "."}) == "cats-lenet5"
