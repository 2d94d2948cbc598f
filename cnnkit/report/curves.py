"""The section on how the metrics went by epoch, with a line of advice."""

from matplotlib import style

from cnnkit import plots
from cnnkit.evaluation.tasks import task_of_results
from cnnkit.report.advice import advice
from cnnkit.report.contents import Contents
from cnnkit.report.markup import drawing, escape, folded, section, table

PANEL_SIZE = (3.6, 2.5)  # inches at which letters can be read on a phone


def curves(contents: Contents) -> str:
    """Return the section with every metric by epoch, drawn and as numbers.

    Args:
        contents: What the report shows.

    Returns:
        HTML; "" without epochs.
    """
    history = contents.files["history"]
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
        "Curves", _advice(contents), f'<div class="curves">{drawings}</div>', folded("The numbers", numbers)
    )  # fmt: skip


def _advice(contents: Contents) -> str:
    """Return the line of advice; "" if the task has no accuracy, or the curves do not say."""
    data, score = contents.files["dataset"], task_of_results(contents.test).validation_score
    if score != "accuracy":  # the rules compare accuracies
        score = ""
    counts = data.get("counts", {}).get("validation", []) if score else []
    line = advice(contents.files["history"], counts, score)
    return f'<p class="advice">{escape(line)}</p>' if line else ""
