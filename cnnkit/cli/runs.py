"""`cnnkit runs` and `cnnkit show RUN`: what has been run; needs no Keras."""

import sys

import click
from click.shell_completion import CompletionItem
from rich.console import Console
from rich.table import Table

from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.screen import console, table
from cnnkit.errors import RunFolderError
from cnnkit.evaluation.tasks import TASKS, task_of_results
from cnnkit.runs import Run, find, resolve, samples, verify

runs_dir_option = click.option(
    "--runs-dir", default="runs", show_default=True, help="Where the runs are."
)


def complete_run(ctx, param, incomplete):
    """Complete the name of a run."""
    names = ["latest", *(run.name for run in find(ctx.params.get("runs_dir") or "runs"))]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class Group(OneSentence, click.Group):
    """A group whose mistakes are one sentence each."""


@click.group(cls=Group, invoke_without_command=True)
@runs_dir_option
@debug_option
@click.pass_context
def runs(context, runs_dir):
    """List the runs, oldest first; or check their files."""
    if context.invoked_subcommand is not None:
        return
    found = find(runs_dir)
    if not found:
        click.echo(f"No runs in {runs_dir}; `cnnkit run digits_lenet5` makes one.")
        return
    numbers = ("epochs", "validation", "test", "seconds")
    listing = table("experiment", "run", "started", "status", *numbers, numbers=numbers)
    for run in found:
        listing.add_row(*_row(run))
    console().print(listing)


@runs.command("verify", cls=OneSentence)
@click.argument("run", required=False, shell_complete=complete_run)
@runs_dir_option
@debug_option
def verify_command(run, runs_dir):
    """Hash every file of RUN, or of all runs, and name those that have changed.

    Exit status: 0 where none has, 1 where some have.
    """
    chosen, damaged = [resolve(run, runs_dir)] if run else find(runs_dir), 0
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
    """Show one run, named by its folder, the start of its name, or "latest"."""
    found = resolve(run, runs_dir)
    status, recipe, results = found.status, found.experiment, found.results
    screen = console()
    screen.print(f"[bold]{recipe['experiment']}[/bold]  {found.folder}", highlight=False)
    screen.print(recipe["description"], highlight=False, markup=False)
    facts = Table(box=None, show_header=False)
    facts.add_row(
        "status", status["state"] + (f": {status['reason']}" if status.get("reason") else "")
    )
    facts.add_row("data", f"{found.dataset['name']} {_sizes(found.dataset)}")
    facts.add_row(
        "model", f"{recipe['model']['name']}, {recipe['model']['parameters']:,} parameters"
    )
    for name, value in recipe["settings"].items():
        facts.add_row(f"  {name}", str(value))
    facts.add_row("seed", str(recipe["seed"]))
    if found.saved_weights:
        facts.add_row("saved weights", str(found.saved_weights))
    if results:
        test, validation = results["test"], results["validation"]
        task = task_of_results(test)
        if task.validation_score in validation:
            title = f"validation {task.validation_score.replace('_', ' ')}"
            facts.add_row(title, _percent(validation[task.validation_score]))
        for title, value in task.results_in_words(test).items():
            facts.add_row(title, value)
        facts.add_row("training", f"{results['timing']['training_seconds']:.1f} s")
    screen.print(facts, highlight=False)
    _print_history(screen, found.history)


def _row(run: Run) -> list[str]:
    """Return a line of the table; a broken run folder says so and does not stop the list."""
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


def _print_history(screen: Console, history: dict[str, list[float]]) -> None:
    if not history:
        return
    listing = table(*history, numbers=tuple(history))
    for values in zip(*history.values(), strict=True):
        listing.add_row(*(f"{value:.5g}" for value in values))
    screen.print(listing)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _sizes(data: dict) -> str:
    return ", ".join(f"{number:,} {split}" for split, number in samples(data).items())
