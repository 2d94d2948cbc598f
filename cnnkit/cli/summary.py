"""A run's results in a few words, for either kind of label."""


def score(test: dict) -> float | None:
    """Return the number that runs are compared by: accuracy, or mean average precision."""
    return test.get("accuracy", test.get("mean_average_precision"))


def in_words(test: dict) -> dict[str, str]:
    """Return what results.json says about a split, as titles and values."""
    if "exact_match" not in test:
        return {"test accuracy": f"{test['accuracy']:.2%}  ({_counted(test, 'accuracy_interval')})"}
    return {
        "test mAP": _percent(test["mean_average_precision"]),
        "test F1": f"{_percent(test['f1_micro'])} micro, {_percent(test['f1_macro'])} macro",
        "exact match": f"{test['exact_match']:.2%}  ({_counted(test, 'exact_match_interval')})",
    }


def _counted(test: dict, interval: str) -> str:
    low, high = test[interval]
    return f"{test['correct']} of {test['samples']}; 95 % interval {low:.2%} to {high:.2%}"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.2%}"
