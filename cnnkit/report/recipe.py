"""Sections on how a run was made: settings, network, curves, filters, machine.

`files` holds the run folder's files by name, such as `files["experiment"]`; {} if one is missing.
"""

import shlex
from collections.abc import Mapping

import numpy as np
from matplotlib import style

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

MAX_KERNELS = 64
MAX_NAMED_LAYERS = 6  # if a phase trains more, only the first and the last are named
MAX_COUNTS = 20  # if there are more classes, only the smallest and the largest count are shown
PANEL_SIZE = (3.6, 2.5)  # inches at which letters can be read on a phone
OMITTED = ("name", "trainable", "dtype", "data_format", "ema_momentum", "interpolation")


def recipe(files: dict) -> str:
    """Return the section on what was trained on what.

    Args:
        files: The run folder's files by name.

    Returns:
        HTML.
    """
    recipe, data, model = files["experiment"], files["dataset"], files["experiment"].get("model")
    rows = {"data": _data(data), "source": data.get("source"), "trained on": _balance(data)}
    if model:
        rows["network"] = f"{model['name']}, {model['parameters']:,} parameters"
    for name in ("optimizer", "loss", "augment"):
        rows[name] = describe(recipe.get(name))
    rows |= {name: recipe.get(name) for name in ("epochs", "batch_size", "seed")}
    rows |= {name: str(value) for name, value in recipe.get("settings", {}).items()}
    layers = _layers(model) if model else ""
    return section("Recipe", facts(rows), _phases(files.get("phases", {})), layers)


def curves(history: dict[str, list[float]]) -> str:
    """Return the section with every metric by epoch, drawn and as numbers.

    Args:
        history: A list of numbers a metric, one an epoch.

    Returns:
        HTML; "" without epochs.
    """
    names = plots.metric_names(history)
    if not names:
        return ""
    drawings = ""
    with style.context("default"):  # a notebook's dark style would be white ink on white paper
        for index, name in enumerate(names):
            lines = {key: history[key] for key in (name, f"val_{name}") if key in history}
            ends = ", ".join(f"{key} {values[-1]:.4g}" for key, values in lines.items())
            figure = plots.learning_curves({name: history.get(name, []), **lines})
            figure.set_size_inches(PANEL_SIZE)
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
    """Return the section with the filters of the first convolution.

    Args:
        kernels: Its kernel, shape (height, width, in, out), or None.

    Returns:
        HTML; "" without a kernel.
    """
    if kernels is None:
        return ""
    height, width, depth, count = np.shape(kernels)
    shown = plots.to_uint8(plots.kernel_images(np.asarray(kernels)[..., :MAX_KERNELS]))
    items = "".join(
        f"<li>{picture(tile, f'Filter {index} of the first layer')}</li>\n"
        for index, tile in enumerate(shown, start=1)
    )
    note = f"{count} filters of {height} × {width}; mid-grey is zero, all on one scale"
    note += "" if depth in (1, 3) else f", the mean over {depth} channels"
    note += f"; the first {MAX_KERNELS} are shown" if count > MAX_KERNELS else ""
    return section(
        "First-layer filters",
        f'<p class="soft">{note}.</p>\n<ul class="pictures kernels">\n{items}</ul>',
    )


def making(run: Run, files: dict) -> str:
    """Return the section on the machine, and on the commands that show more of the run.

    Args:
        run: The run.
        files: The run folder's files by name.

    Returns:
        HTML.
    """
    ran, status, timing = files["environment"], files["status"], files["results"].get("timing", {})
    git = ran.get("git")
    rows = {
        "run folder": run.folder,
        "command": files["experiment"].get("command"),
        "started": status.get("started"),
        "training": duration(timing["training_seconds"]) if timing else None,
        "backend": ran.get("backend"),
        "devices": ", ".join(ran.get("devices", ())),
        "cores": ran.get("cores"),
        "precision": ran.get("precision"),
        "platform": ran.get("platform"),
        "versions": ", ".join(f"{name} {number}" for name, number in ran.get("versions", {}).items()),
        "git": f"{git['commit'][:12]}{'' if git['clean'] else ', with changes'}" if git else None,
        "data hash": files["dataset"].get("content_hash"),
    }  # fmt: skip
    runs_dir, folder = (shlex.quote(str(path)) for path in (run.folder.parents[1], run.folder))
    commands = f"cnnkit tensorboard --runs-dir {runs_dir}\ncnnkit show {folder}"
    return section(
        "How it was made",
        facts(rows),
        f"<h3>See more of it</h3>\n<pre><code>{escape(commands)}</code></pre>",
    )


def describe(thing) -> str | None:
    """Return an object that Keras has serialised as one would write it in Python.

    Args:
        thing: A serialised object, a name, or None.

    Returns:
        One line of code; None for None.

    >>> describe({"class_name": "Adam", "config": {"name": "adam", "learning_rate": 0.001}})
    'Adam(learning_rate=0.001)'
    """
    if thing is None or not isinstance(thing, Mapping) or "class_name" not in thing:
        return None if thing is None else str(thing)
    config = thing.get("config")
    if not isinstance(config, Mapping):  # a function of the user's own
        return str(config or thing["class_name"])
    if "layers" in config:
        return ", then ".join(str(describe(layer)) for layer in config["layers"])
    arguments = {
        name: describe(value)
        for name, value in config.items()
        if value is not None and value is not False and name not in OMITTED
    }
    return f"{thing['class_name']}({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def _balance(data: dict) -> str | None:
    """Return how many training samples each class has, after all balancing."""
    if not data:
        return None
    counts = dict(zip(data["class_names"], data["counts"]["train"], strict=True))
    if len(counts) > MAX_COUNTS:
        return f"{min(counts.values()):,} to {max(counts.values()):,} samples of each class"
    return ", ".join(f"{number:,} of {name}" for name, number in counts.items())


def _data(data: dict) -> str | None:
    if not data:
        return None
    sizes = ", ".join(f"{number:,} {split}" for split, number in samples_per_split(data).items())
    if not data["class_names"]:  # the data of `cnnkit.fit` may be of no classes
        return f"{data['name']}: {sizes}" if sizes else data["name"]
    shape = " × ".join(map(str, data["image_shape"]))
    return f"{data['name']}: {len(data['class_names'])} classes, {shape}; {sizes}"


def _phases(files: dict) -> str:
    """Return what trained in each phase, where there were several."""
    rows = [
        (
            phase["phase"],
            _named(phase["trained_layers"]),
            f"{phase['trained_parameters']:,} of {phase['parameters']:,}",
        )
        for phase in files.get("phases", ())
    ]
    headings = ("phase", "layers that train", "parameters that train")
    return table("The phases of training, in order.", headings, rows, text=2) if rows else ""


def _named(layers: list[str]) -> str:
    if len(layers) <= MAX_NAMED_LAYERS:
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
