"""The first screen of a report: how good, where wrong, what it looks at, and at what cost."""

from cnnkit.evaluation.tasks import task_of_results
from cnnkit.report.contents import Contents
from cnnkit.report.markup import duration, escape, percent

UNFINISHED = {
    "interrupted": "This run was interrupted",
    "failed": "This run failed",
    "running": "This run has not finished",
}


def headline(contents: Contents, verdict: str, looks: str = "") -> str:
    """Return the first screen.

    Args:
        contents: What the report shows.
        verdict: HTML on how good the network is and where it is wrong; "" if it was not tested.
        looks: HTML on what the network looks at.

    Returns:
        HTML.
    """
    files = contents.files
    recipe = files["experiment"]
    answers = verdict or _unfinished(files["status"])
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in _figures(files, contents.seconds).items()
    )
    return f"""<header>
<h1>{escape(recipe.get("experiment", "A run"))}</h1>
<p class="soft">{escape(recipe.get("description", ""))}</p>
<div class="answers">
{answers}
{looks}
</div>
<dl>{figures}</dl>
</header>"""


def _unfinished(status: dict) -> str:
    words = UNFINISHED.get(status.get("state", ""), "This run was not tested")
    words += f" after epoch {status['epoch']}" if status.get("epoch") else ""
    words += f": {status['reason']}" if status.get("reason") else ""
    return f'<p class="unfinished">{escape(words.rstrip("."))}.</p>'


def _figures(files: dict, seconds: float | None) -> dict[str, str]:
    model, results = files["experiment"].get("model", {}), files["results"]
    validation = results.get("validation") or {}
    figures = {}
    if files["dataset"]:
        figures["data"] = files["dataset"]["name"]
    if model:
        figures["network"] = f"{model['name']}, {model['parameters']:,} parameters"
    score = task_of_results(results.get("test")).validation_score
    if validation.get(score) is not None:
        words = f"validation {score.replace('_', ' ')}"
        saved = files["saved_weights"] or f"epoch {validation['epoch']}"
        figures[words] = f"{percent(validation[score], 2)} at {saved}"
    if seconds is not None:
        epochs = len(files["history"]["seconds"])
        figures["training"] = f"{epochs} epoch{'s' * (epochs > 1)} in {duration(seconds)}"
    return figures
