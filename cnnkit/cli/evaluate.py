"""`cnnkit evaluate RUN...`: what trained models are worth on labelled samples."""

import json
from pathlib import Path

import click

from cnnkit import deploy, report
from cnnkit.atomic import as_read
from cnnkit.cli.datasets import complete_dataset
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table
from cnnkit.cli.predict import complete_model
from cnnkit.cli.run_inputs import SPLITS
from cnnkit.cli.runs import runs_dir_option
from cnnkit.cli.trust import trust_option
from cnnkit.errors import SettingError
from cnnkit.keras_import import import_keras
from cnnkit.runs.trusting import is_trusting

CLASS_MEASURES = ("recall", "precision", "f1", "roc_area", "average_precision")


@click.command("evaluate", cls=OneSentence)
@click.argument(
    "models", metavar="MODEL...", nargs=-1, required=True, shell_complete=complete_model
)
@click.option(
    "--dataset", shell_complete=complete_dataset,
    help="A data set's name, a folder or a table.  [default: the run's own]",
)  # fmt: skip
@click.option(
    "--split", type=click.Choice(SPLITS), default="test", show_default=True,
    help="Which samples; all, of a folder or table without splits.",
)  # fmt: skip
@click.option(
    "--views", is_flag=True,
    help="Average over each picture, its mirror image, and both shifted by a sixteenth.",
)  # fmt: skip
@click.option("--skip-bad", is_flag=True, help="Leave out files that cannot be read.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path),
    help="Write JSON, pictures and a page to this folder.",
)  # fmt: skip
@click.option(
    "--resamples", default=1000, show_default=True, type=click.IntRange(1),
    help="How often the bootstrap draws.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="What the bootstrap draws from.")
@runs_dir_option
@trust_option
@debug_option
def command(models, as_json, output, runs_dir, **options):
    """Measure trained models on labelled samples; each number has its 95 % interval.

    MODEL is a run (its folder, the start of its name, or "latest"), a .keras file, or a pretrained
    network. Several give one table. Files become inputs as those of the run's training did, and
    classes are matched by name.
    """
    sources = [deploy.find_source(model, runs_dir) for model in models]
    import_keras()  # quietly, before the models import it
    found = []
    for model, source in zip(models, sources, strict=True):
        each = deploy.evaluate(source, trust=is_trusting(), **options)
        found.append(each)
        for line in each.notes():
            click.echo(f"{each.model}: {line}", err=True)
        if output is not None:
            folder = output if len(models) == 1 else output / _folder(model)
            for path in report.write_evaluation(each, folder):
                click.echo(f"Written  {path}", err=True)
    if as_json:
        contents = [as_read(each.as_json()) for each in found]
        click.echo(json.dumps(contents if len(contents) > 1 else contents[0], indent=2))
    elif len(found) == 1:
        _print_one(found[0])
    else:
        _print_several(found)


def _print_one(evaluated) -> None:
    click.echo(
        f"{evaluated.model} on {evaluated.measures.samples:,} samples of {evaluated.data} "
        f"({evaluated.split})"
    )
    listing = table("measure", "value", "95 % interval", "by", numbers=("value", "95 % interval"))
    for name, each in evaluated.measures.overall.items():
        listing.add_row(name.replace("_", " "), *_plain(name, each), each.method)
    console().print(listing)
    headings = ["class", "samples", *(name.replace("_", " ") for name in CLASS_MEASURES)]
    listing = table(*headings, numbers=tuple(headings[1:]))
    rows = sorted(
        evaluated.measures.classes,
        key=lambda row: (not row.support, row.measures["recall"].value or 0),
    )
    for row in rows:
        cells = [" ".join(_plain(name, row.measures[name], 1)) for name in CLASS_MEASURES]
        listing.add_row(row.name, f"{row.support:,}", *cells)
    console().print(listing)


def _print_several(found: list) -> None:
    names = list(dict.fromkeys(name for each in found for name in each.measures.overall))
    listing = table("model", "data", "samples", *(name.replace("_", " ") for name in names),
                    numbers=("samples",))  # fmt: skip
    for each in found:
        cells = []
        for name in names:
            measure = each.measures.overall.get(name)
            cells.append("" if measure is None else "\n".join(_plain(name, measure)))
        listing.add_row(
            each.model, f"{each.data} ({each.split})", f"{each.measures.samples:,}", *cells
        )
    console().print(listing)


def _plain(name: str, measure, digits: int = 2) -> tuple[str, str]:
    """Return a measure and its interval in words; "" for what is not known."""
    form = ".4f" if name == "loss" else f".{digits}%"
    value = "" if measure.value is None else f"{measure.value:{form}}"
    ends = measure.interval
    return value, "" if ends is None else f"{ends[0]:{form}} to {ends[1]:{form}}".replace(
        "% to", " to"
    )


def _folder(model: str) -> str:
    name = model.strip("/").replace("/", "-").lstrip(".")
    if not name:
        raise SettingError(f"{model!r} gives no name for a folder of results.")
    return name
