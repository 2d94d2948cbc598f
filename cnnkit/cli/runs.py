"""`cnnkit runs` and `cnnkit show RUN`: list runs and show one, without Keras."""

import sys

import click
from click.shell_completion import CompletionItem
from rich.console import Console
from rich.table import Table

from cnnkit.cli.errors import OneSentence, OneSentenceGroup, debug_option
from cnnkit.cli.output import console, table
from cnnkit.errors import RunFolderError
from cnnkit.evaluation.tasks import TASKS, task_of_results
from cnnkit.runs.listing import list_runs, resolve
from cnnkit.runs.run import Run, samples_per_split
from cnnkit.runs.verification import verify

runs_dir_option = click.option(
    "--runs-dir", default="runs", show_default=True, help="The folder that holds the runs."
)

TRUST = f"{__name__}.trust"


def trust_option(command):
    """Add --trust to a command that may execute a run's experiment.py.

    Args:
        command: The click command, or the function that becomes one.

    Returns:
        The same command with the option; `named_run` looks at it.
    """

    def remember(ctx, param, value):
        ctx.meta[TRUST] = value

    return click.option(
        "--trust", is_flag=True, expose_value=False, callback=remember,
        help="Execute the run's experiment.py even if it has changed since the run wrote it.",
    )(command)  # fmt: skip


def named_run(word: str, runs_dir: str) -> Run:
    """Return the run that a user names, trusted if --trust says so.

    Args:
        word: A run's folder, the start of its name, or "latest".
        runs_dir: Where the runs are.

    Returns:
        The run.
    """
    trust = click.get_current_context().meta.get(TRUST, False)
    return Run(resolve(word, runs_dir).folder, trust=trust)


def complete_run(ctx, param, incomplete):
    """Complete the name of a run, for the shell."""
    names = ["latest", *(run.name for run in list_runs(ctx.params.get("runs_dir") or "runs"))]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.group(cls=OneSentenceGroup, invoke_without_command=True)
@runs_dir_option
@debug_option
@click.pass_context
def runs(context, runs_dir):
    """List the runs, the oldest first, or check their files."""
    if context.invoked_subcommand is not None:
        return
    listed = list_runs(runs_dir)
    if not listed:
        click.echo(f"No runs in {runs_dir}; `cnnkit run digits_lenet5` makes one.")
        return
    numbers = ("epochs", "validation", "test", "seconds")
    listing = table("experiment", "run", "started", "status", *numbers, numbers=numbers)
    for run in listed:
        listing.add_row(*_row(run))
    console().print(listing)


@runs.command("verify", cls=OneSentence)
@click.argument("run", required=False, shell_complete=complete_run)
@runs_dir_option
@debug_option
def verify_command(run, runs_dir):
    """Hash every file of RUN, or of all runs, and list the files that have changed.

    The exit status is 0 if no file has changed, and else 1.
    """
    chosen, damaged = [resolve(run, runs_dir)] if run else list_runs(runs_dir), 0
    for each in chosen:
        for name, reason in verify(each).items():
            click.echo(f"{each.folder / name} {reason}")
            damaged += 1
    click.echo(
        f"{len(chosen)} {'run' if len(chosen) == 1 else 'runs'} read: {damaged or 'no'} damaged files."
    )
    sys.exit(1 if damaged else 0)


@click.command(cls=OneSentence)
@click.argument("run", shell_complete=complete_run)
@runs_dir_option
@debug_option
def show(run, runs_dir):
    """Show one run. RUN is its folder, the start of its name, or "latest"."""
    chosen = resolve(run, runs_dir)
    recipe, terminal = chosen.experiment, console()
    terminal.print(f"[bold]{recipe['experiment']}[/bold]  {chosen.folder}", highlight=False)
    terminal.print(recipe["description"], highlight=False, markup=False)
    terminal.print(_facts(chosen), highlight=False)
    _print_history(terminal, chosen.history)


def _facts(run: Run) -> Table:
    status, recipe, results, dataset = run.status, run.experiment, run.results, run.dataset
    facts = Table(box=None, show_header=False)
    facts.add_row(
        "status", status["state"] + (f": {status['reason']}" if status.get("reason") else "")
    )
    sizes = (f"{number:,} {split}" for split, number in samples_per_split(dataset).items())
    facts.add_row("data", f"{dataset['name']} {', '.join(sizes)}")
    facts.add_row(
        "model", f"{recipe['model']['name']}, {recipe['model']['parameters']:,} parameters"
    )
    for name, value in recipe["settings"].items():
        facts.add_row(f"  {name}", str(value))
    facts.add_row("seed", str(recipe["seed"]))
    if not recipe.get("source", {}).get("importable", True):
        name = recipe["source"]["function"]
        facts.add_row("resume", f"where {name} is defined: cnnkit.resume({name}, run)")
    if run.saved_weights:
        facts.add_row("saved weights", str(run.saved_weights))
    if results:
        test, validation = results["test"], results["validation"]
        task = task_of_results(test)
        if task.validation_score in validation:
            title = f"validation {task.validation_score.replace('_', ' ')}"
            facts.add_row(title, _percent(validation[task.validation_score]))
        for title, value in task.results_in_words(test).items():
            facts.add_row(title, value)
        facts.add_row("training", f"{results['timing']['training_seconds']:.1f} s")
    return facts


def _row(run: Run) -> list[str]:
    """Return a row of the table. A broken run folder says so and does not stop the list."""
    experiment = run.folder.parent.name
    try:
        status, history, results = run.status, run.history, run.results
        test = results.get("test")
        metrics = run.saved_weights.metrics if run.saved_weights else {}
        scores = (metrics.get(f"val_{task.validation_score}") for task in TASKS)
        return [
            experiment,
            run.name,
            str(status["started"])[5:16].replace("T", " "),
            status["state"],
            str(len(history.get("epoch", []))),
            _percent(next((score for score in scores if score is not None), None)),
            _percent(task_of_results(test).test_score(test) if test else None),
            f"{sum(history.get('seconds', [])):.1f}",
        ]
    except (RunFolderError, KeyError, TypeError) as error:
        return [experiment, run.name, "", f"unreadable: {error}", "", "", "", ""]


def _print_history(terminal: Console, history: dict[str, list[float]]) -> None:
    if not history:
        return
    listing = table(*history, numbers=tuple(history))
    for values in zip(*history.values(), strict=True):
        listing.add_row(*(f"{value:.5g}" for value in values))
    terminal.print(listing)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
