"""`cnnkit run`, and `main(experiment)`, which makes a command of any experiment."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from cnnkit import data, models, training
from cnnkit.cli.completion import completing
from cnnkit.cli.errors import OneSentence, UserError, debug_option
from cnnkit.cli.runs import complete_run
from cnnkit.cli.seeds import run_with_seeds
from cnnkit.cli.sharing import or_resume_option, run_of_that_name, sharing_options
from cnnkit.cli.trust import trust_option
from cnnkit.errors import CnnkitError, SettingError
from cnnkit.evaluation.tasks import task_of_results
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.rebuild import experiment_name
from cnnkit.experiment.signature import name_of, options_of, read_source, summary_of
from cnnkit.keras_import import import_keras
from cnnkit.runs.listing import resolve
from cnnkit.runs.run import Run
from cnnkit.user_code import experiment_files

TRUST = "Use other runs, such as a teacher, even if they bring code or have changed since they were written."
NAMES = {"dataset": data.names, "model": models.names}


def main(experiment: Callable) -> None:
    """Run an experiment from the command line, with an option for each of its settings.

    Args:
        experiment: The experiment's function.
    """
    experiment_files.refuse_while_importing("cnnkit.main")
    try:
        command = command_of(experiment, name_of(experiment))
    except CnnkitError as error:
        UserError(str(error), 2).show()
        sys.exit(2)
    command()


def command_of(experiment: Callable, name: str) -> click.Command:
    """Return the command that runs an experiment.

    Args:
        experiment: The experiment's function.
        name: The command's name.

    Returns:
        A command with an option for each setting, and the options of every run.
    """

    def call(**options):
        _run(experiment, options)

    options = setting_options(experiment)
    command = RunCommand(name, params=options, callback=call, help=summary_of(experiment))
    return _with_run_options(command)


def setting_options(experiment: Callable) -> list[click.Parameter]:
    """Return an option for each setting but the seed, which every command defines itself.

    Args:
        experiment: The experiment's function.

    Returns:
        The options.
    """
    completions = {name: completing(names) for name, names in NAMES.items()}
    return [option for option in options_of(experiment, completions) if option.name != "seed"]


class RunCommand(OneSentence):
    """The command that runs one experiment."""


class ChooseExperiment(RunCommand):
    """A command whose first word may name an experiment; else it is of the built-in one.

    Args:
        *arguments: Those of click.Command.
        make_command: Returns the command of an experiment's function and its name.
        **options: Those of click.Command.
    """

    def __init__(
        self, *arguments, make_command: Callable[[Callable, str], click.Command], **options
    ):
        super().__init__(*arguments, **options)
        self.make_command = make_command

    def make_context(self, info_name, args, parent=None, **extra):
        """Return the context of the command of the experiment that the arguments name."""
        if not args or args[0].startswith("-"):
            return super().make_context(info_name, args, parent, **extra)
        word, *rest = args
        if extra.get("resilient_parsing"):  # completion must not pay for Keras
            command = _sketch(word)
        else:
            command = self.make_command(
                experiment_files.load(experiment_files.find_file(word)), word
            )
        return command.make_context(f"{info_name} {word}", rest, parent, **extra)

    def shell_complete(self, ctx, incomplete):
        """Complete options, and the names of experiments."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        names = [
            name for name in experiment_files.experiment_names() if name.startswith(incomplete)
        ]
        return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]

    def collect_usage_pieces(self, ctx):
        """Add the optional name of an experiment to the usage line."""
        return ["[EXPERIMENT]", *super().collect_usage_pieces(ctx)]

    def format_epilog(self, ctx, formatter):
        """List the experiments in this folder."""
        names = experiment_files.experiment_names()
        with formatter.section("Experiments in ./experiments"):
            formatter.write_text(", ".join(names) or "none; `cnnkit new NAME` writes one")


def _run(experiment: Callable, options: dict) -> None:
    word, allow_changes = options.pop("resume"), options.pop("allow_changes")
    seeds = options.pop("seeds")
    if options.pop("or_resume"):
        word = word or run_of_that_name(experiment, options)
        if word is not None:
            if Run(word).status["state"] == "finished":
                click.echo(f"{word} is finished.")
                return
            options |= {"name": None, "seed": None}  # as the run has them
    if seeds > 1 and options["processes"]:
        raise SettingError(
            "--processes train one run: leave --seeds out, and call it for each seed."
        )
    if word is not None:
        if seeds > 1:
            raise SettingError("A run that is resumed keeps its seed; leave --seeds out.")
        context = click.get_current_context()
        changed = {
            name: value
            for name, value in options.items()
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        }
        run = resolve(str(word), options["runs_dir"])
        resume_run(experiment, run, changed | {"allow_changes": allow_changes})
        return
    click.echo(f"Starting {experiment_name(experiment, options)} ...")
    import_keras()  # quietly, before training imports it
    if seeds > 1:
        run_with_seeds(experiment, seeds, options)
    else:
        _print_outcome(training.run(experiment, **options))


