"""What both tasks say of results, and how they reach Keras."""

from collections.abc import Mapping


def lazy_keras():
    """Return the module keras, imported when a task first needs it."""
    import keras  # commands that only read results must not pay for Keras

    return keras


def counted(results: Mapping, interval: str) -> str:
    """Return how many samples are right, with an interval in words."""
    low, high = results[interval]
    return f"{results['correct']} of {results['samples']}; 95 % interval {low:.2%} to {high:.2%}"


def percent(value: float | None) -> str:
    """Return a number from 0 to 1 as a percentage, "none" for None."""
    return "none" if value is None else f"{value:.2%}"
