"""The report's sections: each a function from what a run knows to a piece of HTML."""

import base64
import html
import io
import shlex

import numpy as np
from PIL import Image

from cnnkit import plots
from cnnkit.runs import Evaluation, Run

WORST = 12  # mistakes shown
CONFUSIONS = 3  # pairs named in the headline
LARGEST_MATRIX = 20  # classes up to which the whole confusion matrix is a table
MOST_PAIRS = 25  # confusions listed beyond that
MOST_KERNELS = 64


def escape(text) -> str:
    """Return text as HTML shows it."""
    return html.escape(str(text), quote=True)


def headline(run: Run, evaluation: Evaluation) -> str:
    """How good, and where wrong."""
    recipe, test = run.experiment, evaluation.as_results()
    low, high = test["accuracy_interval"]
    pairs = _confused(evaluation)[:CONFUSIONS]
    named = "; ".join(
        f"{escape(true)} taken for {escape(guess)} ({count}×)" for true, guess, count in pairs
    )
    wrong = f"Most often: {named}." if pairs else "No mistake at all."
    return f"""<section class="headline">
<h1>{escape(recipe["experiment"])}</h1>
<p class="soft">{escape(recipe["description"])}</p>
<p class="number">{test["accuracy"]:.2%}</p>
<p class="soft">test accuracy, 95 % interval {low:.2%} to {high:.2%}</p>
<div class="answers">
<p>{test["correct"]:,} of {test["samples"]:,} test samples are classified rightly,
{test["samples"] - test["correct"]:,} wrongly. {wrong}</p>
</div>
</section>"""


def recipe(settings: dict, data: dict) -> str:
    """What was trained on what."""
    model, optimizer = settings["model"], settings["optimizer"]
    sizes = ", ".join(f"{sum(counts):,} {split}" for split, counts in data["counts"].items())
    rows = {
        "data": f"{data['name']}: {sizes}; {len(data['class_names'])} classes; {data['source']}",
        "inputs": " × ".join(map(str, data["image_shape"])),
        "network": f"{model['name']}, {model['parameters']:,} parameters",
        "optimizer": optimizer["class_name"],
        "epochs": settings["epochs"],
        "batch_size": settings["batch_size"],
        "seed": settings["seed"],
    } | settings["settings"]
    return _section("Recipe", _facts(rows))


def curves(history: dict[str, list[float]]) -> str:
    """Loss and accuracy against the epoch."""
    if not history:
        return ""
    drawings = ""
    for name in [name for name in history if f"val_{name}" in history]:
        pair = {key: history[key] for key in (name, f"val_{name}")}
        words = (
            f"{name} against the epoch; at the last one {pair[name][-1]:.4g} in training "
            f"and {pair[f'val_{name}'][-1]:.4g} in validation"
        )
        drawing = plots.svg(plots.curves(pair))
        drawings += drawing.replace("<svg", f'<svg role="img" aria-label="{escape(words)}"', 1)
    return _section("Curves", f'<div class="curves">{drawings}</div>')


def confusion(evaluation: Evaluation) -> str:
    """Which class is taken for which."""
    names = evaluation.class_names
    if len(names) > LARGEST_MATRIX:
        rows = _confused(evaluation)[:MOST_PAIRS]
        return _section(
            "Most frequent confusions", _table(("true", "predicted", "times"), rows, numbers=(2,))
        )
    matrix = evaluation.confusion_matrix
    rates = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = ""
    for row, name in enumerate(names):
        cells = "".join(
            _cell(int(matrix[row, column]), float(rates[row, column]), row != column)
            for column in range(len(names))
        )
        body += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>\n'
    caption = "A row is a true class, a column what the network said; test samples."
    return _section(
        "Confusion matrix",
        f'<div class="scroll" tabindex="0"><table class="matrix"><caption>{caption}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>",
    )


def mistakes(evaluation: Evaluation, images: np.ndarray | None) -> str:
    """The samples the network was wrong about with the most confidence."""
    worst = evaluation.worst_mistakes(WORST)
    if images is None or not len(worst):
        return ""
    items = ""
    for index in worst:
        guess, label = evaluation.predicted[index], evaluation.labels[index]
        guessed, true = escape(evaluation.class_names[guess]), escape(evaluation.class_names[label])
        sure = f"{evaluation.probabilities[index, guess]:.0%}"
        image = np.asarray(images[index])
        items += (
            f'<li><figure><img src="{_data(image)}" alt="test image {index}: {true}, '
            f'taken for {guessed} with {sure}"><figcaption><span class="guess">{guessed}</span> '
            f"{sure}, is {true}</figcaption></figure></li>\n"
        )
    return _section("Worst mistakes", f'<ul class="pictures">{items}</ul>')


