"""One line of advice from the learning curves: under-fitted, over-fitted, too few samples."""

import math
from collections.abc import Mapping, Sequence

from cnnkit.evaluation.single_label import wilson_interval

RISE = 0.1  # a validation loss that ends this much above its lowest is over-fitted
GAP = 0.05  # so is a training accuracy this far above the interval of the validation accuracy
FALL = 0.05  # a validation loss that fell this much in the last fifth of the epochs falls still
LEARNT = 0.5  # the part of the way from guessing to 100 % that a fitted network goes in training
WIDTH = 0.05  # an interval of the validation accuracy this wide on either side is too wide


def advice(
    history: Mapping[str, Sequence[float]], counts: Sequence[int] = (), score: str = "accuracy"
) -> str:
    """Return what the learning curves suggest to do next.

    The first rule that holds decides. Numbers are those of the last epoch.

    - Over-fitted: the validation loss is more than 10 % above its lowest value while the training
      loss is below its value of that epoch; or the training accuracy is more than 5 points above
      the upper end of the 95 % interval of the validation accuracy.
    - Under-fitted: the validation loss is at its lowest and fell by more than 5 % in the last fifth
      of at least 5 epochs; or the training accuracy goes less than half of the way from guessing
      the most frequent class to 100 %.

    Too few validation samples: the 95 % interval of the validation accuracy (Wilson's) reaches more
    than 5 points to either side on average. This is said alone, or after one of the others.

    Args:
        history: A list of numbers a metric, one an epoch, as `Run.history`.
        counts: Validation samples of each class; () if unknown, and what needs them is left out.
        score: The metric that is an accuracy.

    Returns:
        One line; "" without a validation loss, or where a loss is not a finite number.

    >>> advice({"loss": [2, 1, 0.5], "val_loss": [2, 1.5, 1.8]}).split(":")[0]
    'Over-fitted'
    """
    losses, val_losses = list(history.get("loss", ())), list(history.get("val_loss", ()))
    if not val_losses or len(losses) != len(val_losses) or not _finite([*losses, *val_losses]):
        return ""
    reached, val_reached = _last(history, score), _last(history, f"val_{score}")
    samples = sum(counts)
    ends = None
    if val_reached is not None and samples and 0 <= val_reached <= 1:
        ends = wilson_interval(round(val_reached * samples), samples)
    guessing = max(counts) / samples if samples else 0.0
    finding = (
        _over_fitted(losses, val_losses)
        or _gap(reached, val_reached, ends)
        or _under_fitted(val_losses)
        or _unlearnt(reached, guessing if samples else None)
    )
    few = _few(samples, ends)
    return " ".join(filter(None, (finding, few))) or (
        "No sign of under- or over-fitting: validation follows training to the last epoch."
    )


def _over_fitted(losses: list[float], val_losses: list[float]) -> str:
    lowest = min(val_losses)
    best = val_losses.index(lowest)
    if not (lowest > 0 and val_losses[-1] > (1 + RISE) * lowest and losses[-1] < losses[best]):
        return ""
    return (
        f"Over-fitted: the validation loss was lowest at epoch {best + 1} and ended "
        f"{val_losses[-1] / lowest - 1:.0%} higher, while the training loss fell. Stop earlier, "
        "augment the images, add dropout or weight decay, or collect more training data."
    )


def _gap(reached: float | None, val_reached: float | None, ends: tuple | None) -> str:
    if reached is None or val_reached is None or ends is None or reached <= ends[1] + GAP:
        return ""
    return (
        f"Over-fitted: {reached:.1%} of the training samples are right, but {val_reached:.1%} of "
        "the validation samples. Augment the images, add dropout or weight decay, or collect more "
        "training data."
    )


def _under_fitted(val_losses: list[float]) -> str:
    late = len(val_losses) // 5
    if not late or val_losses[-1] > min(val_losses):
        return ""
    before = min(val_losses[:-late])
    if not val_losses[-1] < (1 - FALL) * before:
        return ""
    return (
        f"Under-fitted: the validation loss still fell by {1 - val_losses[-1] / before:.0%} in the "
        "last fifth of the epochs. Train for more epochs, or with a higher learning rate."
    )


def _unlearnt(reached: float | None, guessing: float | None) -> str:
    if reached is None or guessing is None or reached >= guessing + LEARNT * (1 - guessing):
        return ""
    return (
        f"Under-fitted: even of the training samples only {reached:.1%} are right. Try another "
        "learning rate (cnnkit lr-find), more epochs, a larger network, or less augmentation."
    )


def _few(samples: int, ends: tuple | None) -> str:
    if ends is None or ends[1] - ends[0] <= 2 * WIDTH:
        return ""
    return (
        f"Too few validation samples: with {samples:,}, the validation accuracy is known only to "
        f"±{100 * (ends[1] - ends[0]) / 2:.0f} points, so smaller differences mean nothing."
    )


def _last(history: Mapping[str, Sequence[float]], name: str) -> float | None:
    values = history.get(name, ())
    return values[-1] if len(values) and _finite(values[-1:]) else None


def _finite(values: Sequence[float]) -> bool:
    return all(value is not None and math.isfinite(value) for value in values)
