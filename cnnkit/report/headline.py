"""The first screen of a report: how good, where wrong, what it looks at, and at what cost."""

from cnnkit.evaluation.tasks import task_of_results
from cnnkit.report.markup import duration, escape, percent

UNFINISHED = {
    "interrupted": "This run was interrupted",
    "failed": "This run failed",
    "running": "This run has not finished",
}


def headline(known: dict, verdict: str, looks: str = "") -> str:
    """How good, where wrong, what it looks at, and at what cost: the first screen.

    known: the run folder's files by name, such as known["experiment"], each {} if it is missing.
    verdict: how good and where wrong, "" for a run that was not tested. looks: what it looks at.
    """
    recipe = known["experiment"]
    answers = verdict or _unfinished(known["status"])
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in _figures(known).items()
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
    words = UNFINISHED.get(status.get("state"), "This run was not tested")
    words += f" after epoch {status['epoch']}" if status.get("epoch") else ""
    words += f": {status['reason']}" if status.get("reason") else ""
    return f'<p class="unfinished">{escape(words.rstrip("."))}.</p>'


def _figures(known: dict) -> dict[str, str]:
    model, results = known["experiment"].get("model", {}), known["results"]
    validation, timing = results.get("validation") or {}, results.get("timing", {})
    figures = {}
    if known["dataset"]:
        figures["data"] = known["dataset"]["name"]
    if model:
        figures["network"] = f"{model['name']}, {model['parameters']:,} parameters"
    score = task_of_results(results.get("test")).validation_score
    if validation.get(score) is not None:
        words = f"validation {score.replace('_', ' ')}"
        figures[words] = f"{percent(validation[score], 2)} at epoch {validation['epoch']}"
    if timing:
        epochs = len(timing.get("epoch_seconds", ()))
        spent = duration(timing["training_seconds"])
        figures["training"] = f"{epochs} epochs in {spent}" if epochs else spent
    return figures