def filters(kernels: np.ndarray | None) -> str:
    """What the first layer looks for."""
    if kernels is None:
        return ""
    kernels = np.asarray(kernels, np.float32)[..., :MOST_KERNELS]
    if kernels.shape[2] != 3:
        kernels = kernels.mean(axis=2, keepdims=True)
    shown = kernels / max(float(np.abs(kernels).max()), 1e-12)
    items = "".join(
        f'<li><img src="{_data(shown[..., index])}" alt="filter {index + 1} of the first layer"></li>'
        for index in range(shown.shape[3])
    )
    height, width = kernels.shape[:2]
    note = f"{kernels.shape[3]} filters of {height} × {width}; grey is zero, all on one scale."
    return _section(
        "First-layer filters",
        f'<ul class="pictures kernels">{items}</ul><p class="soft">{note}</p>',
    )


def classes(evaluation: Evaluation) -> str:
    """How good each class is."""
    rows = []
    for row in evaluation.per_class():
        interval = row["recall_interval"]
        rows.append(
            (
                row["name"],
                f"{row['support']:,}",
                _percent(row["precision"]),
                _percent(row["recall"]),
                f"{interval[0]:.1%} to {interval[1]:.1%}" if interval else "none",
            )
        )
    headings = ("class", "samples", "precision", "recall", "recall, 95 % interval")
    return _section("Classes", _table(headings, rows, numbers=(1, 2, 3, 4)))


def network(model: dict) -> str:
    """The network, layer by layer."""
    rows = [
        (layer["name"], layer["kind"], _shape(layer["output_shape"]), f"{layer['parameters']:,}")
        for layer in model["layers"]
    ]
    table = _table(("layer", "kind", "output", "parameters"), rows, numbers=(3,))
    return (
        f"<section><details><summary>Network, layer by layer</summary>{table}</details></section>"
    )


def environment(run: Run) -> str:
    """What it ran on, and how to see more of it."""
    ran, timing = run.environment, run.results.get("timing", {})
    versions = ", ".join(f"{name} {version}" for name, version in ran["versions"].items())
    git = ran["git"]
    rows = {
        "run folder": run.folder,
        "started": run.status["started"],
        "training": f"{timing['training_seconds']:.1f} s" if timing else "not finished",
        "backend": f"{ran['backend']} on {', '.join(ran['devices'])}, {ran['cores']} cores",
        "precision": ran["precision"],
        "versions": versions,
        "git": f"{git['commit'][:12]}{'' if git['clean'] else ', with changes'}" if git else "none",
        "data hash": run.dataset["content_hash"][:16],
        "command": run.experiment["command"],
    }
    runs_dir = shlex.quote(str(run.folder.parents[1]))
    commands = (
        f"cnnkit tensorboard --runs-dir {runs_dir}\ncnnkit show {shlex.quote(str(run.folder))}"
    )
    return _section("How it was made", f"{_facts(rows)}<pre><code>{escape(commands)}</code></pre>")


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{content}\n</section>"


def _facts(rows: dict) -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows.items()
    )
    return f'<table class="facts">{body}</table>'


def _table(headings: tuple, rows: list, numbers: tuple = ()) -> str:
    def cell(tag, index, value, scope=""):
        kind = ' class="number-cell"' if index in numbers else ""
        return f"<{tag}{scope}{kind}>{escape(value)}</{tag}>"

    head = "".join(cell("th", i, heading, ' scope="col"') for i, heading in enumerate(headings))
    body = "".join(
        f"<tr>{''.join(cell('td', i, value) for i, value in enumerate(row))}</tr>\n" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(count: int, rate: float, is_miss: bool) -> str:
    kind = "none" if not count else "miss" if is_miss else "hit"
    shade = 0.06 + 0.5 * rate if count else 0
    return f'<td class="{kind}" style="--rate:{shade:.2f}">{count}</td>'


def _confused(evaluation: Evaluation) -> list[tuple[str, str, int]]:
    """Return (true, predicted, times) of every confusion, most frequent first."""
    matrix = evaluation.confusion_matrix.copy()
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix, axis=None, kind="stable")
    names, size = evaluation.class_names, len(matrix)
    pairs = ((index // size, index % size) for index in order[: (matrix > 0).sum()])
    return [(names[row], names[column], int(matrix[row, column])) for row, column in pairs]


def _data(image: np.ndarray) -> str:
    """Return a picture, uint8 or floats in [-1, 1] or [0, 1], as the address of its own bytes."""
    if image.dtype != np.uint8:
        low = -1.0 if image.min() < 0 else 0.0
        image = np.clip((image - low) / (1 - low) * 255, 0, 255).astype(np.uint8)
    if image.shape[-1] != 3:
        image = image.mean(axis=-1).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(image).save(content, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def _shape(shape: list) -> str:
    return " × ".join("any" if size is None else str(size) for size in shape[1:])


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"
