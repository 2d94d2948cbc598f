"""`cnnkit data`: inspect and show images; list or clear the cache."""

import datetime
import inspect
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from cnnkit import data, plots
from cnnkit.cli.completion import completing
from cnnkit.cli.datasets import complete_dataset, dataset_options
from cnnkit.cli.errors import OneSentence, OneSentenceGroup, debug_option
from cnnkit.cli.output import console, table, write_picture, writing
from cnnkit.data import cache
from cnnkit.data.images.decode import display
from cnnkit.data.inspection import inspection, page, quarantine
from cnnkit.keras_import import import_keras

MOST_LISTED = 20  # files printed for each problem; the page lists all


@click.group(cls=OneSentenceGroup)
@debug_option
def command():
    """Inspect and show images, and list or clear the cache."""


@command.command("inspect", cls=OneSentence)
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=Path(),
    help="The folder for NAME-inspection.html and .csv.  [default: this folder]",
)  # fmt: skip
@click.option("--fix", is_flag=True, help="Move files that cannot be read to PATH-quarantine.")
@click.option("--undo", is_flag=True, help="Move the files back, and do nothing else.")
@debug_option
def inspect_command(path, output, fix, undo):
    """Read every image of a folder or table, and list what is wrong.

    The exit status is 0 if nothing is wrong, 1 if something is, and 2 if there is nothing to read.
    """
    if undo:
        _undo(path)
        return
    report = inspection.inspect(path, _progress_bar)
    name = path.resolve().stem if path.is_file() else path.resolve().name
    html, rows = (output / f"{name}-inspection.{ending}" for ending in ("html", "csv"))
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
        page.write_page(report, html)
        report.write_csv(rows)
    _print(report)
    wrong = dict(report.wrong)
    if fix and report.bad:
        not_moved = _fix(report)
        wrong.pop("cannot be read")
        wrong |= {"cannot be moved": not_moved} if not_moved else {}
    click.echo(f"Page   {html}\nTable  {rows}")
    sys.exit(1 if wrong else 0)


@command.command("show", cls=OneSentence)
@click.argument("dataset", shell_complete=complete_dataset)
@dataset_options
@click.option(
    "--augment", metavar="NAME", shell_complete=completing(data.augmentations),
    help="Show images changed by an augmentation: " + ", ".join(data.augmentations()) + ".",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default=None,
    help="The picture to write.  [default: DATASET.png]",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Seed that chooses the images.")
@debug_option
def show_command(dataset, options, augment, output, seed):
    """Draw training samples and the mean image of each class; print the class balance.

    With --augment the picture shows images, and changed variants beside each, instead.
    """
    loaded = data.load(dataset, **options)
    click.echo(loaded.summary())
    counts = loaded.counts()
    listing = table("class", *counts, numbers=tuple(counts))
    for name, *numbers in zip(loaded.class_names, *counts.values(), strict=True):
        listing.add_row(name, *(f"{number:,}" for number in numbers))
    console().print(listing)
    output = output or Path(f"{loaded.name}.png")
    if augment:
        plots.expect_images(loaded)
        import_keras()  # quietly, before the augmentation imports it
    pictures = {output: plots.preview(loaded, augment=augment, seed=seed)}
    if not augment and len(loaded.image_shape) == 3:
        mean = output.with_name(f"{output.stem}-mean{output.suffix}")
        pictures[mean] = plots.image_grid(*plots.mean_images(loaded, seed=seed))
    for path, figure in pictures.items():
        write_picture(figure, path)


@command.command("cache", cls=OneSentence)
@click.option("--clear", is_flag=True, help="Delete everything in the cache.")
@debug_option
def cache_command(clear):
    """List the decoded images and features in the cache, or clear it."""
    if clear:
        click.echo(f"Deleted {cache.clear() / 1e6:,.1f} MB under {cache.cache_folder()}.")
        return
    lines = cache.entries()
    listing = table("what", "samples", "MB", "last used", numbers=("samples", "MB"))
    for line in lines:
        used = datetime.datetime.fromtimestamp(line.last_used).strftime("%Y-%m-%d %H:%M")
        listing.add_row(line.settings, f"{line.samples:,}", f"{line.bytes / 1e6:,.1f}", used)
    if lines:
        console().print(listing)
    total = sum(line.bytes for line in lines) / 1e9
    click.echo(f"{cache.cache_folder()}: {total:.2f} of {cache.limit() / 1e9:g} GB")


def _progress_bar(files, total: int):
    return track(files, "Reading", total, console=Console(stderr=True), transient=True)


def _print(report: inspection.Inspection) -> None:
    terminal, counts = console(), report.counts()
    splits = sorted({split for row in counts.values() for split in row})
    listing = table("class", *splits, numbers=tuple(splits))
    for name, row in counts.items():
        listing.add_row(name, *(f"{row.get(split, 0):,}" for split in splits))
    terminal.print(listing)
    if report.pictures:
        sizes = table("", "least", "median", "greatest", numbers=("least", "median", "greatest"))
        for name, *values in page.size_rows(report):
            sizes.add_row(name, *values)
        terminal.print(sizes)
    for title, files in report.wrong.items():
        click.echo(f"{page.capitalized(title)}: {len(files):,}")
        for name, detail in list(files.items())[:MOST_LISTED]:
            click.echo(f"  {name}: {detail}")
        if len(files) > MOST_LISTED:
            click.echo(f"  and {len(files) - MOST_LISTED:,} more")
    for title, files in report.notes.items():
        click.echo(f"{page.capitalized(title)}: {len(files):,}")
    for path, reason in list(report.ignored.items())[:MOST_LISTED]:
        click.echo(f"  {display(path)} {reason}")
    click.echo(_drawn(splits))
    if not report.wrong:
        click.echo("Nothing is wrong.")


def _drawn(splits: list[str]) -> str:
    """Return which splits a run takes from the training files."""
    drawn = [name for name in ("validation", "test") if name not in splits]
    if not drawn:
        return "The splits are the files' own."
    fraction = inspect.signature(data.folder).parameters["test"].default
    return f"A run takes from the training files {fraction:.0%} of every class for {' and '.join(drawn)}."


def _fix(report: inspection.Inspection) -> dict[str, str]:
    """Move bad files to the quarantine; return those that cannot be moved, with the reason."""
    moved, not_moved = quarantine.move_out(report.root, report.bad)
    if moved:
        folder = quarantine.quarantine_folder(report.root)
        click.echo(f"Moved {len(moved):,} files to {folder}; --undo moves them back.")
    for path, reason in not_moved.items():
        click.echo(f"  {display(path)} stays: it {reason}")
    return not_moved


def _undo(path: Path) -> None:
    moved, not_moved = quarantine.move_back(path.parent if path.is_file() else path)
    click.echo(f"Moved {len(moved):,} files back.")
    for name, reason in not_moved.items():
        click.echo(f"  {display(name)} stays: it {reason}")
    if not_moved:
        sys.exit(1)
