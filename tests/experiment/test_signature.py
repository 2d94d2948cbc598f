import datetime
import enum
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NewType

import click
import numpy as np
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


HALF = np.float64(0.5)


class Activation(enum.Enum):
    RELU = "relu"


def unusual(
    filters: list[int] = [8, 16],  # noqa: B006
    rates=(0.1, 0.2),
    scales=(1, 0.5),
    names=["a", "b"],  # noqa: B006
    bare: tuple = (0.25, 0.5),
    size: tuple[int, float] = (3, 0.5),
    sides: Sequence[int] = (4, 5),
    flags: tuple[bool, ...] = (True,),
    dropout=None,
    folder=Path("here"),
    limit: int | float | str = 5,
    units: Literal[8, 16] = 8,
    share=HALF,
    optimizer: "str | keras.Optimizer" = "adam",  # noqa: F821
    aliased: NewType("Width", int) = 3,
    activation: Activation = Activation.RELU,
    layer=dict,
    day: datetime.date = datetime.date(2026, 1, 2),
    pairs: tuple[tuple[int, int], ...] = ((1, 2),),
):
    """Settings of types and defaults that click does not know."""


def parse(*arguments, function=wide):
    """What click makes of a command line."""
    seen = {}
    command = click.Command("wide", params=options_of(function), callback=seen.update)
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


def test_a_default_reaches_the_function_as_it_stands():
    seen = parse(function=unusual)
    assert seen.keys() == inspect.signature(unusual).parameters.keys()
    for name, parameter in inspect.signature(unusual).parameters.items():
        assert seen[name] is parameter.default, name


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("--filters", "4,5", [4, 5]),
        ("--filters", "", []),
        ("--rates", "1,0.5", (1.0, 0.5)),
        ("--scales", "1,0.5", (1.0, 0.5)),
        ("--names", "c, d", ["c", "d"]),
        ("--bare", "1,2", (1.0, 2.0)),
        ("--size", "7,1", (7, 1.0)),
        ("--sides", "6", (6,)),
        ("--flags", "false,true", (False, True)),
        ("--dropout", "0.5", 0.5),
        ("--dropout", "much", "much"),
        ("--folder", "there", Path("there")),
        ("--limit", "7", 7),
        ("--limit", "7.5", 7.5),
        ("--limit", "all", "all"),
        ("--units", "16", 16),
        ("--share", "0.25", 0.25),
        ("--optimizer", "sgd", "sgd"),
        ("--aliased", "4", 4),
    ],
)
def test_an_option_has_the_type_of_the_annotation_or_of_the_default(option, text, value):
    name = option.removeprefix("--")
    seen = parse(option, text, function=unusual)
    assert repr(seen[name]) == repr(value)  # 1 is not 1.0 here


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--activation", "Activation"),
        ("--layer", "type"),
        ("--day", "date"),
        ("--pairs", "tuple[tuple[int, int], ...]"),
    ],
)
def test_a_type_that_the_command_line_cannot_give_is_named(option, words):
    refused = parse(option, "x", function=unusual)
    assert f"its type {words} cannot be given on the command line" in " ".join(refused.split())
    helps = {option.name: option.help for option in options_of(unusual)}
    assert helps[option[2:]] == f"Its type {words} cannot be given here, only in Python."


def test_a_list_of_another_length_is_refused():
    assert "'1,2,3' has 3 values, and not 2" in parse("--size", "1,2,3", function=unusual)


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


@pytest.mark.parametrize("signature", ["*sizes", "**sizes", "sizes=1, /"])
def test_a_setting_that_has_no_name_is_refused(signature):
    namespace = {}
    exec(f"def mine({signature}): pass", namespace)
    with pytest.raises(SettingError, match=r"'mine' takes '.*sizes.*name each of them"):
        defaults_of(namespace["mine"])


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
    assert (options | parameters) - {"epochs", "others", "seed", "settings"} <= RESERVED


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
