"""`cnnkit run`, and `main(experiment)`, which makes any experiment a command."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from cnnkit import data, keras_import, models
from cnnkit.cli.completion import completing
from cnnkit.cli.errors import OneSentence, Sentence, debug_option
from cnnkit.cli.runs import complete_run
from cnnkit.errors import CnnkitError, SettingError
from cnnkit.evaluation.tasks import task_of_results
from cnnkit.experiment import experiment_files
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.rebuild import experiment_name
from cnnkit.experiment.signature import name_of, options_of, read_source, summary_of
from cnnkit.runs import Run, resolve

NAMES = {"dataset": data.names, "model": models.names}


def main(experiment: Callable) -> None:
    """Run an experiment from the command line, with an option for each of its settings.

    Args:
        experiment: The experiment's function.
    """
    try:
        command = command_of(experiment, name_of(experiment))
    except CnnkitError as error:
        Sentence(str(error), 2).show()
        sys.exit(2)
    command()


def command_of(experiment: Callable, name: str) -> click.Command:
    """Return the command line of an experiment: its settings, and the options of every run."""

    def call(**options):
        _run(experiment, options)

    own = settings_of(experiment)
    command = RunCommand(name, params=own, callback=call, help=summary_of(experiment))
    return _with_run_options(command)


def settings_of(experiment: Callable) -> list[click.Option]:
    """Return an option for each setting but the seed, which every command has as its own."""
    completions = {name: completing(names) for name, names in NAMES.items()}
    return [option for option in options_of(experiment, completions) if option.name != "seed"]


class RunCommand(OneSentence):
    """The command line of one experiment."""


class ChooseExperiment(RunCommand):
    """`cnnkit run`: the first word names the experiment; without one it is the built-in one.

    of: makes the command of an experiment and its name.
    """

    def __init__(self, *arguments, of: Callable[[Callable, str], click.Command], **options):
        super().__init__(*arguments, **options)
        self.of = of

    def make_context(self, info_name, args, parent=None, **extra):
        """Become the command of the experiment that the arguments name."""
        if not args or args[0].startswith("-"):
            return super().make_context(info_name, args, parent, **extra)
        word, *rest = args
        path = experiment_files.find_file(word)
        if extra.get("resilient_parsing"):  # completion must not pay for Keras
            command = _sketch(path)
        else:
            command = self.of(experiment_files.load(path), word)
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
        """Say that an experiment may be named."""
        return ["[EXPERIMENT]", *super().collect_usage_pieces(ctx)]

    def format_epilog(self, ctx, formatter):
        """List the experiments at hand."""
        names = experiment_files.experiment_names()
        with formatter.section("Experiments in ./experiments"):
            formatter.write_text(", ".join(names) or "none; `cnnkit new NAME` writes one")


def _run(experiment: Callable, options: dict) -> None:
    word, allow_changes = options.pop("resume"), options.pop("allow_changes")
    if word is not None:
        context = click.get_current_context()
        given = {
            name: value
            for name, value in options.items()
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        }
        go_on(
            experiment, resolve(word, options["runs_dir"]), given | {"allow_changes": allow_changes}
        )
        return
    click.echo(f"Starting {experiment_name(experiment, options)} ...")
    keras_import.import_keras()
    from cnnkit.training.run import run  # Keras takes seconds to import; --help must not pay for it

    began = time.perf_counter()
    tell(run(experiment, **options), began)


def go_on(experiment: Callable, run: Run, options: dict) -> None:
    """Resume a run, and tell how it ended; options are those of `run.resume`, and more."""
    for name in ("seed", "name"):
        if options.get(name) is not None:
            raise SettingError(f"A run that is resumed keeps its {name}; leave --{name} out.")
    kept = {
        name: value for name, value in options.items() if name not in ("runs_dir", "seed", "name")
    }
    click.echo(f"Going on with {run.folder} ...")
    keras_import.import_keras()
    from cnnkit.training.run import resume

    began = time.perf_counter()
    tell(resume(experiment, run, **kept), began)


def tell(run: Run, began: float) -> None:
    """Print how well a run did, and where it is."""
    seconds, test = time.perf_counter() - began, run.results["test"]
    words = task_of_results(test).results_in_words(test)
    if run.environment["precision"] != "float32":
        words |= {"precision": run.environment["precision"]}
    lines = (f"{title[0].upper() + title[1:]:15}{value}\n" for title, value in words.items())
    click.echo(
        f"\n{''.join(lines)}"
        f"Run folder     {run.folder}  ({seconds:.0f} s)\n\n"
        f"Watch it       cnnkit tensorboard --runs-dir {run.folder.parent.parent}\n"
        f"Read it        open {run.folder / 'report.html'}"
    )


def saving_options() -> list[click.Option]:
    """Return the options of checkpoints, which runs and resumed ones share."""
    return [
        click.Option(
            ["--allow-changes"], is_flag=True, help="Resume although something has changed."
        ),
        click.Option(
            ["--checkpoint-minutes"], type=click.FloatRange(min=0, min_open=True), default=10.0,
            show_default=True, help="From one checkpoint to the next within an epoch.",
        ),
        click.Option(
            ["--checkpoint-steps"], type=click.IntRange(min=1), default=None,
            help="The same in steps.",
        ),
    ]  # fmt: skip


def _with_run_options(command: click.Command) -> click.Command:
    """Add the options that belong to every run."""
    command.params += [
        click.Option(
            ["--seed"], type=click.IntRange(0, 2**32 - 1), default=None,
            help="Of everything random; the experiment's own default, or 0.",
        ),
        click.Option(
            ["--runs-dir"], type=click.Path(file_okay=False, path_type=Path), default=Path("runs"),
            show_default=True, help="Where the run's folder is made.",
        ),
        click.Option(["--name"], default=None, help="The run's name.  [default: time and letters]"),
        click.Option(
            ["--resume"], metavar="RUN", default=None, shell_complete=complete_run,
            help="Go on with this run; settings that are not given are the run's.",
        ),
        click.Option(
            ["--precision"], type=click.Choice(["auto", "float32", "mixed_bfloat16"]), default="auto",
            show_default=True,
            help="Of the network; auto is bfloat16 where the hardware has it and gains by it.",
        ),
        *saving_options(),
    ]  # fmt: skip
    return debug_option(command)


def _sketch(path: Path) -> click.Command:
    """Return the command of an experiment file for completion alone: read, not imported."""
    summary, settings = read_source(path)
    flags = [click.Option(["--" + name.replace("_", "-")]) for name in settings if name != "seed"]
    return _with_run_options(click.Command(path.stem, params=flags, help=summary))


_built_in = command_of(built_in_experiment, "run")
command = ChooseExperiment(
    "run", params=_built_in.params, callback=_built_in.callback, help=_built_in.help, of=command_of
)
