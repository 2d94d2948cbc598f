"""`cnnkit launch`: one run by several processes, tried on this machine or written for a cluster."""

import sys

import click

from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.errors import SettingError
from cnnkit.training.distribution import cluster_files, launching

PRINTS = {"slurm": cluster_files.slurm_script, "kubernetes": cluster_files.kubernetes_job}
OWN = ("--processes", "--or-resume")


@click.command(
    "launch", cls=OneSentence,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=1), default=2, show_default=True,
    help="Processes that train together, one a machine on a cluster.",
)  # fmt: skip
@click.option(
    "--print", "form", type=click.Choice(list(PRINTS)), default=None,
    help="Print what starts the run on a cluster, and start nothing.",
)  # fmt: skip
@debug_option
@click.argument(
    "arguments", nargs=-1, type=click.UNPROCESSED, metavar="[EXPERIMENT] [OPTIONS OF RUN]"
)
def command(workers, form, arguments):
    """Train one run by several processes on JAX: `cnnkit run` in each, with a part of each batch.

    The workers are processes of this machine, to try what a cluster will do; only the first prints.
    If one ends, the others end, too, and the run is "interrupted"; --resume RUN goes on with it, with
    the same number of workers or, with --allow-changes, another one.
    """
    if form is not None:
        given = [each for each in (*OWN, "--name", "--resume") if each in arguments]
        if given:
            raise SettingError(f"{given[0]} is written by --print {form} itself; leave it out.")
        click.echo(PRINTS[form](arguments, workers), nl=False)
        return
    if OWN[0] in arguments:
        raise SettingError("--processes is the launcher's own; leave it out.")
    sys.exit(launching.Workers(["run", *arguments], workers).work())
