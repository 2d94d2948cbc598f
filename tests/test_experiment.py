import keras
import numpy as np
import pytest

from cnnkit import Experiment, data, models
from cnnkit.errors import SettingError


@pytest.fixture(scope="module")
def shapes():
    return data.xo(train=20, validation=10, test=10, image_size=12)


def test_an_experiment_cannot_be_changed(shapes):
    made = Experiment(
        data=shapes, model=models.mlp((12, 12, 1), 2), optimizer=keras.optimizers.SGD(), epochs=1
    )
    assert made.batch_size == 32
    assert made.loss.from_logits
    with pytest.raises(AttributeError):
        made.epochs = 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0}, "epochs is at least 1, not 0"),
        ({"batch_size": 0}, "batch_size is at least 1, not 0"),
        ({"keep": "first"}, """keep is "best" or "last", not 'first'"""),
        ({"model": ((12, 12, 1), 10)}, "10 outputs, and the data set 'xo' has 2 classes"),
        ({"model": ((28, 28, 1), 2)}, r"\(28, 28, 1\), and those of the data set 'xo'"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, changes, words):
    changes = {"epochs": 1, "model": ((12, 12, 1), 2)} | changes
    model = models.mlp(*changes.pop("model"))
    with pytest.raises(SettingError, match=words):
        Experiment(data=shapes, model=model, optimizer=keras.optimizers.SGD(), **changes)


def several():
    """Samples that may have two classes, and a network for them."""
    split = data.Split(np.zeros((4, 8, 8, 1), np.uint8), np.ones((4, 2), np.float32))
    splits = {"train": split, "validation": split, "test": split}
    tags = data.Dataset(name="tags", class_names=("a", "b"), **splits)
    model = models.mlp((8, 8, 1), 2)
    return {"data": tags, "model": model, "optimizer": keras.optimizers.SGD(), "epochs": 1}


def test_samples_of_several_classes_have_a_sigmoid_each():
    made = Experiment(**several())
    assert isinstance(made.loss, keras.losses.BinaryCrossentropy)
    assert made.loss.from_logits
    accuracy = made.metrics[0]
    accuracy.update_state([[1.0, 0.0, 1.0, 0.0]], [[0.3, -0.2, -0.1, -7.0]])  # logits
    assert float(accuracy.result()) == 0.75


def test_a_loss_of_one_class_a_sample_is_refused_for_several():
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    with pytest.raises(SettingError, match="'tags' may have several classes"):
        Experiment(**several(), loss=loss)
