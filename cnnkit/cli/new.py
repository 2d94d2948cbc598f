"""`cnnkit new NAME`: write an experiment file to start from."""

import string
from pathlib import Path

import click

from cnnkit import atomic
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import writing
from cnnkit.errors import SettingError
from cnnkit.user_code import experiment_files

TEMPLATE = Path(__file__).with_name("new_experiment.txt")


@click.command(cls=OneSentence)
@click.argument("name")
@debug_option
def command(name):
    """Write experiments/NAME.py, a commented experiment to start from."""
    if not name.isidentifier():
        raise SettingError(
            f"An experiment's name is a Python name, made of letters, digits and _, not {name!r}."
        )
    path = experiment_files.FOLDER / f"{name}.py"
    if path.exists():
        raise SettingError(f"{path} exists already; choose another name, or edit that file.")
    with writing(path):
        path.parent.mkdir(exist_ok=True)
        atomic.write_text(path, string.Template(TEMPLATE.read_text()).substitute(name=name))
    click.echo(f"Wrote {path}. Run it with: cnnkit run {name} --epochs 2")
