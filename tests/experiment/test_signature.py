import inspect
from pathlib import Path
from typing import Literal

import click
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit.cli.run import command_of
from cnnkit.errors import SettingError
from cnnkit.experiment.signature import (
    RESERVED,
    defaults_of,
    name_of,
    options_of,
    read_source,
    summary_of,
)


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


@pytest.mark.parametrize("name", [*sorted(RESERVED)])
def test_a_setting_may_not_be_called_like_an_option_of_every_run(name):
    namespace = {}
    exec(f"def mine({name}=1): pass", namespace)
    words = f"setting '{name}' of the experiment 'mine' has the name of an option of every run"
    with pytest.raises(SettingError, match=words):
        options_of(namespace["mine"])
    with pytest.raises(SettingError, match=words):
        cnnkit.run(namespace["mine"])


def test_a_program_says_so_in_one_sentence(capsys):
    def mine(precision: int = 1):
        """Has a setting of a reserved name."""

    with pytest.raises(SystemExit) as ended:
        cnnkit.main(mine)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("Error: The setting 'precision'")


def test_every_option_of_a_run_is_reserved_but_the_seed():
    def plain(epochs: int = 1):
        """Has one setting."""

    options = {option.name for option in command_of(plain, "plain").params}
    parameters = {*inspect.signature(cnnkit.run).parameters}
    parameters |= {*inspect.signature(cnnkit.resume).parameters}
    assert (options | parameters) - {"epochs", "seed", "settings"} <= RESERVED


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
