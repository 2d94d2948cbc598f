"""How a run was made: settings, network, curves, filters, machine; and how to see more of it.

`known` holds the run folder's files by name, such as known["experiment"], each {} if it is missing.
"""

import shlex
from collections.abc import Mapping

import numpy as np

from cnnkit import plots
from cnnkit.report.markup import (
    drawing,
    duration,
    escape,
    facts,
    folded,
    picture,
    section,
    table,
)
from cnnkit.runs.run import Run, samples_per_split

MOST_KERNELS = 64
MOST_LAYERS = 6  # that a phase trains, up to which each is named
MOST_COUNTS = 20  # classes up to which each has its number of training samples told
PANEL = (3.6, 2.5)  # inches at which letters can be read on a phone
UNSAID = ("name", "trainable", "dtype", "data_format", "ema_momentum", "interpolation")


def recipe(known: dict) -> str:
    """What was trained on what."""
    recipe, data, model = known["experiment"], known["dataset"], known["experiment"].get("model")
    rows = {"data": _data(data), "source": data.get("source"), "trained on": _balance(data)}
    if model:
        rows["network"] = f"{model['name']}, {model['parameters']:,} parameters"
    for name in ("optimizer", "loss", "augment"):
        rows[name] = describe(recipe.get(name))
    rows |= {name: recipe.get(name) for name in ("epochs", "batch_size", "seed")}
    rows |= {name: str(value) for name, value in recipe.get("settings", {}).items()}
    layers = _layers(model) if model else ""
    return section("Recipe", facts(rows), _phases(known.get("phases", {})), layers)


def curves(history: dict[str, list[float]]) -> str:
    """Every metric against the epoch, drawn and as numbers."""
    names = plots.metrics_of(history)
    if not names:
        return ""
    from matplotlib import style  # matplotlib takes a third of a second to import

    drawings = ""
    with style.context("default"):  # a notebook's dark style would be white ink on white paper
        for index, name in enumerate(names):
            lines = {key: history[key] for key in (name, f"val_{name}") if key in history}
            ends = ", ".join(f"{key} {values[-1]:.4g}" for key, values in lines.items())
            figure = plots.curves({name: history.get(name, []), **lines})
            figure.set_size_inches(PANEL)
            drawings += drawing(figure, f"c{index}", f"Curve by epoch; at the last: {ends}")
    columns = [name for name in history if name != "epoch"]
    rows = zip(*(history[name] for name in columns), strict=False)
    numbers = table(
        "A row an epoch.",
        ("epoch", *columns),
        [(epoch, *(f"{value:.4g}" for value in row)) for epoch, row in enumerate(rows, start=1)],
    )
    return section(
        "Curves", f'<div class="curves">{drawings}</div>', folded("The numbers", numbers)
    )


def filters(kernels: np.ndarray | None) -> str:
    """What the first layer looks for."""
    if kernels is None:
        return ""
    height, width, depth, count = np.shape(kernels)
    shown = plots.pixels(plots.tiles(np.asarray(kernels)[..., :MOST_KERNELS]))
    items = "".join(
        f"<li>{picture(tile, f'Filter {index} of the first layer')}</li>\n"
        for index, tile in enumerate(shown, start=1)
    )
    note = f"{count} filters of {height} × {width}; mid-grey is zero, all on one scale"
    note += "" if depth in (1, 3) else f", the mean over {depth} channels"
    note += f"; the first {MOST_KERNELS} are shown" if count > MOST_KERNELS else ""
    return section(
        "First-layer filters",
        f'<p class="soft">{note}.</p>\n<ul class="pictures kernels">\n{items}</ul>',
    )


def making(run: Run, known: dict) -> str:
    """What it ran on, and the commands that show more of it."""
    ran, status, timing = known["environment"], known["status"], known["results"].get("timing", {})
    git = ran.get("git")
    rows = {
        "run folder": run.folder,
        "command": known["experiment"].get("command"),
        "started": status.get("started"),
        "training": duration(timing["training_seconds"]) if timing else None,
        "backend": ran.get("backend"),
        "devices": ", ".join(ran.get("devices", ())),
        "cores": ran.get("cores"),
        "precision": ran.get("precision"),
        "platform": ran.get("platform"),
        "versions": ", ".join(f"{name} {number}" for name, number in ran.get("versions", {}).items()),
        "git": f"{git['commit'][:12]}{'' if git['clean'] else ', with changes'}" if git else None,
        "data hash": known["dataset"].get("content_hash"),
    }  # fmt: skip
    runs_dir, folder = (shlex.quote(str(path)) for path in (run.folder.parents[1], run.folder))
    commands = f"cnnkit tensorboard --runs-dir {runs_dir}\ncnnkit show {folder}"
    return section(
        "How it was made",
        facts(rows),
        f"<h3>See more of it</h3>\n<pre><code>{escape(commands)}</code></pre>",
    )


def describe(thing) -> str | None:
    """Return what Keras has serialised as one would write it; None where there is nothing.

    >>> describe({"class_name": "Adam", "config": {"name": "adam", "learning_rate": 0.001}})
    'Adam(learning_rate=0.001)'
    """
    if thing is None or not isinstance(thing, Mapping) or "class_name" not in thing:
        return None if thing is None else str(thing)
    config = thing.get("config")
    if not isinstance(config, Mapping):  # a function of the user's own
        return str(config or thing["class_name"])
    if "layers" in config:
        return ", then ".join(describe(layer) for layer in config["layers"])
    said = {
        name: describe(value)
        for name, value in config.items()
        if value is not None and value is not False and name not in UNSAID
    }
    return f"{thing['class_name']}({', '.join(f'{name}={said[name]}' for name in said)})"


def _balance(data: dict) -> str | None:
    """Return how many training samples each class has, after all balancing."""
    if not data:
        return None
    counts = dict(zip(data["class_names"], data["counts"]["train"], strict=True))
    if len(counts) > MOST_COUNTS:
        return f"{min(counts.values()):,} to {max(counts.values()):,} samples of each class"
    return ", ".join(f"{number:,} of {name}" for name, number in counts.items())


def _data(data: dict) -> str | None:
    if not data:
        return None
    sizes = ", ".join(f"{number:,} {split}" for split, number in samples_per_split(data).items())
    shape = " × ".join(map(str, data["image_shape"]))
    return f"{data['name']}: {len(data['class_names'])} classes, {shape}; {sizes}"


def _phases(known: dict) -> str:
    """Return what trained in each phase, where there were several."""
    rows = [
        (
            phase["phase"],
            _named(phase["trained_layers"]),
            f"{phase['trained_parameters']:,} of {phase['parameters']:,}",
        )
        for phase in known.get("phases", ())
    ]
    headings = ("phase", "layers that train", "parameters that train")
    return table("The phases of training, in order.", headings, rows, text=2) if rows else ""


def _named(layers: list[str]) -> str:
    if len(layers) <= MOST_LAYERS:
        return ", ".join(layers)
    return f"{len(layers)}, from {layers[0]} to {layers[-1]}"


def _layers(model: dict) -> str:
    rows = [
        (layer["name"], layer["kind"], _shape(layer["output_shape"]), f"{layer['parameters']:,}")
        for layer in model["layers"]
    ]
    headings = ("layer", "kind", "output", "parameters")
    return folded(f"The network's {len(rows)} layers", table("In order.", headings, rows, text=3))


def _shape(shape: list) -> str:
    return " × ".join("any" if size is None else str(size) for size in shape[1:])
