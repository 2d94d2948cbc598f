"""`cnnkit data`: images inspected and shown, and the cache of what is computed once."""

import datetime
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from cnnkit import data
from cnnkit.cli.completion import completing
from cnnkit.cli.datasets import complete_dataset, dataset_options
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.screen import console, table
from cnnkit.errors import SettingError
from cnnkit.keras_import import import_keras

SHOWN = 20  # files named on the screen for each thing that is wrong; the page names all


class Group(OneSentence, click.Group):
    """A group whose mistakes are one sentence each."""


@click.group(cls=Group)
@debug_option
def command():
    """Inspect and show images, and list or clear the cache."""


@command.command("inspect", cls=OneSentence)
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=Path(),
    help="Where NAME-inspection.html and .csv are written.  [default: this folder]",
)  # fmt: skip
@click.option("--fix", is_flag=True, help="Move files that cannot be read to PATH-quarantine.")
@click.option("--undo", is_flag=True, help="Move them back, and do nothing else.")
@debug_option
def inspect_command(path, output, fix, undo):
    """Read every image of a folder or table, and say what is wrong.

    Exit status: 0 where nothing is wrong, 1 where something is, 2 where there is nothing to read.
    """
    from cnnkit.data.inspection import inspection as inspections, page

    screen = console()
    if undo:
        _undo(path)
        return
    found = inspections.inspect(path, _bar)
    name = path.resolve().stem if path.is_file() else path.resolve().name
    html, rows = (output / f"{name}-inspection.{ending}" for ending in ("html", "csv"))
    try:
        output.mkdir(parents=True, exist_ok=True)
        page.write_page(found, html)
        found.write_csv(rows)
    except OSError as error:
        raise SettingError(f"{output} cannot be written: {error.strerror}.") from error
    _print(screen, found)
    wrong = dict(found.wrong)
    if fix and found.bad:
        left = _fix(found)
        wrong.pop("cannot be read")
        wrong |= {"cannot be moved": left} if left else {}
    click.echo(f"Page   {html}\nTable  {rows}")
    sys.exit(1 if wrong else 0)


@command.command("show", cls=OneSentence)
@click.argument("dataset", shell_complete=complete_dataset)
@dataset_options
@click.option(
    "--augment", metavar="NAME", shell_complete=completing(data.augmentations),
    help="Show variants by: " + ", ".join(data.augmentations()) + ".",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default=None,
    help="The picture.  [default: DATASET.png]",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Chooses the images.")
@debug_option
def show_command(dataset, options, augment, output, seed):
    """Write a picture of training samples, and the mean image a class; print the class balance.

    With --augment the picture shows images, each before its variants, instead.
    """
    from cnnkit import plots
    from cnnkit.plots.preview import expect_images, mean_images

    loaded = data.load(dataset, **options)
    counts = loaded.counts()
    listing = table("class", *counts, numbers=tuple(counts))
    for name, *numbers in zip(loaded.class_names, *counts.values(), strict=True):
        listing.add_row(name, *(f"{number:,}" for number in numbers))
    console().print(listing, markup=False)
    output = output or Path(f"{loaded.name}.png")
    if augment:
        expect_images(loaded)
        import_keras()
    pictures = {output: plots.preview(loaded, augment=augment, seed=seed)}
    if not augment and len(loaded.image_shape) == 3:
        mean = output.with_name(f"{output.stem}-mean{output.suffix}")
        pictures[mean] = plots.image_grid(*mean_images(loaded, seed=seed))
    for path, figure in pictures.items():
        try:
            path.write_bytes(plots.png(figure))
        except OSError as error:
            raise SettingError(f"{path} cannot be written: {error.strerror}.") from error
        click.echo(f"Wrote {path}")


@command.command("cache", cls=OneSentence)
@click.option("--clear", is_flag=True, help="Delete what it holds.")
@debug_option
def cache_command(clear):
    """List what the cache of decoded images and of features holds, or clear it."""
    from cnnkit.data import cache

    if clear:
        click.echo(f"Deleted {cache.clear() / 1e6:,.1f} MB under {cache.cache_folder()}.")
        return
    lines = cache.kept()
    listing = table("what", "samples", "MB", "last used", numbers=("samples", "MB"))
    for line in lines:
        used = datetime.datetime.fromtimestamp(line.used).strftime("%Y-%m-%d %H:%M")
        listing.add_row(line.settings, f"{line.samples:,}", f"{line.bytes / 1e6:,.1f}", used)
    if lines:
        console().print(listing)
    total = sum(line.bytes for line in lines) / 1e9
    click.echo(f"{cache.cache_folder()}: {total:.2f} of {cache.limit() / 1e9:g} GB")


def _bar(found, total: int):
    return track(found, "Reading", total, console=Console(stderr=True), transient=True)


def _print(screen: Console, found) -> None:
    from cnnkit.data.inspection.page import capitalized, size_rows

    counts = found.counts()
    splits = sorted({split for row in counts.values() for split in row})
    listing = table("class", *splits, numbers=tuple(splits))
    for name, row in counts.items():
        listing.add_row(name, *(f"{row.get(split, 0):,}" for split in splits))
    screen.print(listing, markup=False)
    if found.pictures:
        sizes = table("", "least", "median", "greatest", numbers=("least", "median", "greatest"))
        for name, *values in size_rows(found):
            sizes.add_row(name, *values)
        screen.print(sizes)
    for title, files in found.wrong.items():
        click.echo(f"{capitalized(title)}: {len(files):,}")
        for name, detail in list(files.items())[:SHOWN]:
            click.echo(f"  {name}: {detail}")
        if len(files) > SHOWN:
            click.echo(f"  and {len(files) - SHOWN:,} more")
    for title, files in found.notes.items():
        click.echo(f"{capitalized(title)}: {len(files):,}")
    if not found.wrong:
        click.echo("Nothing is wrong.")


def _fix(found) -> dict[str, str]:
    """Move bad files to the quarantine; returns those that stay, with why."""
    from cnnkit.data.images.decode import display
    from cnnkit.data.inspection import quarantine

    moved, kept = quarantine.move_out(found.root, found.bad)
    folder = quarantine.quarantine_folder(found.root)
    click.echo(f"Moved {len(moved):,} files to {folder}; --undo moves them back.")
    for path, reason in kept.items():
        click.echo(f"  {display(path)} stays: it {reason}")
    return kept


def _undo(path: Path) -> None:
    from cnnkit.data.images.decode import display
    from cnnkit.data.inspection import quarantine

    moved, kept = quarantine.move_back(path.parent if path.is_file() else path)
    click.echo(f"Moved {len(moved):,} files back.")
    for name, reason in kept.items():
        click.echo(f"  {display(name)} stays: it {reason}")
    if kept:
        sys.exit(1)
