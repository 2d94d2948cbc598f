"""`cnnkit run --seeds N`: one experiment with several seeds, and what they say together."""

import logging
import shlex
from collections.abc import Callable
from typing import Any

import click

from cnnkit import training
from cnnkit.cli.output import console, table
from cnnkit.comparison import compare_rows, forms
from cnnkit.errors import SettingError
from cnnkit.experiment.signature import defaults_of
from cnnkit.keras_import import import_keras
from cnnkit.runs.comparison import rows_of

SEEDS = 2**32


def run_with_seeds(experiment: Callable, count: int, options: dict) -> None:
    """Run an experiment with one seed after the other, and print the mean of the test scores.

    Args:
        experiment: The experiment's function.
        count: How many seeds, at least 2.
        options: Those of `cnnkit.run`. `seed` is the first seed; `name` begins the runs' names.

    Raises:
        SettingError: The last seed would be too large.
    """
    own: Any = defaults_of(experiment).get("seed", 0)
    first = own if options["seed"] is None else options["seed"]
    if first + count > SEEDS:
        raise SettingError(
            f"Seeds end at {SEEDS - 1}, and {count} from {first} on would not: begin with less."
        )
    # A network for each seed is as meant; TensorFlow warns of each that it may have been the same.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    runs, name = [], options["name"]
    for place, seed in enumerate(range(first, first + count), start=1):
        click.echo(f"Seed {seed}, {place} of {count} ...")
        import_keras().utils.clear_session()  # so that layers are called as in a run of its own
        named = None if name is None else f"{name}-seed{seed}"
        runs.append(training.run(experiment, **options | {"seed": seed, "name": named}))
    found = compare_rows(rows_of(runs))
    headings, lines = forms.cells_of(found)
    listing = table(*headings, numbers=tuple(headings[2:]))
    for line in lines:
        listing.add_row(*line)
    console().print(listing)
    names = shlex.join(str(run.folder) for run in runs)
    click.echo(f"Compare them   cnnkit compare --each {names}")
