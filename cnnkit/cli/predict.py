"""`cnnkit predict`: what a run, a model file or a pretrained network says of files."""

from pathlib import Path

import click

from cnnkit import deploy, transfer
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import writing
from cnnkit.cli.prediction import Wishes, predict_files
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.trust import trust_option
from cnnkit.errors import SettingError
from cnnkit.keras_import import import_keras
from cnnkit.runs.trusting import is_trusting

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


def complete_model(ctx, param, incomplete):
    """Complete the name of a run or a pretrained network, for the shell."""
    backbones = [name for name in transfer.names() if name.startswith(incomplete)]
    return [
        *complete_run(ctx, param, incomplete),
        *map(click.shell_completion.CompletionItem, backbones),
    ]


@click.command("predict", cls=OneSentence)
@click.argument("model", shell_complete=complete_model)
@click.argument(
    "paths", metavar="PATH|-...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--format", "form", type=click.Choice(["table", "jsonl", "csv", "parquet"]),
    help="How to write the answers.  [default: as --output ends, else table]",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="Write the answers to this file.  [default: standard output]",
)  # fmt: skip
@click.option(
    "--top", default=1, show_default=True, type=click.IntRange(1),
    help="List so many of the most probable classes.",
)  # fmt: skip
@click.option(
    "--threshold", type=click.FloatRange(0, 1),
    help="Name no class that is less probable.  [default: 0.5 where a file may have several]",
)  # fmt: skip
@click.option(
    "--copy-to", type=click.Path(file_okay=False, path_type=Path),
    help="Copy each file to this folder, into a folder named like its label.",
)  # fmt: skip
@click.option(
    "--unsure", metavar="N", type=click.IntRange(1),
    help="List only the N files that the model is least sure of, the worst first.",
)  # fmt: skip
@click.option(
    "--classes", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Names for the classes, a line each, for a model file that brings none.",
)  # fmt: skip
@click.option(
    "--weights", default="imagenet", show_default=True,
    help="A pretrained network's weights: imagenet, none, or a file.",
)  # fmt: skip
@click.option(
    "--batch-size", default=32, show_default=True, type=click.IntRange(1),
    help="How many files are computed together.",
)  # fmt: skip
@runs_dir_option
@trust_option
@debug_option
def command(model, paths, form, output, classes, weights, batch_size, runs_dir, **wishes):
    """Print the label of each picture, sound or text, with its probability.

    MODEL is a run (its folder, the start of its name, or "latest"), a .keras file, or a pretrained
    network that `cnnkit backbones` lists. PATH is a file or a folder; - reads names of files from
    standard input, a line each, or the content of one file. For a model of texts, - reads a text a
    line.

    Files that cannot be read are named, and the exit status is then 1.
    """
    form = form or FORMATS.get(output.suffix.lower() if output else "", "table")
    if form == "parquet" and output is None:
        raise SettingError("Parquet is no text for a terminal: name a file with --output.")
    source = deploy.find_source(model, runs_dir)  # a misspelt name must not wait for Keras
    import_keras()  # quietly, before the model imports it
    names = classes and _lines(classes)
    trained = deploy.open_trained_model(
        source, trust=is_trusting(), weights=weights, class_names=names
    )
    predict_files(trained, paths, Wishes(form, output, batch_size=batch_size, **wishes))


def _lines(path: Path) -> list[str]:
    with writing(path):
        return path.read_text(encoding="utf-8-sig").splitlines()
