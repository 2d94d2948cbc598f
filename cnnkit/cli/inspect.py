"""`cnnkit inspect`: what a model file, a file of weights or a run folder holds."""

import dataclasses
import json
from pathlib import Path

import click

from cnnkit import model_files
from cnnkit.atomic import as_read
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, plain, print_table, table
from cnnkit.errors import RunFolderError
from cnnkit.keras_import import import_keras
from cnnkit.runs import ModelDescription, Run, checksums
from cnnkit.runs.listing import MARKS
from cnnkit.runs.model_description import description_of, parse_description
from cnnkit.runs.saved_model import NAME

MOST_NAMES = 20  # class names in a line; --json has all
SHOWN_OF_RECIPE = ("experiment", "epochs", "batch_size", "seed", "command")


@click.command(cls=OneSentence)
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@debug_option
def command(path, as_json):
    """Show what a model file holds, without building any of it.

    FILE is a .keras file, weights in .h5 or .safetensors, or a run folder. It may be somebody
    else's: nothing in it is executed, and no array is read.
    """
    import_keras()  # quietly, before the inspection imports it
    warnings, description = [], None
    if path.is_dir() and any((path / mark).exists() for mark in MARKS):
        run = Run(path)
        description, path = description_of(run), path / NAME
        if not path.exists():
            raise RunFolderError(f"{run.folder} has no {NAME}: no epoch was finished.")
        if path.is_file() and checksums.has_changed(run.folder, NAME):
            warnings.append(f"{NAME} has changed since the run wrote it")
    facts = model_files.inspect(path)
    description = parse_description(path, facts.metadata) or description
    if as_json:
        click.echo(json.dumps(_as_json(path, facts, description, warnings), indent=2))
    else:
        _print(path, facts, description, warnings)


def _as_json(path: Path, facts, description: ModelDescription | None, warnings: list[str]) -> dict:
    content = dataclasses.asdict(facts) | {
        "path": path,
        "parameters": facts.parameters,
        "description": description and dataclasses.asdict(description),
        "warnings": warnings,
    }
    content["layers"] = [
        dataclasses.asdict(layer) | {"parameters": layer.parameters} for layer in facts.layers
    ]
    del content["metadata"]
    return as_read(content)


def _print(path: Path, facts, description: ModelDescription | None, warnings: list[str]) -> None:
    lines = {
        "File": f"{path}, {facts.kind}",
        "Written by": ", ".join(f"{name} {value}" for name, value in facts.versions.items()),
        "Size": f"{facts.file_bytes:,} bytes; arrays of {facts.array_bytes:,} bytes",
        "Parameters": f"{facts.parameters:,} in {len(facts.layers):,} layers",
        "Compiled": " and ".join(facts.compiled),
    } | (_described(description) if description else {})
    terminal = console()
    for title, value in lines.items():
        if value:
            terminal.print(plain(f"{title:14} {value}"))
    for warning in warnings:
        terminal.print(plain(f"Warning        {warning}."))
    if facts.custom_objects:
        listing = table("custom object", "to open the model")
        for name, reason in facts.custom_objects.items():
            listing.add_row(name, reason or "nothing more: it is cnnkit's, or registered here")
        terminal.print(listing)
    print_table(_table_of(facts.layers))


def _table_of(layers):
    of_weights = not any(layer.kind for layer in layers)
    columns = () if of_weights else ("kind", "input")
    listing = table("layer", *columns, "arrays", "parameters", numbers=("parameters",))
    for layer in layers:
        shape = "" if layer.input_shape is None else _shape(layer.input_shape[1:])
        cells = () if of_weights else (layer.kind, shape)
        arrays = ", ".join(_shape(shape) for shape in layer.arrays.values())
        listing.add_row(layer.path, *cells, arrays, f"{layer.parameters:,}")
    return listing


def _described(description: ModelDescription) -> dict[str, str]:
    dataset, names, recipe = description.dataset, description.class_names, description.recipe
    more = f", ... ({len(names)} in all)" if len(names) > MOST_NAMES else ""
    decoding = dict(dataset.get("decoding") or {})
    shown = {name: recipe.get(name) for name in SHOWN_OF_RECIPE}
    return {
        "Classes": ", ".join(names[:MOST_NAMES]) + more,
        "Task": (description.task or "").replace("_", " "),
        "Input": _shape(dataset.get("image_shape", ())) + _range(dataset.get("value_range")),
        "Decoding": _listed(decoding),
        "Data": f"{dataset.get('name', '')}  {description.data_hash or ''}".strip(),
        "Recipe": _listed(shown),
        "Settings": _listed(recipe.get("settings", {})),
    }


def _listed(values) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value not in (None, {}))


def _shape(shape) -> str:
    return " x ".join("any" if size is None else f"{size}" for size in shape) or "scalar"


def _range(values) -> str:
    return f", values from {values[0]:g} to {values[1]:g}" if values and len(values) == 2 else ""
