"""The facts of a run: one flat dict of everything in its records that a condition may ask for."""

from collections.abc import Iterator, Mapping
from typing import Any

LONG = ("model", "layers", "confusion_matrix", "classes", "counts", "call", "epoch_seconds", "config",
        "metrics", "phases", "callback_settings", "setting_types", "left_out", "repeated")  # fmt: skip
SHORT_NAMES = {
    "dataset": "dataset.name", "parameters": "recipe.model.parameters", "seed": "recipe.seed",
    "batch_size": "recipe.batch_size", "accuracy": "results.test.accuracy",
    "loss": "results.test.loss", "backend": "environment.backend",
    "precision": "environment.precision", "processor": "environment.processor",
    "study": "recipe.study.name", "trial": "recipe.study.trial",
}  # fmt: skip

RECORDED = ("dataset", "seed")  # what a run had, which its setting of that name may leave open


def facts_of(
    recipe: Mapping, results: Mapping, dataset: Mapping, environment: Mapping
) -> dict[str, Any]:
    """Return the single values of a run's records by name.

    Args:
        recipe: The content of experiment.json.
        results: Of results.json; {} for a run that is not finished.
        dataset: Of dataset.json.
        environment: Of environment.json.

    Returns:
        Texts, numbers, truth values and None. Settings stand under their own name and as
        `settings.NAME`, the rest as `recipe.`, `results.`, `dataset.` and `environment.` with the
        path of the field; `SHORT_NAMES` are further names. What is long, such as the configuration
        of the network, is left out.
    """
    settings = recipe.get("settings") or {}
    rest = {name: value for name, value in recipe.items() if name != "settings"}
    facts = dict(_flat("settings.", settings))
    places = {
        "recipe.": rest,
        "results.": results,
        "dataset.": dataset,
        "environment.": environment,
    }
    for place, record in places.items():
        facts |= dict(_flat(place, record))
    model = recipe.get("model") or {}
    for name in ("name", "parameters"):
        facts[f"recipe.model.{name}"] = model.get(name)
    rate = ((recipe.get("optimizer") or {}).get("config") or {}).get("learning_rate")
    if isinstance(rate, (int, float)):
        facts["recipe.optimizer.learning_rate"] = rate
    short = {name: facts[path] for name, path in SHORT_NAMES.items() if path in facts}
    own = {
        name.removeprefix("settings."): value
        for name, value in facts.items()
        if name.startswith("settings.")
    }
    recorded = {name: short[name] for name in RECORDED if name in short}
    return facts | short | own | recorded


def _flat(place: str, record) -> Iterator[tuple[str, Any]]:
    if not isinstance(record, Mapping):
        return
    for name, value in record.items():
        if name in LONG and place != "settings.":
            continue
        if isinstance(value, Mapping):
            yield from _flat(f"{place}{name}.", value)
        elif isinstance(value, list):
            yield f"{place}{name}", ", ".join(map(str, value))
        else:
            yield f"{place}{name}", value
