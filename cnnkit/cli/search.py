"""`cnnkit search NAME`: search the space of an experiment; `cnnkit search show NAME` shows it."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import click
from click.core import ParameterSource

from cnnkit import search
from cnnkit.cli.errors import debug_option
from cnnkit.cli.run import ChooseExperiment, RunCommand, setting_options
from cnnkit.cli.search_show import show
from cnnkit.cli.search_storage import hide_passwords, require_optuna, storage_option
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.rebuild import experiment_name
from cnnkit.experiment.signature import refuse_settings
from cnnkit.keras_import import import_keras
from cnnkit.search.names import OBJECTIVES, PRUNERS, SAMPLERS

HELP = """Search the space that an experiment declares: many runs, by any number of processes.

The first word names an experiment, whose file has a `space` beside its function. Without one, it is
that of `cnnkit run`: the learning rate, and the options of the models convnet and vgg. A setting that
is given here is the same in every trial. The same command goes on with a search, and on other
machines, with the same --storage, takes part in it.

`cnnkit search show NAME` shows a search.
"""


class SearchCommand(ChooseExperiment):
    """The command, of which `show` is another one."""

    def make_context(self, info_name, args, parent=None, **extra):
        """Return the context of `show`, or of the experiment that the arguments name."""
        if args[:1] == ["show"]:
            return show.make_context(f"{info_name} show", list(args[1:]), parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def command_of(experiment: Callable, name: str) -> click.Command:
    """Return the command that searches an experiment's space.

    Args:
        experiment: The experiment's function.
        name: The command's name.

    Returns:
        A command with an option for each setting, and those of the search.

    Raises:
        SettingError: A setting has the name of one of the search's options.
    """
    own = _search_options()
    refuse_settings(
        experiment, [str(option.name) for option in own if option.name != "seed"], "search"
    )

    def call(**options):
        _search(experiment, {option.name: options.pop(option.name) for option in own}, options)

    command = RunCommand(name, params=setting_options(experiment), callback=call, help=HELP)
    command.params += own
    return debug_option(command)


def _search_options() -> list[click.Option]:
    return [
        click.Option(
            ["--trials"], type=click.IntRange(min=1), default=50, show_default=True,
            help="Trials that the search has in the end.",
        ),
        click.Option(
            ["--workers"], type=click.IntRange(min=1), default=1, show_default=True,
            help="Processes that take trials; they share the cores.",
        ),
        click.Option(
            ["--sampler"], type=click.Choice(SAMPLERS), default="tpe", show_default=True,
            help="How settings are drawn.",
        ),
        click.Option(
            ["--pruner"], type=click.Choice(PRUNERS), default="none", show_default=True,
            help="End trials whose validation curve falls behind.",
        ),
        click.Option(
            ["--objective", "objectives"], type=click.Choice(list(OBJECTIVES)), multiple=True,
            default=("accuracy",), show_default=True,
            help="What is searched for; may be repeated, and the search then ends in a Pareto front.",
        ),
        storage_option(),
        click.Option(["--name"], default=None, help="The search's name.  [default: the experiment's]"),
        click.Option(
            ["--seed"], type=click.IntRange(0, 2**32 - 1), default=None,
            help="Seed of the sampler and of every training.  [default: 0, the experiment's own]",
        ),
        click.Option(
            ["--runs-dir"], type=click.Path(file_okay=False, path_type=Path), default=Path("runs"),
            show_default=True, help="The folder for the runs.",
        ),
        click.Option(
            ["--precision"], type=click.Choice(["auto", "float32", "mixed_bfloat16"]),
            default="auto", show_default=True, help="As of `cnnkit run`.",
        ),
        click.Option(
            ["--heartbeat"], type=click.IntRange(min=1), default=10, show_default=True,
            help="Seconds from one sign of life of a worker to the next; one that misses three loses its trial to another.",
        ),
    ]  # fmt: skip


def _search(experiment: Callable, own: dict, options: dict) -> None:
    require_optuna()
    context = click.get_current_context()
    fixed = {
        name: value
        for name, value in options.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    name = own["name"] or experiment_name(experiment, options)
    command = shlex.join([Path(sys.argv[0]).name, *hide_passwords(sys.argv[1:])])
    click.echo(f"Searching {name} ...")
    import_keras()  # quietly, before the experiment's file imports it
    try:
        found = search.run(
            experiment, **own | {"name": name}, command=command, on_trial=_print_trial, **fixed
        )
    except KeyboardInterrupt as error:
        error.add_note("The same command goes on; unfinished trials go on from their checkpoints.")
        raise
    _print_outcome(found, own["runs_dir"])


def _print_trial(fact: dict) -> None:
    values = ", ".join(f"{value:.6g}" for value in fact["values"] or ())
    params = ", ".join(f"{name}={_short(value)}" for name, value in fact["params"].items())
    words = values or (fact["error"] or fact["state"])
    click.echo(f"Trial {fact['trial']:<5}{words}  ({fact['seconds']:.1f} s)  {params}")


def _short(value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _print_outcome(found, runs_dir: Path) -> None:
    best, objectives = found.best[0], found.study.user_attrs["objectives"]
    lines = {"Best trial": found.number_of(best)}
    lines |= {
        name.replace("_", " ").capitalize(): f"{value:.6g}"
        for name, value in zip(objectives, best.values, strict=True)
    }
    if len(found.best) > 1:
        lines["Pareto front"] = (
            f"{len(found.best)} trials; the one above is best in {objectives[0]}"
        )
    run = found.chosen
    is_here = run.folder.is_dir()
    results = run.results.get("test") if is_here else None
    lines["Test accuracy"] = (
        f"{results['accuracy']:.2%}, looked at once" if results and "accuracy" in results else None
    )
    shown = "".join(f"{title:15}{value}\n" for title, value in lines.items() if value is not None)
    where = "" if str(runs_dir) == "runs" else f" --runs-dir {shlex.quote(str(runs_dir))}"
    click.echo(
        f"\n{shown}Run folder     {run.folder}{'' if is_here else ' (on another machine)'}\n\n"
        f"See it         cnnkit search show {shlex.quote(found.name)}{where}"
    )


_built_in = command_of(built_in_experiment, "search")
command = SearchCommand(
    "search",
    params=_built_in.params,
    callback=_built_in.callback,
    help=HELP,
    make_command=command_of,
)
