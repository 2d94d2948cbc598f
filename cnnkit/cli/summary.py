"""A run's test results in a few words, for single-label and multi-label data."""


def score(test: dict) -> float | None:
    """Return the number that runs are compared by.

    Args:
        test: The test results of results.json.

    Returns:
        Accuracy, or mean average precision where samples may have several classes; None if
        no class has a positive sample.
    """
    return test.get("accuracy", test.get("mean_average_precision"))


def summarize(test: dict) -> dict[str, str]:
    """Return test results as a title and a text each.

    Args:
        test: The test results of results.json.

    Returns:
        The texts by title.
    """
    if "exact_match" not in test:
        return {
            "test accuracy": f"{test['accuracy']:.2%}  ({_interval(test, 'accuracy_interval')})"
        }
    return {
        "test mAP": _percent(test["mean_average_precision"]),
        "test F1": f"{_percent(test['f1_micro'])} micro, {_percent(test['f1_macro'])} macro",
        "exact match": f"{test['exact_match']:.2%}  ({_interval(test, 'exact_match_interval')})",
    }


def _interval(test: dict, name: str) -> str:
    low, high = test[name]
    return f"{test['correct']} of {test['samples']}; 95 % interval {low:.2%} to {high:.2%}"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.2%}"
