"""How far the answers of an export may be from the model's, and the refusal of one that is farther."""

from dataclasses import dataclass, replace

import numpy as np

from cnnkit.errors import RefusedExportError


@dataclass(frozen=True)
class Bound:
    """What an export of some precision may differ by.

    Attributes:
        largest: The largest difference of any probability of any sample.
        typical: The mean over samples of the largest difference of a probability.
        accuracy_drop: By how much the accuracy, from 0 to 1, may fall.
    """

    largest: float
    typical: float
    accuracy_drop: float


# In float32, sums in another order move a probability by about 1e-7 of the largest logit.
# float16 rounds weights by up to 0.05 %, which moved no probability of MobileNetV2 by more than 0.03;
# int8 moved one by 0.3 and few by more than 0.05.
BOUNDS = {
    "float32": Bound(1e-3, 1e-5, 0.001),
    "float16": Bound(0.1, 0.01, 0.005),
    "int8": Bound(1.0, 0.1, 0.02),
}


def bound_of(precision: str, max_drop: float | None) -> Bound:
    """Return what an export may differ by.

    Args:
        precision: Of its weights.
        max_drop: By how much its accuracy may fall; None for the precision's own.
    """
    bound = BOUNDS[precision]
    return bound if max_drop is None else replace(bound, accuracy_drop=max_drop)


@dataclass(frozen=True)
class Agreement:
    """How far an export's probabilities are from the model's.

    Attributes:
        largest: As of `Bound`.
        typical: As of `Bound`.
        same_answer: The part of the samples whose most probable class is the same, in [0, 1].
    """

    largest: float
    typical: float
    same_answer: float


def agreement(expected: np.ndarray, found: np.ndarray) -> Agreement:
    """Compare probabilities.

    Args:
        expected: Those of the model, shape (samples, classes).
        found: Those of the export, of the same shape.

    Returns:
        How far they are apart; not finite where the export's are not.

    >>> agreement(np.array([[0.25, 0.75]]), np.array([[0.5, 0.5]]))
    Agreement(largest=0.25, typical=0.25, same_answer=0.0)
    """
    if found.shape != expected.shape:
        return Agreement(float("inf"), float("inf"), 0.0)
    apart = np.abs(np.asarray(found, np.float64) - expected).max(axis=1)
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    return Agreement(float(apart.max()), float(apart.mean()), float(same.mean()))


def expect_agreement(
    title: str, precision: str, bound: Bound, seen: Agreement, accuracies: tuple | None
) -> None:
    """Refuse an export that is too far from its model.

    Args:
        title: What errors call the export.
        precision: Of its weights.
        bound: How far it may be.
        seen: How far it is.
        accuracies: Of the model and of the export, from 0 to 1; None if no labels are known.

    Raises:
        RefusedExportError: It is farther.
    """
    rest = "" if precision == "float32" else "; export it with --precision float32"
    if not seen.largest <= bound.largest or not seen.typical <= bound.typical:
        raise RefusedExportError(
            f"The export to {title} is refused, and nothing is kept of it: its probabilities differ "
            f"from the model's by up to {seen.largest:.2g} and by {seen.typical:.2g} on average, and "
            f"{bound.largest:g} and {bound.typical:g} are allowed{rest}."
        )
    if accuracies is None:
        return
    before, after = accuracies
    if before - after > bound.accuracy_drop + 1e-9:
        raise RefusedExportError(
            f"The export to {title} is refused, and nothing is kept of it: its accuracy is "
            f"{after:.2%} and the model's {before:.2%}, and a drop of {100 * bound.accuracy_drop:g} "
            f"points is allowed{rest}, or allow more with --max-drop."
        )
