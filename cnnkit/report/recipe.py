"""Sections on how a run was made: settings, network, filters, machine.

`files` holds the run folder's files by name, such as `files["experiment"]`; {} if one is missing.
"""

import inspect
import shlex
from collections.abc import Mapping

import keras
import numpy as np

from cnnkit import plots
from cnnkit.report.contents import Contents
from cnnkit.report.layers import layers, named
from cnnkit.report.markup import (
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
MAX_COUNTS = 20  # if there are more classes, only the smallest and the largest count are shown
PARTS = ("optimizer", "loss", "augment")
ALWAYS = ("learning_rate",)  # shown even where it is the default
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
    for name in PARTS:
        rows[name] = describe(recipe.get(name), defaults=False)
    rows |= {name: recipe.get(name) for name in ("epochs", "batch_size", "seed")}
    unchanged = _unchanged_settings(recipe)
    for name, value in recipe.get("settings", {}).items():
        if name not in unchanged and rows.get(name) in (None, ""):  # a part says more than its name
            rows[name] = str(value)
    return section(
        "Recipe",
        facts(rows),
        _defaults(recipe, unchanged),
        _phases(files.get("phases", {})),
        layers(model) if model else "",
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


def making(run: Run, contents: Contents) -> str:
    """Return the section on the machine, and on the commands that show more of the run.

    Args:
        run: The run.
        contents: What the report shows.

    Returns:
        HTML.
    """
    files, seconds = contents.files, contents.seconds
    ran, status = files["environment"], files["status"]
    git = ran.get("git")
    rows = {
        "run folder": run.folder,
        "command": files["experiment"].get("command"),
        "started": status.get("started"),
        "training": None if seconds is None else duration(seconds),
        "backend": ran.get("backend"),
        "devices": ", ".join(ran.get("devices", ())),
        "cores": ran.get("cores"),
        "precision": ran.get("precision"),
        "platform": ran.get("platform"),
        "processor": ran.get("processor"),
        "versions": ", ".join(f"{name} {number}" for name, number in ran.get("versions", {}).items()),
        "git": f"{git['commit'][:12]}{'' if git['clean'] else ', with changes'}" if git else None,
        "data hash": files["dataset"].get("content_hash"),
    }  # fmt: skip
    runs_dir, folder = (shlex.quote(str(path)) for path in (run.folder.parents[1], run.folder))
    commands = f"cnnkit tensorboard --runs-dir {runs_dir}\ncnnkit show {folder}"
    return section(
        "How it was made",
        facts(rows),
        _use(run, files["dataset"]),
        f"<h3>See more of it</h3>\n<pre><code>{escape(commands)}</code></pre>",
    )


def describe(thing, *, defaults: bool = True) -> str | None:
    """Return an object that Keras has serialised as one would write it in Python.

    Args:
        thing: A serialised object, a name, or None.
        defaults: Whether arguments that have Keras' own defaults are written, too.

    Returns:
        One line of code; None for None.

    >>> describe({"class_name": "Adam", "config": {"name": "adam", "learning_rate": 0.001}})
    'Adam(learning_rate=0.001)'
    """
    if thing is None or not isinstance(thing, Mapping) or "class_name" not in thing:
        return None if thing is None else _plain(thing)
    config = thing.get("config")
    if not isinstance(config, Mapping):  # a function of the user's own
        return str(config or thing["class_name"])
    if "layers" in config:
        return ", then ".join(str(describe(layer, defaults=defaults)) for layer in config["layers"])
    usual = {} if defaults else _usual(thing)
    arguments = {
        name: describe(value, defaults=defaults)
        for name, value in config.items()
        if value is not None and value is not False and name not in OMITTED
        and (name in ALWAYS or name not in usual or value != usual[name])
    }  # fmt: skip
    return f"{thing['class_name']}({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def _plain(value) -> str:
    """Return a value in as few digits as its float32 needs, in which Keras stores many numbers."""
    if isinstance(value, float) and float(np.float32(value)) == value:
        return str(np.float32(value))
    return str(value)


def _usual(thing: Mapping) -> dict[str, object]:
    """Return the defaults of the class of a serialised object by name; {} if it is not Keras' own."""
    parts = str(thing.get("module")).split(".")
    if len(parts) != 2 or parts[0] != "keras":
        return {}
    found = getattr(getattr(keras, parts[1], None), thing["class_name"], None)
    if not inspect.isclass(found):
        return {}
    parameters = inspect.signature(found).parameters
    return {
        name: each.default for name, each in parameters.items() if each.default is not each.empty
    }


def _unchanged_settings(recipe: dict) -> dict[str, object]:
    """Return the settings at their defaults; of older runs, which do not name them, those of None."""
    settings, unchanged = recipe.get("settings", {}), recipe.get("unchanged_settings")
    if unchanged is None:
        return {name: value for name, value in settings.items() if value is None}
    return {name: settings[name] for name in unchanged if name in settings}


def _defaults(recipe: dict, unchanged: dict[str, object]) -> str:
    """Return the settings at their defaults, and parts with all their arguments, folded."""
    rows: dict[str, object] = {name: str(value) for name, value in unchanged.items()}
    for name in PARTS:
        whole = describe(recipe.get(name))
        if whole is not None and whole != describe(recipe.get(name), defaults=False):
            rows[f"{name} in full"] = whole
    return folded("Defaults", facts(rows)) if rows else ""


def _use(run: Run, data: dict) -> str:
    """Return the lines of Python that load the model and use it; "" without a model."""
    if not data.get("image_shape") or not (run.folder / "model.keras").exists():
        return ""
    shape = (1, *(size or 64 for size in data["image_shape"]))  # any size: one that most nets take
    low, high = data.get("value_range") or (0, 255)
    lines = (
        "import cnnkit, numpy",
        f"inputs = numpy.zeros({shape})  # put yours here, values from {low:g} to {high:g}",
        f"outputs = cnnkit.Run({str(run.folder)!r}).model.predict(inputs)  # a row an input",
    )
    code = escape("\n".join(lines))
    return f'<h3>Use it in Python</h3>\n<pre class="python"><code>{code}</code></pre>'


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
            named(phase["trained_layers"]),
            f"{phase['trained_parameters']:,} of {phase['parameters']:,}",
        )
        for phase in files.get("phases", ())
    ]
    headings = ("phase", "layers that train", "parameters that train")
    return table("The phases of training, in order.", headings, rows, text=2) if rows else ""
