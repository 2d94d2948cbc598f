import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.errors import RunFolderError, SettingError, TrainingError
from cnnkit.evaluation import Evaluation


def tiny(epochs: int = 2, learning_rate: float = 1e-2, bad_pixel: bool = False, seed: int = 0):
    """A network so small that a run takes a second."""
    shapes = data.xo(train=96, validation=32, test=32, image_size=12, seed=seed)
    if bad_pixel:
        shapes.train.inputs[5, 3, 3, 0] = np.nan
    model = models.convnet(
        shapes.image_shape, 2, widths=(4, 8), hidden_units=(16,), dropout=0.2,
        batch_normalization=True,
    )  # fmt: skip
    return Experiment(
        data=shapes,
        model=model,
        optimizer=keras.optimizers.Adam(learning_rate),
        epochs=epochs,
        augment=keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest"),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return cnnkit.run(tiny, epochs=3, seed=4, runs_dir=tmp_path_factory.mktemp("runs"))


def test_the_folder_holds_all_of_a_run(run):
    assert sorted(os.listdir(run.folder)) == [
        "SHA256SUMS", "checkpoints", "dataset.json", "environment.json", "experiment.json", "experiment.py",
        "metrics.csv", "model.keras", "predictions.safetensors", "report.html", "results.json", "status.json",
        "tensorboard",
    ]  # fmt: skip
    assert run.status["state"] == "finished"
    assert run.status["epoch"] == 3
    assert run.folder.parent.name == "tiny"


def test_the_recipe_is_whole(run):
    recipe = run.experiment
    assert recipe["settings"] == {
        "epochs": 3, "learning_rate": 0.01, "bad_pixel": False, "seed": 4,
    }  # fmt: skip
    assert recipe["seed"] == 4
    assert recipe["description"] == "A network so small that a run takes a second."
    # Enough to do it again: Keras builds the same from what was written down.
    optimizer = keras.optimizers.deserialize(recipe["optimizer"])
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    model = keras.saving.deserialize_keras_object(recipe["model"]["config"])
    assert model.count_params() == recipe["model"]["parameters"]
    assert "def tiny(" in (run.folder / "experiment.py").read_text()


def test_history_has_a_row_an_epoch(run):
    history = run.history
    assert history["epoch"] == [1, 2, 3]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"} <= set(history)
    assert history["learning_rate"] == pytest.approx([0.01] * 3)


def test_the_saved_model_takes_raw_inputs_and_gives_what_results_say(run):
    shapes = data.xo(train=96, validation=32, test=32, image_size=12, seed=4)
    probabilities = run.model.predict(shapes.test.inputs, verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    evaluation = Evaluation(shapes.test.labels, probabilities, shapes.class_names)
    assert run.results["test"]["accuracy"] == evaluation.accuracy
    assert run.results["test"]["confusion_matrix"] == evaluation.confusion_matrix.tolist()


def test_the_chosen_epoch_is_the_best_on_validation(run):
    history, chosen = run.history, run.results["validation"]
    assert chosen["accuracy"] == pytest.approx(max(history["val_accuracy"]))
    assert history["val_accuracy"][chosen["epoch"] - 1] == pytest.approx(chosen["accuracy"])


@pytest.mark.once
@pytest.mark.parametrize(("restore_best_weights", "epoch"), [(True, 2), (False, 3)])
def test_the_weights_of_the_best_epoch_are_restored_or_of_the_last(
    tmp_path, restore_best_weights, epoch
):
    def spoilt():
        """Learns, and walks away in the last epoch."""
        digits = data.digits(image_size=8)
        rates = keras.callbacks.LearningRateScheduler(lambda number: (0.01, 0.05, -0.05)[number])
        return Experiment(
            data=digits, model=models.mlp((8, 8, 1), 10, hidden_units=()), epochs=3,
            optimizer=keras.optimizers.Adam(), callbacks=(rates,),
            restore_best_weights=restore_best_weights,
        )  # fmt: skip

    run = cnnkit.run(spoilt, seed=0, runs_dir=tmp_path)
    history, chosen = run.history, run.results["validation"]
    assert np.argmax(history["val_accuracy"]) == 1
    assert history["val_accuracy"][2] < 0.5
    assert chosen["epoch"] == epoch
    validation = data.digits(image_size=8).validation
    predicted = run.model.predict(validation.inputs, verbose=0).argmax(axis=1)
    accuracy = (predicted == validation.labels).mean()
    assert accuracy == pytest.approx(history["val_accuracy"][epoch - 1])
    assert run.experiment["restore_best_weights"] is restore_best_weights


def test_pictures_are_scaled_inside_the_saved_model(tmp_path):
    def bright(epochs: int = 1):
        """Pictures of 0 to 255."""
        digits = data.digits(image_size=8)
        return Experiment(
            data=digits,
            model=models.mlp((8, 8, 1), 10, hidden_units=()),
            optimizer=keras.optimizers.Adam(0.05),
            epochs=epochs,
        )

    run = cnnkit.run(bright, runs_dir=tmp_path)
    digits = data.digits(image_size=8)
    predicted = run.model.predict(digits.test.inputs, verbose=0).argmax(axis=1)
    assert (predicted == digits.test.labels).mean() == run.results["test"]["accuracy"] > 0.8


def test_the_same_seed_gives_the_same_bits_and_another_does_not(run, tmp_path):
    again = cnnkit.run(tiny, epochs=3, seed=4, runs_dir=tmp_path)
    other = cnnkit.run(tiny, epochs=3, seed=5, runs_dir=tmp_path)
    for ours, theirs in zip(run.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert run.history["loss"] == again.history["loss"] != other.history["loss"]


def test_a_misspelt_setting_is_pythons_own_error(tmp_path):
    with pytest.raises(TypeError, match=r"'tiny' .*'epoch'; its settings are .*epochs"):
        cnnkit.run(tiny, epoch=3, runs_dir=tmp_path)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": -1}, "whole number from 0"),
        ({"seed": "1"}, "whole number from 0 .* not '1'"),
        ({"epochs": 0}, "at least 1"),
        ({"name": "a/b"}, "'/'"),
    ],
)
def test_a_bad_value_leaves_nothing_behind(tmp_path, settings, words):
    with pytest.raises((SettingError, RunFolderError), match=words):
        cnnkit.run(tiny, runs_dir=tmp_path, **settings)
    assert not os.listdir(tmp_path)


@pytest.mark.once
def test_an_experiment_itself_is_no_experiment_function(tmp_path):
    with pytest.raises(SettingError, match="function that returns an Experiment.* not Experiment"):
        cnnkit.run(tiny(), runs_dir=tmp_path)


def test_a_function_that_returns_something_else_is_refused(tmp_path):
    def wrong():
        """Returns nothing."""

    with pytest.raises(SettingError, match="should return an Experiment, not NoneType"):
        cnnkit.run(wrong, runs_dir=tmp_path)


def test_nan_in_the_data_ends_the_run_with_its_reason(tmp_path):
    with pytest.raises(TrainingError, match=r"sample 5 of the train split has nan at \(3, 3, 0\)"):
        cnnkit.run(tiny, bad_pixel=True, runs_dir=tmp_path, name="nan")
    status = json.loads((tmp_path / "tiny" / "nan" / "status.json").read_text())
    assert status["state"] == "failed"
    assert "sample 5" in status["reason"]
    assert not (tmp_path / "tiny" / "nan" / "model.keras").exists()


def failing_after(epochs):
    class Fail(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch + 1 == epochs + 1:
                raise RuntimeError("the roof fell in")

    return Fail()


@pytest.mark.once
def test_an_exception_keeps_everything_up_to_that_epoch(tmp_path):
    def falls(epochs: int = 5):
        """Fails in its third epoch."""
        from dataclasses import replace

        return replace(tiny(epochs), callbacks=(failing_after(2),))

    with pytest.raises(RuntimeError, match="the roof fell in"):
        cnnkit.run(falls, runs_dir=tmp_path, name="it")
    run = cnnkit.runs.resolve("it", tmp_path)
    assert run.status["state"] == "failed"
    assert run.status["reason"] == "RuntimeError: the roof fell in"
    assert run.history["epoch"] == [1, 2]
    assert run.model.count_params() > 0
    continued = cnnkit.resume(tiny, run, allow_changes=True)  # without the callback that fails
    assert continued.status["state"] == "finished"
    assert continued.history["epoch"] == [1, 2, 3, 4, 5]
    (resumed,) = continued.status["resumed"]
    assert (resumed["epoch"], resumed["step"]) == (2, 0)
    assert ["callbacks", "['Fail']", "[]"] in resumed["changes"]


def test_a_full_disk_is_told_in_a_sentence(tmp_path, monkeypatch):
    from cnnkit import atomic

    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(atomic, "write_text", full)
    with pytest.raises(RunFolderError, match="cannot be written: .*No space left"):
        cnnkit.run(tiny, runs_dir=tmp_path)


def test_a_missing_file_of_the_users_is_not_blamed_on_the_run_folder(tmp_path):
    def careless(epochs: int = 1):
        """Reads a file that is not there."""
        from dataclasses import replace

        read = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda *_: (tmp_path / "none").read_text()
        )
        return replace(tiny(epochs), callbacks=(read,))

    with pytest.raises(FileNotFoundError, match="none"):
        cnnkit.run(careless, runs_dir=tmp_path, name="it")
    assert "FileNotFoundError" in cnnkit.runs.resolve("it", tmp_path).status["reason"]


def test_the_environment_names_what_it_ran_on(run):
    ran = run.environment
    assert ran["backend"] == keras.backend.backend()
    assert ran["versions"]["keras"] == keras.__version__
    assert ran["seed"] == 4
    assert ran["devices"]


def test_the_dataset_file_says_what_was_used(run):
    shapes = data.xo(train=96, validation=32, test=32, image_size=12, seed=4)
    assert run.dataset["content_hash"] == shapes.content_hash
    assert run.dataset["counts"] == {"train": [48, 48], "validation": [16, 16], "test": [16, 16]}
    assert run.dataset["class_names"] == ["X", "O"]


def test_the_report_shows_in_a_notebook(run):
    assert Path(run.report().path) == run.folder / "report.html"
    assert "<iframe" in run.report()._repr_html_()


def test_the_curves_are_drawn_from_the_folder(run):
    lines = [line for axes in run.plot().axes for line in axes.get_lines()]
    drawn = [line.get_ydata().tolist() for line in lines]
    assert run.history["val_accuracy"] in drawn
