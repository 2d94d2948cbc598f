"""cnnkit.fit: a compiled model and data, as `model.fit` takes them, become a run."""

import json

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from little import SAMPLES, Batches, arrays, compiled, expect_same_weights
from PIL import Image

import cnnkit
from cnnkit.cli import main
from cnnkit.errors import RunFolderError, SettingError, TrainingError


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"sample_weight": np.linspace(0, 1, SAMPLES)},
        pytest.param({"class_weight": {0: 1.0, 1: 2.0}}, marks=pytest.mark.slow),
    ],
)
def test_history_and_weights_are_those_of_model_fit(tmp_path, weights):
    x, y = arrays()
    options = {"epochs": 2, "batch_size": 16, "validation_split": 0.2, "shuffle": False}
    options |= weights
    plain, ours = compiled(), compiled()
    history = plain.fit(x, y, verbose=0, **options).history
    run = cnnkit.fit(ours, x, y, verbose=0, runs_dir=tmp_path, **options)
    for name, values in history.items():
        np.testing.assert_allclose(run.history[name], values, rtol=1e-6)
    for mine, keras_own in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-5, atol=1e-7)


def test_each_epoch_is_shuffled_by_seed_and_epoch(tmp_path):
    x, y = arrays()

    def history(seed):
        run = cnnkit.fit(compiled(), x, y, epochs=2, seed=seed, verbose=0, runs_dir=tmp_path)
        return run.history["loss"]

    assert history(1) == history(1) != history(2)


def test_the_folder_has_what_a_run_has(tmp_path):
    x, y = arrays()
    model = compiled()
    run = cnnkit.fit(model, x, y, epochs=1, verbose=0, runs_dir=tmp_path, name="first")
    assert run.folder == tmp_path / "little" / "first"
    assert run.status["state"] == "finished"
    names = {path.name for path in run.folder.iterdir()}
    assert {"metrics.csv", "report.html", "model.keras", "tensorboard", "checkpoints"} <= names
    assert "little" in (run.folder / "report.html").read_text()
    assert run.experiment["optimizer"]["class_name"] == "Adam"
    assert list(run.folder.glob("tensorboard/train/events.*"))
    np.testing.assert_allclose(
        run.model.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6
    )
    assert cnnkit.runs.verify(run) == {}


def test_a_pipeline_trains_and_one_warning_says_what_resume_cannot_do(tmp_path):
    tf = pytest.importorskip("tensorflow")
    pipeline = tf.data.Dataset.from_tensor_slices(arrays()).batch(14)
    plain, ours = compiled(), compiled()
    history = plain.fit(pipeline, epochs=2, shuffle=False, verbose=0).history
    with pytest.warns(UserWarning, match="a tf.data pipeline cannot be resumed") as caught:
        run = cnnkit.fit(ours, pipeline, epochs=2, verbose=0, runs_dir=tmp_path)
    assert sum("cannot be resumed" in str(warning.message) for warning in caught) == 1
    np.testing.assert_allclose(run.history["loss"], history["loss"], rtol=1e-6)
    with pytest.warns(UserWarning, match="cannot be resumed"):
        cnnkit.fit(ours, pipeline, epochs=3, verbose=0, resume=run)
    assert run.history["epoch"] == [1, 2, 3]


def test_a_generator_trains(tmp_path):
    def batches():
        while True:
            yield arrays()

    with pytest.warns(UserWarning, match="a generator of batches"):
        run = cnnkit.fit(
            compiled(), batches(), steps_per_epoch=2, epochs=2, verbose=0, runs_dir=tmp_path
        )
    assert len(run.history["loss"]) == 2


def test_a_frame_of_paths_and_labels_trains(tmp_path, monkeypatch, capsys):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setenv("CNNKIT_CACHE", str(tmp_path / "cache"))
    x, y = arrays()
    for number, image in enumerate(x):
        pixels = np.clip(image[..., 0] * 40 + 128, 0, 255).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    paths = [str(tmp_path / f"{number}.png") for number in range(SAMPLES)]
    frame = pandas.DataFrame({"path": paths, "label": np.where(y, "light", "dark")})
    ours = compiled()
    options = {"epochs": 2, "verbose": 0, "runs_dir": tmp_path}
    run = cnnkit.fit(ours, frame[:60], validation_data=frame[60:], **options)
    assert run.dataset["class_names"] == ["dark", "light"]
    assert "The same content" not in capsys.readouterr().out
    pixels = np.clip(x * 40 + 128, 0, 255).astype("uint8")
    same = compiled()
    cnnkit.fit(same, pixels[:60], y[:60], validation_data=(pixels[60:], y[60:]), **options)
    expect_same_weights(ours, same)


