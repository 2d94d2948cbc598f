"""`cnnkit export RUN`: write a trained model for another runtime, and check it there."""

from pathlib import Path

import click

from cnnkit import deploy
from cnnkit.cli.datasets import complete_dataset, dataset_options
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table, writing
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.trust import trust_option
from cnnkit.deploy.formats.catalogue import FORMATS, PRECISIONS, format_named
from cnnkit.deploy.sources import find_source
from cnnkit.errors import SettingError
from cnnkit.keras_import import import_keras
from cnnkit.runs.trusting import is_trusting

SERVING = "serving"
NUMBERS = ("size", "one picture", "pictures/s", "accuracy")


@click.command(cls=OneSentence)
@click.argument("source", metavar="RUN|FILE.keras|BACKBONE", shell_complete=complete_run)
@click.option(
    "--format", "formats", multiple=True, required=True,
    type=click.Choice([name for name in FORMATS if name != SERVING]),
    help="What to export to; may be repeated.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True,
    help="Of the weights. int8 is calibrated on training samples.",
)  # fmt: skip
@click.option(
    "--serving", is_flag=True,
    help="With --format savedmodel, a folder for TensorFlow Serving, which takes picture files.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path),
    help="The folder; each export is a folder in it.  [default: exports/NAME]",
)  # fmt: skip
@click.option(
    "--dataset", shell_complete=complete_dataset,
    help="A data set's name, or a folder, to check the export on.  [default: the run's]",
)  # fmt: skip
@dataset_options
@click.option(
    "--samples", default=1000, show_default=True, type=click.IntRange(1),
    help="How many test samples to check on, at most.",
)  # fmt: skip
@click.option(
    "--max-drop", type=click.FloatRange(0, 100), metavar="POINTS",
    help="By how many points of 100 the accuracy may fall.  [default: 0.1 in float32, 0.5 in float16, 2 in int8]",
)  # fmt: skip
@click.option(
    "--weights", default="imagenet", show_default=True,
    help="A pretrained network's weights: imagenet, none, or a file.",
)  # fmt: skip
@runs_dir_option
@trust_option
@debug_option
def command(
    source, formats, precision, serving, output, dataset, options, samples, max_drop, weights,
    runs_dir,
):  # fmt: skip
    """Write a trained model for another runtime, and open it there on real samples.

    An export whose answers differ from the model's is refused. predict.py beside each export shows
    its use.
    """
    if serving and "savedmodel" not in formats:
        raise SettingError("--serving needs --format savedmodel, which TensorFlow Serving reads.")
    if options and dataset is None:
        raise SettingError("--dataset-option needs a --dataset; a run's own data are as they were.")
    formats = [SERVING if serving and name == "savedmodel" else name for name in formats]
    for name in formats:  # a missing package must not wait for Keras
        format_named(name).check(precision)
    found = find_source(source, runs_dir)
    import_keras()  # quietly, before the model imports it
    with writing(output or Path("exports")):
        rows = deploy.export(
            found, formats, precision=precision, output=output, dataset=dataset,
            dataset_options=options, samples=samples, runs_dir=runs_dir, trust=is_trusting(),
            weights=weights,
            max_drop=None if max_drop is None else max_drop / 100,
        )  # fmt: skip
    _print(rows)


def _print(rows) -> None:
    listing = table("format", *NUMBERS, "95 % interval", "differs by", numbers=NUMBERS)
    for row in rows:
        name = row.format if row.precision == "float32" else f"{row.format} {row.precision}"
        ends = row.interval and f"{row.interval[0]:.2%} to {row.interval[1]:.2%}"
        listing.add_row(
            name, f"{row.size / 1e6:,.2f} MB", f"{1000 * row.speed.latency:,.3g} ms",
            f"{row.speed.per_second:,.0f}", "" if row.score is None else f"{row.score:.2%}",
            ends or "", "" if row.agreement is None else f"{row.agreement.largest:.1g}",
        )  # fmt: skip
    console().print(listing)
    click.echo(f"Checked on {rows[0].samples}; what it differs by is the most of any probability.")
    for row in rows[1:]:
        click.echo(f"Export     {row.folder}")
