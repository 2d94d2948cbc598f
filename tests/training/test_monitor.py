"""Which epoch is the best, by which number, and where it is said."""

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.cli import main
from cnnkit.cli.run import command_of
from cnnkit.errors import SettingError

F1 = keras.metrics.F1Score
SPARSE = keras.metrics.SparseCategoricalAccuracy
LOGS = {  # of four epochs; the best by each of them is another one
    "val_right": [0.4, 0.9, 0.5, 0.6],
    "val_loss": [0.5, 0.9, 0.1, 0.9],
    "val_extra": [0.5, 0.9, 0.7, 0.2],
}


class Pretends(keras.callbacks.Callback):
    """Writes these numbers into the logs."""

    def __init__(self, name):
        super().__init__()
        self.names = {f"val_{name}": "val_right", "val_loss": "val_loss", "val_extra": "val_extra"}

    def on_epoch_end(self, epoch, logs=None):
        logs |= {name: LOGS[source][epoch] for name, source in self.names.items()}


def xo(**options):
    shapes = data.xo(train=16, validation=8, test=8, image_size=12)
    model = models.mlp((12, 12, 1), 2, hidden_units=())
    return Experiment(**{"data": shapes, "model": model, "optimizer": "sgd", "epochs": 4} | options)


def custom(y_true, y_pred):
    return keras.ops.mean(y_pred, axis=-1)


@pytest.mark.parametrize(
    ("metrics", "options", "name", "mode"),
    [
        (None, {}, "val_accuracy", "max"),
        (["acc"], {}, "val_acc", "max"),
        ([SPARSE()], {}, "val_sparse_categorical_accuracy", "max"),
        ([SPARSE(name="top")], {}, "val_top", "max"),
        ([keras.metrics.sparse_categorical_accuracy], {}, "val_sparse_categorical_accuracy", "max"),
        ([SPARSE(name="top"), "accuracy"], {}, "val_accuracy", "max"),
        ([custom], {}, "val_loss", "min"),
        ([], {}, "val_loss", "min"),
        (["acc"], {"monitor": "val_loss"}, "val_loss", "min"),
        ([F1()], {"monitor": "val_f1_score"}, "val_f1_score", "max"),
        ([F1()], {"monitor": "val_f1_score_X"}, "val_f1_score_X", "max"),
        (["mse"], {"monitor": "val_mse"}, "val_mse", "min"),
        ([custom], {"monitor": "val_custom", "mode": "max"}, "val_custom", "max"),
        ([custom], {"monitor": "loss"}, "loss", "min"),
    ],
)
def test_what_is_monitored_and_in_which_direction(metrics, options, name, mode):
    monitored = xo(metrics=metrics, **options).monitored
    assert (monitored.name, monitored.mode) == (name, mode)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"monitor": "val_acuracy"}, "Whether the highest or the lowest 'val_acuracy'"),
        ({"monitor": "val_acuracy", "mode": "max"}, "have 'val_loss', 'val_accuracy': choose"),
        ({"mode": "highest"}, "mode is 'auto', 'min' or 'max', as in Keras, not 'highest'"),
        ({"monitor": 3}, "monitor is a name in Keras' logs, as 'val_loss', not 3"),
        ({"monitor": "val_custom", "metrics": [custom]}, "give the Experiment mode='max'"),
    ],
)
def test_what_cannot_be_monitored_is_refused_before_training(options, words):
    with pytest.raises(SettingError, match=words):
        xo(**options)


@pytest.mark.parametrize(
    ("plan", "epoch", "chosen_by", "value"),
    [
        ("acc", 2, "highest val_acc", 0.9),
        pytest.param("top", 2, "highest val_top", 0.9, marks=pytest.mark.slow),
        ("loss", 3, "lowest val_loss", 0.1),
        pytest.param("extra", 4, "lowest val_extra", 0.2, marks=pytest.mark.slow),
    ],
)
def test_the_best_epoch_is_chosen_by_it_recorded_and_said(tmp_path, plan, epoch, chosen_by, value):
    options = {
        "acc": {"metrics": ["acc"]},
        "top": {"metrics": [SPARSE(name="top")]},
        "loss": {"monitor": "val_loss"},
        "extra": {"monitor": "val_extra", "mode": "min"},
    }[plan]
    metric = plan if plan in ("acc", "top") else "accuracy"

    def watched():
        """Logs that we know."""
        return xo(callbacks=Pretends(metric), **options)

    result = CliRunner().invoke(
        command_of(watched, "watched"), ["--runs-dir", str(tmp_path), "--name", "it"]
    )
    assert result.exit_code == 0, result.output
    assert f"Best epoch     {epoch}  ({chosen_by}, {value})" in result.output
    run = cnnkit.runs.resolve("it", tmp_path)
    mode, name = {"highest": "max", "lowest": "min"}[chosen_by.split()[0]], chosen_by.split()[1]
    assert (run.experiment["monitor"], run.experiment["mode"]) == (name, mode)
    accuracy = LOGS["val_right"][epoch - 1]
    assert run.results["validation"] == {
        "epoch": epoch, "accuracy": accuracy, "loss": LOGS["val_loss"][epoch - 1],
        "monitor": name, "mode": mode, "monitored": value,
    }  # fmt: skip
    listed = CliRunner().invoke(main, ["runs", "--runs-dir", str(tmp_path)]).output
    assert f"{accuracy:.2%}" in listed
    shown = CliRunner().invoke(main, ["show", "it", "--runs-dir", str(tmp_path)]).output
    assert chosen_by in shown


def test_a_metric_that_never_comes_is_warned_of(tmp_path):
    def waiting():
        """Monitors what no callback adds."""
        return xo(
            callbacks=keras.callbacks.TerminateOnNaN(), monitor="val_kappa", mode="max", epochs=2
        )

    with pytest.warns(UserWarning, match=r"'val_kappa', by which .* have .*val_accuracy"):
        run = cnnkit.run(waiting, runs_dir=tmp_path)
    losses = run.history["val_loss"]
    assert run.results["validation"]["epoch"] == 1 + int(np.argmin(losses))