def resume_run(experiment: Callable, run: Run, options: dict) -> None:
    """Resume a run, and print how it ended.

    Args:
        experiment: The experiment's function.
        run: The run.
        options: Those of `cnnkit.resume`, and those of `cnnkit run`. A seed and a name are refused.

    Raises:
        SettingError: The options change the run's seed or name.
    """
    for name in ("seed", "name"):
        if options.get(name) is not None:
            raise SettingError(f"A run that is resumed keeps its {name}; leave --{name} out.")
    options = {
        name: value for name, value in options.items() if name not in ("runs_dir", "seed", "name")
    }
    click.echo(f"Going on with {run.folder} ...")
    import_keras()  # quietly, before training imports it
    training.resume(experiment, run, **options)
    _print_outcome(run)


def _print_outcome(run: Run) -> None:
    """Print how well a run did, and where it is; nothing in a process that did not test it."""
    if not run.folder.exists() or run.status["state"] != "finished":
        return
    results, test = run.results, run.results["test"]
    words = task_of_results(test).results_in_words(test) if test else {"test": "not looked at"}
    if run.experiment["restore_best_weights"]:
        words |= {"best epoch": _best_epoch(results["validation"])}
    if run.environment["precision"] != "float32":
        words |= {"precision": run.environment["precision"]}
    if run.seconds is not None:
        words |= {"training": f"{run.seconds:.1f} s"}
    lines = (f"{title[0].upper() + title[1:]:15}{value}\n" for title, value in words.items())
    click.echo(
        f"\n{''.join(lines)}"
        f"Run folder     {run.folder}\n\n"
        f"Watch it       cnnkit tensorboard --runs-dir {shlex.quote(str(run.folder.parent.parent))}\n"
        f"Read it        open {shlex.quote(str(run.folder / 'report.html'))}"
    )


def _best_epoch(validation: dict) -> str:
    """Return which epoch was chosen, and by what."""
    value, which = validation["monitored"], "highest" if validation["mode"] == "max" else "lowest"
    number = "" if value is None else f", {value:.4g}"
    return f"{validation['epoch']}  ({which} {validation['monitor']}{number})"


def checkpoint_options() -> list[click.Option]:
    """Return the options of checkpoints, which `run` and `resume` share."""
    return [
        click.Option(
            ["--allow-changes"], is_flag=True, help="Resume even if the recipe, data, versions or machine have changed."
        ),
        click.Option(
            ["--checkpoint-minutes"], type=click.FloatRange(min=0, min_open=True), default=10.0,
            show_default=True, help="Minutes from one checkpoint to the next within an epoch.",
        ),
        click.Option(
            ["--checkpoint-steps"], type=click.IntRange(min=1), default=None,
            help="Steps from one checkpoint to the next within an epoch.",
        ),
    ]  # fmt: skip


def _with_run_options(command: click.Command) -> click.Command:
    """Add the options that belong to every run."""
    command.params += [
        click.Option(
            ["--seed"], type=click.IntRange(0, 2**32 - 1), default=None,
            help="Seed of everything random.  [default: the experiment's own, or 0]",
        ),
        click.Option(
            ["--seeds"], type=click.IntRange(min=1), default=1,
            help="Make this many runs with different seeds, from --seed on, and print their mean.",
        ),
        click.Option(
            ["--runs-dir"], type=click.Path(file_okay=False, path_type=Path), default=Path("runs"),
            show_default=True, help="The folder for the run's folder.",
        ),
        click.Option(["--name"], default=None, help="The run's name.  [default: time and letters]"),
        click.Option(
            ["--resume"], metavar="RUN", default=None, shell_complete=complete_run,
            help="Resume this run, with its own settings unless you change some.",
        ),
        click.Option(
            ["--precision"], type=click.Choice(["auto", "float32", "mixed_bfloat16"]), default="auto",
            show_default=True,
            help="The network's dtype policy; auto is bfloat16 if the hardware computes faster in it.",
        ),
        *sharing_options(),
        or_resume_option(),
        *checkpoint_options(),
    ]  # fmt: skip
    return trust_option(debug_option(command), TRUST)


def _sketch(word: str) -> click.Command:
    """Return the command of an experiment for completion: its file is read, not imported."""
    try:
        summary, settings = read_source(experiment_files.find_file(word))
    except CnnkitError:  # which the command says when it runs; here it would stand in the prompt
        summary, settings = "", []
    flags: list[click.Parameter] = [
        click.Option(["--" + name.replace("_", "-")]) for name in settings if name != "seed"
    ]
    return _with_run_options(click.Command(word, params=flags, help=summary))


_built_in = command_of(built_in_experiment, "run")
command = ChooseExperiment(
    "run",
    params=_built_in.params,
    callback=_built_in.callback,
    help=_built_in.help,
    make_command=command_of,
)
