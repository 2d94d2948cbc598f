"""`cnnkit runs` and `cnnkit show RUN`: list runs and show one, without Keras."""

import sys

import click
from click.shell_completion import CompletionItem
from rich.console import Console
from rich.table import Table

from cnnkit.cli import runs_table
from cnnkit.cli.errors import OneSentence, OneSentenceGroup, debug_option
from cnnkit.cli.output import Listing, console, plain, print_table, table
from cnnkit.errors import SettingError
from cnnkit.evaluation.tasks import task_of_results
from cnnkit.runs import cleaning, comparison, where as conditions
from cnnkit.runs.index import indexed_rows
from cnnkit.runs.listing import list_runs, resolve, run_folders
from cnnkit.runs.run import Run, samples_per_split
from cnnkit.runs.verification import verify

runs_dir_option = click.option(
    "--runs-dir", default="runs", show_default=True, help="The folder that holds the runs."
)
where_option = click.option(
    "--where", metavar="CONDITION",
    help='Choose runs by a condition, such as "dataset=digits and epochs>=10".',
)  # fmt: skip


def complete_run(ctx, param, incomplete):
    """Complete the name of a run, for the shell."""
    folders = run_folders(ctx.params.get("runs_dir") or "runs")
    names = ["latest", *sorted(folder.name for folder in folders)]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.group(cls=OneSentenceGroup, invoke_without_command=True)
@runs_dir_option
@where_option
@click.option(
    "--sort", metavar="COLUMN",
    help="Sort by a column or setting; -COLUMN puts the largest first.  [default: started]",
)  # fmt: skip
@click.option(
    "--group-by", metavar="COLUMN", multiple=True,
    help="Print means over the runs that agree in a setting or column; may be repeated.",
)  # fmt: skip
@click.option("--csv", "form", flag_value="csv", help="Print CSV, with a column for each setting.")
@click.option("--json", "form", flag_value="json", help="Print JSON, with all settings.")
@debug_option
@click.pass_context
def runs(context, runs_dir, where, sort, group_by, form):
    """List the runs, the oldest first, or check their files.

    The last columns are the settings in which runs differ. SECONDS is the time of all epochs of a
    run, with their validation. A group shows means and standard deviations over its runs.
    """
    if context.invoked_subcommand is not None:
        return
    rows = indexed_rows(runs_dir)
    if where is not None:
        rows = conditions.parse(where).choose(rows)
    if not rows and form is None and where is not None:
        click.echo(f"No run in {runs_dir} matches {where!r}.")
        return
    if not rows and form is None:
        click.echo(f"No runs in {runs_dir}; `cnnkit run digits_lenet5` makes one.")
        return
    records = comparison.grouped(group_by, rows) if group_by else [row.flat() for row in rows]
    if sort and records:
        records = comparison.sorted_by(sort, records)
    if form:
        click.echo(runs_table.as_csv(records) if form == "csv" else runs_table.as_json(records))
    else:
        settings = comparison.differing_settings(rows)
        print_table(runs_table.listing_of(records, settings, group_by))
    broken = [row for row in rows if not row.is_readable]
    if group_by and broken:
        click.echo(f"{len(broken)} unreadable runs are left out; `cnnkit runs` says why.", err=True)


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


@runs.command("clean", cls=OneSentence)
@where_option
@click.option(
    "--unfinished", is_flag=True,
    help="Remove runs that failed or were interrupted, too; they could still be resumed.",
)  # fmt: skip
@click.option(
    "--whole",
    is_flag=True,
    help="Remove the runs that --where chooses, not only their checkpoints.",
)
@click.option("--yes", is_flag=True, help="Remove it all. Without this, nothing is removed.")
@runs_dir_option
@debug_option
def clean_command(where, unfinished, whole, yes, runs_dir):
    """Free disk: list what the rules would remove, and remove it with --yes.

    The rules: runs that ended before their first epoch go whole; finished runs lose their checkpoints,
    which only `resume` needs (with more epochs, of a finished one); so do temporary files of processes
    that are gone. Runs at work are left alone.
    """
    if whole and where is None:
        raise SettingError(
            '--whole removes whole runs: choose them with --where, such as "test<0.9".'
        )
    rows = indexed_rows(runs_dir)
    if where is not None:
        rows = conditions.parse(where).choose(rows)
    chosen = cleaning.removals(rows, unfinished=unfinished, whole=whole)
    listing = table("remove", "size", "because", numbers=("size",))
    for each in chosen:
        listing.add_row(each.path, _size_in_words(each.bytes), each.reason)
    if chosen:
        print_table(listing)
    failed = cleaning.remove(chosen) if yes else []
    for each, reason in failed:
        click.echo(f"{each.path} stays: {reason}.", err=True)
    total = _size_in_words(
        sum(each.bytes for each in chosen) - sum(each.bytes for each, _ in failed)
    )
    if not chosen:
        click.echo(f"Nothing to remove in {runs_dir}.")
    else:
        click.echo(f"Removed: {total}." if yes else f"{total}. Nothing is removed; --yes does it.")
    sys.exit(1 if failed else 0)


