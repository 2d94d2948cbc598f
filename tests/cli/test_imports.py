"""What the quick commands may import: nothing that takes seconds."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.once

HEAVY = {"keras", "tensorflow", "jax", "sklearn", "matplotlib", "tensorboard"}


def imported_by(*arguments, **environment):
    """The heavy modules that a command has imported at its end."""
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print('HEAVY', *sorted({HEAVY} & set(sys.modules))))\n"
        f"sys.argv = ['cnnkit', *{list(arguments)!r}]\n"
        "from cnnkit.cli import main\n"
        "main(prog_name='cnnkit')\n"
    )
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment
    )
    assert "HEAVY" in done.stdout, done.stderr
    return done, done.stdout.rsplit("HEAVY", 1)[1].split()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["models"],
        ["models", "--help"],
        ["datasets"],
        ["experiments"],
        ["runs"],
        ["runs", "--help"],
        ["runs", "verify"],
        ["runs", "clean"],
        ["compare", "--help"],
        ["reproduce", "--help"],
        ["resume", "--help"],
        ["run", "--help"],
        ["search", "--help"],
        ["auto", "--help"],
        ["search", "show", "--help"],
        ["lr-find", "--help"],
        ["new", "--help"],
        ["data", "--help"],
        ["data", "inspect", "--help"],
        ["explain", "--help"],
        ["explain", "walkthrough", "--help"],
        ["explain", "robustness", "--help"],
        ["tensorboard", "--help"],
        ["explore", "--help"],
        ["backbones"],
        ["backbones", "--help"],
        ["classify", "--help"],
        ["export", "--help"],
        ["evaluate", "--help"],
        ["predict", "--help"],
        ["features", "--help"],
    ],
    ids=" ".join,
)
def test_a_quick_command_imports_nothing_heavy(arguments):
    done, heavy = imported_by(*arguments)
    assert done.returncode == 0, done.stderr
    assert heavy == []


@pytest.mark.parametrize(
    ("words", "incomplete", "offered"),
    [
        ("cnnkit", "te", "tensorboard"),
        ("cnnkit run", "digits_", "digits_lenet5"),
        ("cnnkit run digits_lenet5", "--learn", "--learning-rate"),
        ("cnnkit run digits_lenet5", "--runs", "--runs-dir"),
        ("cnnkit run --dataset", "fash", "fashion_mnist"),
        ("cnnkit run --model", "vgg1", "vgg19"),
        ("cnnkit run --model", "lenet5", "lenet5"),
        ("cnnkit run --dataset digits", "--dataset-o", "--dataset-option"),
        ("cnnkit models", "vgg_", "vgg_small"),
    ],
)
def test_completion_knows_names_and_imports_nothing_heavy(words, incomplete, offered):
    done, heavy = imported_by(
        _CNNKIT_COMPLETE="bash_complete",
        COMP_WORDS=f"{words} {incomplete}",
        COMP_CWORD=str(len(words.split())),
    )
    assert f",{offered}\n" in done.stdout
    assert heavy == []
