"""`cnnkit run`, and `main(experiment)`, which makes any experiment a command."""

import time
from collections.abc import Callable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from cnnkit import data, models
from cnnkit.classify import classify
from cnnkit.cli import finding, quiet
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.verdict import in_words
from cnnkit.experiment import name_of, options_of, read_source, summary_of

NAMES = {"dataset": data.names, "model": models.names}


def main(experiment: Callable) -> None:
    """Run an experiment from the command line: an option a setting, as its signature says."""
    command_of(experiment, name_of(experiment))()


def command_of(experiment: Callable, name: str) -> click.Command:
    """Return the command line of an experiment: its settings, and the options of every run."""

    def call(**options):
        _run(experiment, options)

    own = settings_of(experiment)
    command = RunCommand(name, params=own, callback=call, help=summary_of(experiment))
    return _with_run_options(command)


def settings_of(experiment: Callable) -> list[click.Option]:
    """Return an option for each setting but the seed, which every command has as its own."""
    completions = {name: _complete_from(names) for name, names in NAMES.items()}
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
        path = finding.find(word)
        if extra.get("resilient_parsing"):  # completion must not pay for Keras
            command = _sketch(path)
        else:
            command = self.of(finding.load(path), word)
        return command.make_context(f"{info_name} {word}", rest, parent, **extra)

    def shell_complete(self, ctx, incomplete):
        """Complete options, and the names of experiments."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        names = [name for name in finding.experiment_names() if name.startswith(incomplete)]
        return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]

    def collect_usage_pieces(self, ctx):
        """Say that an experiment may be named."""
        return ["[EXPERIMENT]", *super().collect_usage_pieces(ctx)]

    def format_epilog(self, ctx, formatter):
        """List the experiments at hand."""
        names = finding.experiment_names()
        with formatter.section("Experiments in ./experiments"):
            formatter.write_text(", ".join(names) or "none; `cnnkit new NAME` writes one")


def _run(experiment: Callable, options: dict) -> None:
    click.echo(f"Starting {name_of(experiment)} ...")
    quiet.import_keras()
    from cnnkit import train  # Keras takes seconds to import; --help must not pay for it

    began = time.perf_counter()
    run = train.run(experiment, **options)
    seconds, words = time.perf_counter() - began, in_words(run.results["test"])
    lines = (f"{title[0].upper() + title[1:]:15}{value}\n" for title, value in words.items())
    click.echo(
        f"\n{''.join(lines)}"
        f"Run folder     {run.folder}  ({seconds:.0f} s)\n\n"
        f"Watch it       cnnkit tensorboard --runs-dir {options['runs_dir']}\n"
        f"Read it        open {run.folder / 'report.html'}"
    )


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
    ]  # fmt: skip
    return debug_option(command)


def _sketch(path: Path) -> click.Command:
    """Return the command of an experiment file for completion alone: read, not imported."""
    summary, settings = read_source(path)
    flags = [click.Option(["--" + name.replace("_", "-")]) for name in settings if name != "seed"]
    return _with_run_options(click.Command(path.stem, params=flags, help=summary))


def _complete_from(names: Callable[[], list[str]]):
    return lambda ctx, param, incomplete: [
        CompletionItem(name) for name in names() if name.startswith(incomplete)
    ]


_built_in = command_of(classify, "run")
command = ChooseExperiment(
    "run", params=_built_in.params, callback=_built_in.callback, help=_built_in.help, of=command_of
)
