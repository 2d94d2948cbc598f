"""Every model.keras is opened by Keras alone: no compiled model in it, no layer of cnnkit's."""

import io
import os
import subprocess
import sys
import typing
import zipfile

import h5py
import keras
import numpy as np
import pytest

import cnnkit
from cnnkit import Experiment, losses, models, optimizers, transfer
from cnnkit.data.augmentation.random_layers import Elastic, OneOf
from cnnkit.data.dataset import Dataset, Split
from cnnkit.experiment import built_in_experiment, phases
from cnnkit.models.families import layers as families
from cnnkit.training.deployment import deployable_model, model_file
from cnnkit.training.keras_only import in_keras_layers
from cnnkit.training.loop import fit_part
from cnnkit.training.steps.frozen_features import without_frozen_part

XO = {"train": 32, "validation": 8, "test": 8, "image_size": 12}
SMALL = {"dataset": "xo", "dataset_options": XO, "model": "mlp", "epochs": 1, "batch_size": 16}
# Every schedule and every optimizer by name, and with each of them another option.
BUILT_IN = {
    "constant": {"optimizer": "sgd", "label_smoothing": 0.1},
    "cosine": {"optimizer": "adam", "augment": "mixup"},
    "linear": {"optimizer": "adamw", "balance": "weights", "warm_up": 0.2},
    "one_cycle": {"optimizer": "lion", "average": "moving"},
    "polynomial": {"optimizer": "muon", "average": "equal"},
    "step": {"optimizer": "muon", "label_smoothing": 0.1, "augment": "cutmix"},
}
ALONE = """
import sys
sys.modules["cnnkit"] = None  # importing it is an ImportError
import keras
import numpy as np
for folder in sys.argv[1:]:
    try:
        model = keras.saving.load_model(f"{folder}/model.keras")
    except Exception as error:
        raise SystemExit(f"{folder}: {error}")
    assert not any(getattr(part, "compiled", False) for part in model._flatten_layers()), folder
    np.save(f"{folder}/alone.npy", model.predict(np.load(f"{folder}/inputs.npy"), verbose=0))
"""


@keras.saving.register_keras_serializable("tests")
def own_loss(labels, logits):
    return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


@keras.saving.register_keras_serializable("tests")
class OwnLoss(keras.losses.SparseCategoricalCrossentropy):
    pass


def pictures(shape, labels=None):
    """A data set of 16 random pictures a split; of two classes unless labels say otherwise."""
    rng = np.random.default_rng(0)
    labels = np.arange(16) % 2 if labels is None else labels
    train, validation, test = (
        Split(rng.integers(0, 256, (16, *shape), "uint8"), labels) for _ in range(3)
    )
    return Dataset(
        name="pictures", train=train, validation=validation, test=test, class_names=("x", "o")
    )