@pytest.mark.once
def test_pictures_of_several_classes_and_splits_are_said_in_a_line_each(
    tmp_path, monkeypatch, capsys
):
    pandas = pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    for number, pixels in enumerate([0, 0, 90, 90, 200]):
        Image.new("L", (6, 6), pixels).save(f"{number}.png")
    paths = [f"{number}.png" for number in range(5)]
    frame = pandas.DataFrame({"path": paths, "label": ["dark", "light", "dark", "dark", "light"]})
    cnnkit.fit(compiled(), frame[:3], validation_data=frame[3:], verbose=0, runs_dir=tmp_path)
    said = [line for line in capsys.readouterr().out.splitlines() if "same content" in line]
    assert said == [
        "The same content in several classes: 0.png is also 1.png.",
        "The same content in several splits: 2.png is also 3.png.",
    ]


def test_the_users_own_loss_and_callbacks_are_called(tmp_path):
    def distance(true, predicted):
        return keras.ops.mean(
            keras.ops.square(keras.ops.cast(true, "float32")[:, None] - predicted)
        )

    epochs = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    x, y = arrays()
    run = cnnkit.fit(
        compiled(loss=distance), x, y, epochs=3, callbacks=callback, verbose=0, runs_dir=tmp_path
    )
    assert epochs == [0, 1, 2]
    assert run.model.predict(x, verbose=0).shape == (SAMPLES, 2)


def test_early_stopping_ends_with_the_weights_that_it_restores(tmp_path):
    x, y = arrays()
    stopping = keras.callbacks.EarlyStopping(
        "loss", mode="max", patience=1, restore_best_weights=True
    )
    one, model = compiled(), compiled()
    cnnkit.fit(one, x, y, epochs=1, verbose=0, runs_dir=tmp_path)
    run = cnnkit.fit(model, x, y, epochs=9, callbacks=[stopping], verbose=0, runs_dir=tmp_path)
    assert len(run.history["loss"]) < 9
    expect_same_weights(run.model, one)


def test_several_inputs_and_seldom_validation(tmp_path):
    x, y = arrays()
    left, right = keras.Input((6, 6, 1), name="left"), keras.Input((1,), name="right")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(left), right])
    model = keras.Model({"left": left, "right": right}, keras.layers.Dense(1)(joined))
    model.compile("sgd", "mse")
    both = {"left": x, "right": x[:, 0, 0]}
    run = cnnkit.fit(
        model, both, y, validation_split=0.2, validation_freq=2, epochs=2, verbose=0,
        runs_dir=tmp_path,
    )  # fmt: skip
    assert np.isnan(run.history["val_loss"]).tolist() == [True, False]


@pytest.mark.once
def test_a_model_of_a_subclass_is_built_by_its_first_batch(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = keras.layers.Dense(1)

        def call(self, inputs):
            return self.dense(keras.ops.reshape(inputs, (-1, 36)))

    model = Own()
    model.compile("sgd", "mse")
    run = cnnkit.fit(model, *arrays(), verbose=0, runs_dir=tmp_path)
    assert run.experiment["model"]["parameters"] == 37


def test_a_loss_that_is_not_finite_names_the_samples(tmp_path):
    x, y = arrays()
    x[5] = np.nan
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential(layers, name="linear")
    model.compile("sgd", "mse")
    with pytest.raises(TrainingError, match=r"The loss became nan in epoch 1.*sample 5"):
        cnnkit.fit(model, x, y, shuffle=False, verbose=0, runs_dir=tmp_path, name="bad")
    assert cnnkit.Run(tmp_path / "linear" / "bad").status["state"] == "failed"


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": keras.Sequential([keras.Input((6, 6, 1))])}, "is not compiled"),
        ({"model": "lenet5"}, "compiled keras.Model"),
        ({"y": np.zeros(3)}, "as many samples each, and these have 3 and 70"),
        ({"y": None}, "takes arrays x and y"),
        ({"y": np.array(["a"] * SAMPLES, object)}, "arrays of numbers"),
        ({"epochs": 0}, "epochs is a whole number"),
        ({"validation_split": 1.5}, "validation_split is a fraction"),
        ({"x": Batches()}, "gives targets and weights itself"),
        ({"resume": "runs/none"}, "There is no run to resume"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(tmp_path, change, words):
    x, y = arrays()
    given = {"model": compiled(), "x": x, "y": y, "runs_dir": tmp_path, "verbose": 0} | change
    with pytest.raises((SettingError, RunFolderError), match=words):
        cnnkit.fit(**given)
    assert not list(tmp_path.glob("*/*"))


@pytest.mark.once
def test_commands_know_a_run_of_fit(tmp_path):
    run = cnnkit.fit(compiled(), *arrays(), verbose=0, runs_dir=tmp_path)
    shown = CliRunner().invoke(main, ["show", str(run.folder)])
    assert shown.exit_code == 0
    assert "little" in shown.output
    listed = CliRunner().invoke(main, ["runs", "--runs-dir", str(tmp_path)])
    assert "finished" in listed.output
    resumed = CliRunner().invoke(main, ["resume", str(run.folder)])
    assert "with resume=run to resume it" in " ".join(resumed.output.split())
    assert json.loads((run.folder / "experiment.json").read_text())["made_by"] == "cnnkit.fit"
