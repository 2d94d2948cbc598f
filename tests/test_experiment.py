from pathlib import Path
from typing import Literal

import click
import keras
import numpy as np
import pytest
from click.testing import CliRunner

from cnnkit import Experiment, data, models
from cnnkit.errors import SettingError
from cnnkit.experiment import defaults_of, name_of, options_of, read_source, summary_of


def wide(
    epochs: int = 5,
    learning_rate: float = 1e-3,
    filters: tuple[int, ...] = (8, 16),
    augment: bool = True,
    activation: Literal["relu", "tanh"] = "relu",
    limit: int | None = None,
    where: Path = Path("here"),
    loader_options: dict | None = None,
    untyped="text",
):
    """A function with every kind of
    setting.

    More about it.

    Args:
        epochs: How often training
            sees every image.
        filters: One a layer.
    """


def parse(*arguments):
    """What click makes of a command line."""
    seen = {}
    command = click.Command("wide", params=options_of(wide), callback=seen.update)
    command.callback = lambda **options: seen.update(options)
    result = CliRunner().invoke(command, arguments)
    return seen if result.exit_code == 0 else result.output


def test_defaults_are_the_signatures():
    assert parse() == defaults_of(wide) | {"loader_options": {}}


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--epochs", "7"], "epochs", 7),
        (["--learning-rate", "0.5"], "learning_rate", 0.5),
        (["--filters", "4,5,6"], "filters", (4, 5, 6)),
        (["--no-augment"], "augment", False),
        (["--activation", "tanh"], "activation", "tanh"),
        (["--limit", "10"], "limit", 10),
        (["--where", "there"], "where", Path("there")),
        (["--untyped", "words"], "untyped", "words"),
        (
            ["--loader-option", "size=8", "--loader-option", "name=it"],
            "loader_options",
            {"size": 8, "name": "it"},
        ),
    ],
)
def test_an_option_is_read_as_its_type(arguments, name, value):
    assert parse(*arguments)[name] == value


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "many"], "not a valid integer"),
        (["--epochs", "0"], "x>=1"),
        (["--learning-rate", "-1"], "x>0"),
        (["--filters", "4,x"], "not a list of ints"),
        (["--activation", "sigmoid"], "'relu', 'tanh'"),
        (["--loader-option", "size"], "KEY=VALUE"),
        (["--epoch", "3"], "--epochs"),
    ],
)
def test_a_bad_option_says_what_is_allowed(arguments, words):
    assert words in parse(*arguments)


def test_help_comes_from_the_docstring():
    helps = {option.name: option.help for option in options_of(wide)}
    assert helps["epochs"] == "How often training sees every image."
    assert helps["filters"] == "One a layer."
    assert helps["augment"] is None
    assert summary_of(wide) == "A function with every kind of setting."


def test_a_setting_without_default_is_refused():
    def incomplete(epochs: int):
        """No default."""

    with pytest.raises(SettingError, match="'epochs' of the experiment 'incomplete'"):
        defaults_of(incomplete)


def test_reading_a_file_does_not_import_it(tmp_path):
    path = tmp_path / "trap.py"
    path.write_text(
        'raise SystemExit\ndef experiment(epochs: int = 1, *, seed=2):\n    """It."""\n'
    )
    assert read_source(path) == ("It.", ["epochs", "seed"])


@pytest.mark.parametrize("text", ["def experiment(", "x = 1"])
def test_a_file_that_is_no_experiment_is_refused(tmp_path, text):
    path = tmp_path / "other.py"
    path.write_text(text)
    with pytest.raises(SettingError, match=r"other\.py"):
        read_source(path)


def test_an_experiment_is_called_after_its_file():
    from experiments.digits_lenet5 import experiment

    assert name_of(experiment) == "digits_lenet5"
    assert name_of(wide) == "wide"


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