def compiled_inside(images):
    """A compiled network whose backbone was compiled and trained before."""
    backbone = keras.Sequential(
        [keras.Input(images.image_shape), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    outer = keras.Sequential([keras.Input(images.image_shape), backbone, keras.layers.Dense(2)])
    for model in (backbone, outer):
        model.compile(
            keras.optimizers.AdamW(optimizers.schedule("step", 0.01, 9)), OwnLoss(from_logits=True)
        )
        model.optimizer.build(model.trainable_variables)
    return outer


def experiments(teacher):
    """Experiments that differ in what Keras would save of them, by name."""
    for schedule, options in BUILT_IN.items():
        yield schedule, built_in_experiment(**SMALL, schedule=schedule, **options)
    yield "teacher", built_in_experiment(**SMALL, teacher=teacher, optimizer="muon")

    def parts(images, model="mlp", **options):
        if isinstance(model, str):
            model = models.create(model, images.image_shape, 2)
        return Experiment(
            **{"data": images, "model": model, "optimizer": "adam", "epochs": 1} | options
        )

    images = pictures((12, 12, 1))
    yield "function", parts(images, loss=own_loss)
    yield "nested", parts(images, compiled_inside(images), loss=OwnLoss(from_logits=True))
    several = pictures((12, 12, 3), np.float32(np.arange(32).reshape(16, 2) % 3 > 0))
    yield "several", parts(several)
    yield "of_1998", parts(pictures((28, 28, 1)), "lenet5_1998", loss=losses.LeNet5Loss())
    with pytest.warns(UserWarning, match="untrained"):
        backbone = transfer.create("mobilenet_025", (32, 32, 3), 2, weights="none")
    tuning = transfer.FineTuning(epochs=1, optimizer="sgd", layer_decay=0.5)
    yield "tuned", parts(pictures((32, 32, 3)), backbone, phases=(tuning,))


def trained(experiment):
    """The experiment after all of its phases, each compiled and trained as in a run."""
    for phase, _ in phases.begin_each(experiment):
        fit_part(phase, without_frozen_part(phase, 0), seed=0, verbose=0)
    return experiment


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders with a model.keras, of all that changes what a file has in it."""
    root = tmp_path_factory.mktemp("runs")
    options = {"schedule": "cosine", "warm_up": 0.2, "runs_dir": root}
    run = cnnkit.run(built_in_experiment, **SMALL, **options, name="run")
    images = pictures((12, 12, 1))
    x, y = images.train.inputs.astype("float32"), images.train.labels
    fitted = cnnkit.fit(compiled_inside(images), x, y, runs_dir=root, name="fitted", verbose=0)
    folders = [run.folder, fitted.folder]
    for name, experiment in experiments(str(run.folder)):
        folders.append(root / name)
        folders[-1].mkdir()
        content = model_file(deployable_model(trained(experiment)))
        (folders[-1] / "model.keras").write_bytes(content)
    return [cnnkit.runs.Run(folder) for folder in folders]


@pytest.mark.slow
def test_keras_alone_opens_the_file_of_every_option(runs, tmp_path):
    rng = np.random.default_rng(0)
    for run in runs:
        shape = (4, *run.model.input_shape[1:])
        np.save(run.folder / "inputs.npy", rng.uniform(0, 255, shape).astype("float32"))
    folders = [str(run.folder) for run in runs]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", ALONE, *folders], cwd=tmp_path, env=environment, check=True
    )
    for run in runs:
        ours = run.model.predict(np.load(run.folder / "inputs.npy"), verbose=0)
        np.testing.assert_allclose(
            np.load(run.folder / "alone.npy"), ours, rtol=1e-5, err_msg=run.name
        )


def test_the_options_above_are_all_there_are():
    choices = typing.get_type_hints(built_in_experiment)
    assert list(BUILT_IN) == list(typing.get_args(choices["schedule"]))
    used = {options["optimizer"] for options in BUILT_IN.values()}
    assert used == set(typing.get_args(choices["optimizer"]))


def test_no_state_of_an_optimizer_is_in_the_file():
    model = compiled_inside(pictures((4, 4, 1)))
    archive = zipfile.ZipFile(io.BytesIO(model_file(model)))
    names = []
    h5py.File(io.BytesIO(archive.read("model.weights.h5"))).visit(names.append)
    assert not [name for name in names if "optimizer" in name]
    assert model.compiled
    assert model.layers[0].compiled
    assert model.optimizer.variables


def classic(layers, channels=4):
    image = keras.Input((9, 9, channels))
    maps = image
    for layer in layers:
        maps = layer(maps)
    return keras.Model(image, maps)


OWN = {
    "response": lambda: classic([families.LocalResponseNormalization(size=4, alpha=0.5)]),
    "groups": lambda: classic([families.GroupedConv2D(6, 3, strides=2, groups=2, padding="same")]),
    "shortcut": lambda: classic([families.PaddedShortcut(7, strides=2)]),
    "1998": lambda: models.lenet5_1998((28, 28, 1)),
    "nested": lambda: classic([classic([families.PaddedShortcut(5)]), keras.layers.Conv2D(2, 3)]),
    "augmented": lambda: classic(
        [keras.layers.Pipeline([OneOf([keras.layers.RandomFlip()])]), Elastic(0.1, 1.0)]
    ),
}


def test_the_file_names_no_layer_of_cnnkit():
    content = model_file(classic([families.PaddedShortcut(7, strides=2)]))
    recipe = zipfile.ZipFile(io.BytesIO(content)).read("config.json").decode()
    assert "PaddedShortcut" not in recipe
    assert "cnnkit" not in recipe


@pytest.mark.parametrize("name", OWN)
def test_keras_own_layers_compute_what_those_of_cnnkit_do(name):
    keras.utils.set_random_seed(0)
    model = OWN[name]()
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=each.shape) for each in model.get_weights()])
    images = rng.random((3, *model.input_shape[1:]), np.float32)
    rewritten = in_keras_layers(model)
    assert "cnnkit" not in rewritten.to_json()
    np.testing.assert_allclose(
        rewritten(images, training=False), model(images, training=False), rtol=2e-5, atol=1e-5
    )


def test_a_network_of_keras_own_layers_is_not_copied():
    model = models.create("mlp", (4, 4, 1), 2)
    assert in_keras_layers(model) is model
