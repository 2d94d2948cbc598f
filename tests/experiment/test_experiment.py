import keras
import numpy as np
import pytest

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.errors import CnnkitError, SettingError
from cnnkit.training.deployment import deployable_model
from cnnkit.transfer import FineTuning


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
        ({"epochs": 0}, "epochs is a whole number of at least 1, not 0"),
        ({"epochs": "3"}, "epochs is a whole number of at least 1, not '3'"),
        ({"batch_size": 0}, "batch_size is a whole number of at least 1, not 0"),
        ({"batch_size": 2.5}, "batch_size is a whole number of at least 1, not 2.5"),
        ({"restore_best_weights": "last"}, "restore_best_weights is True or False, not 'last'"),
        ({"model": ((12, 12, 1), 10)}, "10 outputs, but the data set 'xo' has 2 classes"),
        ({"model": ((28, 28, 1), 2)}, r"\(28, 28, 1\), but those of the data set 'xo'"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, changes, words):
    changes = {"epochs": 1, "model": ((12, 12, 1), 2)} | changes
    model = models.mlp(*changes.pop("model"))
    with pytest.raises(SettingError, match=words):
        Experiment(data=shapes, model=model, optimizer=keras.optimizers.SGD(), **changes)


def dataset(sizes: dict, class_names=("a", "b")):
    """Noise of one grey pixel more or less."""
    rng = np.random.default_rng(0)
    splits = {
        name: data.Split(
            rng.integers(0, 256, (size, 12, 12, 1), dtype=np.uint8),
            np.arange(size) % len(class_names),
        )
        for name, size in sizes.items()
    }
    return data.Dataset(name="few", class_names=class_names, **splits)


SIZES = {"train": 4, "validation": 4, "test": 4}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: dataset(SIZES | {"validation": 0}), "'few' has no validation samples"),
        (
            lambda: dataset(SIZES | {"train": 0, "validation": 0}),
            "no train and no validation samples",
        ),
        (lambda: dataset(SIZES, ("a",)), "'few' has the single class 'a'"),
        (lambda: (np.zeros((4, 12, 12, 1)), np.zeros(4)), "not a tuple: .*cnnkit.fit"),
        (lambda: None, r"data is a cnnkit.data.Dataset or the name of one, not None"),
        (lambda: "digit", "no dataset named 'digit'; did you mean 'digits'"),
    ],
)
def test_data_of_which_nothing_can_be_learnt_or_tested_are_refused(made, words):
    with pytest.raises(CnnkitError, match=words):
        Experiment(data=made(), model=models.mlp((12, 12, 1), 2), optimizer="sgd", epochs=1)


def test_a_run_without_test_samples_is_refused_before_it_trains(tmp_path):
    def untested():
        few = dataset(SIZES | {"test": 0})
        return Experiment(data=few, model=models.mlp((12, 12, 1), 2), optimizer="sgd", epochs=1)

    with pytest.raises(CnnkitError, match="'few' has no test samples"):
        cnnkit.run(untested, runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.once
def test_a_data_set_may_be_given_by_its_name():
    made = Experiment(data="xo", model=models.mlp((28, 28, 1), 2), optimizer="sgd", epochs=1)
    np.testing.assert_array_equal(made.data.test.labels, data.load("xo").test.labels)


def small(*layers: keras.Layer, shape: tuple = (12, 12, 1)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), *layers])


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def two_outputs():
    image = keras.Input((12, 12, 1))
    units = keras.layers.Flatten()(image)
    return keras.Model(image, [keras.layers.Dense(2)(units), keras.layers.Dense(2)(units)])


def not_flattened():
    return keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Dense(2)])


def two_inputs():
    images = keras.Input((12, 12, 1)), keras.Input((12, 12, 1))
    units = keras.layers.Flatten()(keras.layers.Add()(images))
    return keras.Model(list(images), keras.layers.Dense(2)(units))


