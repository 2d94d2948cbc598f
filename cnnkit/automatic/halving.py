"""Successive halving: all candidates train a little, the better half more, until time is up.

Source: Jamieson, Talwalkar 2016, https://arxiv.org/abs/1502.07943.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnnkit.automatic.candidates import Candidate
from cnnkit.runs import Run

GROWTH = 3  # how many times as many epochs each round has


@dataclass(frozen=True)
class Trial:
    """One training of a candidate.

    Attributes:
        candidate: What was tried.
        epochs: How long it trained, without any fine-tuning.
        seconds: How long it took, with loading and reporting.
        run: Its run; None if it failed.
        accuracy: On the validation split, from 0 to 1.
        loss: On the validation split, by which equal accuracies are ranked.
        pace: Seconds an epoch, without what loading and reporting take; 0 if it failed.
        reason: Why it failed; "" if it did not.
    """

    candidate: Candidate
    epochs: int
    seconds: float
    run: Run | None = None
    accuracy: float = 0.0
    loss: float = math.inf
    pace: float = 0.0
    reason: str = ""

    @property
    def rank(self) -> tuple[float, float]:
        """What trials are sorted by; the best has the highest."""
        return self.accuracy, -self.loss

    def seconds_for(self, epochs: int) -> float:
        """Return how long the same training with another number of epochs would take.

        Args:
            epochs: At least 1.
        """
        return self.seconds + (epochs - self.epochs) * self.pace

    def epochs_within(self, seconds: float) -> int:
        """Return how many epochs the candidate can train for in some time.

        Args:
            seconds: Of loading, training and reporting.

        Returns:
            At most the candidate's own limit; 0 or less where there is no time for one.
        """
        most = self.candidate.most_epochs
        if self.seconds_for(most) <= seconds:
            return most
        return math.floor(self.epochs + (seconds - self.seconds) / self.pace) if self.pace else 0


Train = Callable[[Candidate, int], Trial]


def halve(
    candidates: Sequence[Candidate], train: Train, clock: Callable[[], float], deadline: float
) -> list[Candidate]:
    """Train candidates in rounds; after each, the better half goes on with three times the epochs.

    Args:
        candidates: What to try, the cheapest first.
        train: Trains a candidate for some epochs.
        clock: The time in seconds.
        deadline: The time by `clock` after which nothing begins but a first trial. What would last longer by the
            candidate's own pace is skipped, and keeps its place.

    Returns:
        The candidates of the last round, the best first; failed ones are not among them.
    """
    latest: dict[str, Trial] = {}
    going, factor = list(candidates), 1
    while going:
        trained = False
        for candidate in going:
            epochs = min(candidate.first_epochs * factor, candidate.most_epochs)
            begun = any(not trial.reason for trial in latest.values())
            if not begun or _fits(latest.get(candidate.name), epochs, deadline - clock()):
                latest[candidate.name] = train(candidate, epochs)
                trained = True
        going = [each for each in going if each.name in latest and not latest[each.name].reason]
        going.sort(key=lambda each: latest[each.name].rank, reverse=True)
        if len(going) <= 1 or not trained:
            break
        going, factor = going[: math.ceil(len(going) / 2)], factor * GROWTH
    return going


def _fits(before: Trial | None, epochs: int, left: float) -> bool:
    """Return whether so many epochs end in time; at what pace is known after the first trial."""
    if left <= 0:
        return False
    if before is None:
        return True
    return epochs > before.epochs and before.seconds_for(epochs) <= left
