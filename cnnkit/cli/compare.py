"""`cnnkit compare`: runs beside each other, with intervals, paired tests and what differs."""

import shlex
import sys
from pathlib import Path

import click

from cnnkit import atomic, comparison, plots
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, plain, print_table, table, write_picture, writing
from cnnkit.cli.runs import complete_run, runs_dir_option, where_option
from cnnkit.cli.trust import trust_option
from cnnkit.comparison import forms, publication
from cnnkit.comparison.comparison import Comparison
from cnnkit.comparison.examples import Example, examples_between
from cnnkit.comparison.frame import comparison_of
from cnnkit.comparison.recipes import recipe_differences
from cnnkit.errors import SettingError
from cnnkit.keras_import import import_keras

RESULTS = Path("experiments/RESULTS.md")
SHOWN = 15  # differences that a terminal shows
WORDY = ("experiment", "run", "seeds")  # columns that are no numbers, beside the settings
TERMINAL_LINES = 6  # beside more lines than these, differences are for the page

FORMS = {
    "csv": forms.as_csv,
    "markdown": lambda found: forms.markdown_table(*forms.cells_of(found)),
    "latex": lambda found: forms.latex_table(*forms.cells_of(found)),
}


@click.command("compare", cls=OneSentence)
@click.argument("runs", nargs=-1, shell_complete=complete_run)
@where_option
@click.option(
    "--baseline", metavar="RUN", shell_complete=complete_run,
    help="The run with whose recipe the others are compared.  [default: the first]",
)  # fmt: skip
@click.option(
    "--each/--by-recipe", default=None,
    help="A line for each run, or means over runs that differ in their seed alone.",
)  # fmt: skip
@click.option("--csv", "form", flag_value="csv", help="Print CSV, with every number in full.")
@click.option("--markdown", "form", flag_value="markdown", help="Print a Markdown table.")
@click.option("--latex", "form", flag_value="latex", help="Print a LaTeX table (booktabs).")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with table, curves, differences and examples.",
)  # fmt: skip
@click.option(
    "--curves", type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the learning curves of all lines over each other (.png or .svg).",
)  # fmt: skip
@click.option(
    "--examples", type=click.IntRange(0), default=5, show_default=True,
    help="Test items to list that a line gets right and the baseline wrong, and the reverse.",
)  # fmt: skip
@click.option(
    "--pictures",
    is_flag=True,
    help="Show these items in the page; executes the baseline's experiment.py to load its data.",
)
@click.option(
    "--readme", is_flag=False, flag_value=RESULTS, type=click.Path(dir_okay=False, path_type=Path),
    help=f"Write the table of results that a repository keeps, of any data.  [default: {RESULTS}]",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Compare runs of different data sets all the same.")
@runs_dir_option
@trust_option
@debug_option
def command(runs, where, baseline, each, form, html, curves, examples, pictures, readme, force, runs_dir):  # fmt: skip
    """Compare RUNS, or those that match a condition: means over seeds and paired tests.

    RUN is a run's folder, the start of its name, or "latest". A condition compares settings,
    columns of `cnnkit runs` and fields such as results.test.loss or environment.backend with
    = != < <= > >= and ~ (contains), joined by and, or, not and parentheses.

    Intervals hold 95 % of the time: over seeds (Student's t), and of a single run over its test items
    (Wilson). Differences from the baseline are on the same test items: McNemar's exact test for two
    runs, a paired bootstrap for more, with Holm's correction.
    """
    found = comparison_of(
        runs, where=where, runs_dir=runs_dir, baseline=baseline, each=each,
        force=force or readme is not None,
    )  # fmt: skip
    if form:
        click.echo(FORMS[form](found))
    else:
        _print(found, examples)
    for remark in found.remarks:
        click.echo(remark, err=form is not None)
    if html:
        _write_page(found, html, examples, pictures)
    if curves:
        _draw_curves(found, curves)
    if readme:
        with writing(readme):
            atomic.write_text(readme, publication.results_page(found, _command()))
        click.echo(f"Results  {readme}", err=form is not None)


def _command() -> str:
    """Return this command as a user types it."""
    return shlex.join(["cnnkit", *sys.argv[1:]])


def _print(found: Comparison, examples: int) -> None:
    headings, rows = forms.cells_of(found)
    words = (*WORDY, *found.settings)
    listing = table(*headings, numbers=tuple(name for name in headings if name not in words))
    for row in rows:
        listing.add_row(*row)
    print_table(listing)
    if 1 < len(found.lines) <= TERMINAL_LINES:
        _print_differences(found)
    if len(found.lines) == 2:
        _print_examples(found, examples)


def _print_differences(found: Comparison) -> None:
    differences = recipe_differences(found.lines)
    if not differences:
        return
    listing = table("what differs", *(line.label for line in found.lines))
    for each in differences[:SHOWN]:
        listing.add_row(each.what, *each.values)
    console().print(listing)
    if len(differences) > SHOWN:
        click.echo(f"{len(differences) - SHOWN} more differences; --html shows all.")


def _print_examples(found: Comparison, count: int) -> None:
    baseline, other = found.lines
    names = baseline.group.first.run.dataset.get("class_names", [])
    better, worse = examples_between(other.group, baseline.group, names, count)
    for title, chosen in (
        (f"Right in {other.label}, wrong in the baseline:", better),
        (f"Right in the baseline, wrong in {other.label}:", worse),
    ):
        if chosen:
            console().print(plain(title))
            _print_items(chosen, has_seeds=any(len(line.group.rows) > 1 for line in found.lines))


def _print_items(chosen: list[Example], has_seeds: bool) -> None:
    rates = ("right", "baseline right") if has_seeds else ()
    listing = table("item", "is", "answer", "baseline's answer", *rates, numbers=rates)
    for each in chosen:
        shown = (f"{each.first_rate:.0%}", f"{each.second_rate:.0%}") if has_seeds else ()
        answers = (each.first_answer, each.second_answer)
        listing.add_row(f"test:{each.item}", each.label, *answers, *shown)
    console().print(listing)


def _write_page(found: Comparison, path: Path, examples: int, pictures: bool) -> None:
    shown = _pictures(found, examples) if pictures else {}
    text = comparison.comparison_page(found, command=_command(), examples=examples, pictures=shown)
    with writing(path):
        atomic.write_text(path, text)
    click.echo(f"Page     {path}")


def _draw_curves(found: Comparison, path: Path) -> None:
    write_picture(plots.overlaid_curves(comparison.histories_of(found)), path)


def _pictures(found: Comparison, count: int) -> dict:
    """Return the pictures of the examples by item, from the baseline's data."""
    run = found.baseline.group.first.run
    if len(run.dataset.get("image_shape", ())) != 3:
        raise SettingError(f"{run.name} has no images to show; leave --pictures out.")
    import_keras()  # quietly, before the experiment imports it
    return comparison.pictures_of(found, run, count)