SOFTMAX = keras.activations.softmax
PROBABILITIES = keras.losses.SparseCategoricalCrossentropy()


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (lambda: "lenet5", {}, r"models.create\('lenet5', \(12, 12, 1\), 10\).*not 'lenet5'"),
        (lambda: keras.Sequential([keras.layers.Dense(2)]), {}, r"keras.Input\(\(12, 12, 1\)\)"),
        (Subclassed, {}, r"keras.Model\(image, model\(image\)\)"),
        (two_outputs, {}, "several tensors as outputs"),
        (two_inputs, {}, "several tensors as inputs"),
        (not_flattened, {}, r"returns shape \(None, 12, 12, 2\).*Flatten"),
        (lambda: small(keras.layers.Dense(2)), {"optimizer": "adamm"}, "not 'adamm'"),
        (lambda: small(keras.layers.Dense(2)), {"optimizer": None}, "optimizer is .* not None"),
        (lambda: small(keras.layers.Dense(2)), {"loss": "mse"}, "loss is .* not 'mse'"),
        (lambda: small(keras.layers.Dense(2)), {"loss": PROBABILITIES}, "give it from_logits=True"),
        (lambda: small(keras.layers.Dense(2, SOFTMAX)), {}, "ends in probabilities"),
        (lambda: small(keras.layers.Dense(2), keras.layers.Softmax()), {}, "ends in probabilities"),
        (lambda: small(small(keras.layers.Dense(2, SOFTMAX), shape=(144,))), {}, "probabilities"),
    ],
)
def test_what_keras_would_say_late_or_not_at_all_is_one_sentence(shapes, model, options, words):
    options = {"optimizer": "sgd"} | options
    with pytest.raises(SettingError, match=words):
        Experiment(data=shapes, model=model(), epochs=1, **options)


def test_a_model_that_is_no_graph_is_believed(shapes):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten = keras.layers.Flatten()
            self.classify = keras.layers.Dense(2)
            self.gate = keras.layers.Dense(2, SOFTMAX)

        def call(self, inputs):
            units = self.flatten(inputs)
            return self.classify(units) * self.gate(units)

    image = keras.Input((12, 12, 1))
    made = Experiment(
        data=shapes, model=keras.Model(image, Own()(image)), optimizer="sgd", epochs=1
    )
    assert made.loss.from_logits


def test_probabilities_and_names_as_keras_has_them(shapes):
    model = small(keras.layers.Dense(2, SOFTMAX))
    made = Experiment(
        data=shapes, model=model, optimizer="adam", epochs=1, loss=PROBABILITIES,
        metrics="accuracy", callbacks=keras.callbacks.TerminateOnNaN(),
        phases=(FineTuning(epochs=1, optimizer="sgd"),),
    )  # fmt: skip
    assert made.metrics == ("accuracy",)
    assert [type(each) for each in made.callbacks] == [keras.callbacks.TerminateOnNaN]
    assert isinstance(made.optimizer, keras.optimizers.Adam)
    assert isinstance(made.phases[0].optimizer, keras.optimizers.SGD)
    kept = deployable_model(made)
    images = shapes.test.inputs[:3].astype("float32")
    np.testing.assert_allclose(
        kept.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-6
    )


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


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((12, 12, 1), r"have \(12, 12\): add an axis for the channel, inputs\[\.\.\., None\]\.$"),
        (
            (28, 28, 1),
            r"inputs\[\.\.\., None\], and build the model with image_shape=\(12, 12, 1\)",
        ),
        (
            (12, 12, 3),
            r"inputs\[\.\.\., None\], and build the model with image_shape=\(12, 12, 1\)",
        ),
    ],
)
def test_greys_without_a_channel_axis_are_told_to_add_it(shape, words):
    greys = data.Split(np.zeros((4, 12, 12), "uint8"), np.array([0, 1, 0, 1]))
    dataset = data.Dataset(
        name="greys", train=greys, validation=greys, test=greys, class_names=("a", "b")
    )
    with pytest.raises(SettingError, match=words):
        Experiment(
            data=dataset, model=models.mlp(shape, 2), optimizer=keras.optimizers.SGD(), epochs=1
        )