def _size_in_words(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.2f} GB"


@click.command(cls=OneSentence)
@click.argument("run", shell_complete=complete_run)
@runs_dir_option
@debug_option
def show(run, runs_dir):
    """Show one run. RUN is its folder, the start of its name, or "latest"."""
    chosen = resolve(run, runs_dir)
    recipe, terminal = chosen.experiment, console()
    title = plain(recipe.get("experiment", chosen.folder.parent.name), "bold")
    terminal.print(title, plain(f" {chosen.folder}"))
    terminal.print(plain(recipe.get("description") or ""))
    terminal.print(_facts(chosen), highlight=False)
    _print_history(terminal, chosen.history)


def _facts(run: Run) -> Table:
    status, recipe, results, dataset = run.status, run.experiment, run.results, run.dataset
    facts = Listing(box=None, show_header=False)
    facts.add_row(
        "status", status["state"] + (f": {status['reason']}" if status.get("reason") else "")
    )
    sizes = (f"{n:,} {split}" for split, n in samples_per_split(dataset).items())
    facts.add_row("data", f"{dataset.get('name', '')} {', '.join(sizes)}")
    if recipe.get("model"):
        facts.add_row(
            "model",
            f"{recipe['model'].get('name', '')}, {recipe['model'].get('parameters', 0):,} parameters",
        )
    for name, value in recipe.get("settings", {}).items():
        facts.add_row(f"  {name}", value)
    facts.add_row("seed", recipe.get("seed", ""))
    source = recipe.get("source") or {}
    if not source.get("importable", True):
        name = source["function"]
        facts.add_row("resume", f"where {name} is defined: cnnkit.resume({name}, run)")
    for title, value in _sharing(run.environment.get("distribution")).items():
        facts.add_row(title, value)
    if run.saved_weights:
        facts.add_row("saved weights", run.saved_weights)
    if recipe.get("monitor"):
        mode = "highest" if recipe.get("mode") == "max" else "lowest"
        facts.add_row("best epoch by", f"{mode} {recipe['monitor']}")
    for title, value in _scores(results).items():
        facts.add_row(title, value)
    if run.seconds is not None:
        facts.add_row("training", f"{run.seconds:.1f} s")
    return facts


def _sharing(distribution: dict | None) -> dict[str, str]:
    """Return in words how devices shared the training; nothing of one device."""
    if not distribution:
        return {}
    return {
        "devices": f"{len(distribution['devices'])} of {distribution['processes']} processes: "
        f"{', '.join(distribution['devices'])}",
        "global batch": f"{distribution['global_batch']}, {distribution['batch_per_device']} a device",
        "learning rate": distribution["learning_rate"],
        "sharding": distribution["sharding"],
        "batch normalisation": distribution["batch_normalization"],
    }


def _scores(results: dict) -> dict[str, str]:
    """Return validation and test scores in words."""
    test, validation = results.get("test"), results.get("validation") or {}
    task = task_of_results(test)
    score = validation.get(task.validation_score)
    words = (
        {}
        if score is None
        else {f"validation {task.validation_score.replace('_', ' ')}": f"{score:.2%}"}
    )
    return words | (task.results_in_words(test) if test else {})


def _print_history(terminal: Console, history: dict[str, list[float]]) -> None:
    if not history:
        return
    listing = table(*history, numbers=tuple(history))
    for values in zip(*history.values(), strict=True):
        listing.add_row(*(f"{value:.5g}" for value in values))
    terminal.print(listing)
