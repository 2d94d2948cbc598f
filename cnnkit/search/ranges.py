"""Parts of a space: ranges of numbers, and choices."""

import math
from dataclasses import dataclass

from cnnkit.errors import SettingError

PLAIN = (str, int, float, bool, type(None))  # what Optuna stores as it is


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, both included.

    Attributes:
        low: The smallest.
        high: The largest.
        whole: Whether the numbers are whole.
        log: Whether each factor is as likely as any other, rather than each difference.
        step: The distance from one number to the next; None for any.
    """

    low: float
    high: float
    whole: bool
    log: bool = False
    step: float | None = None

    def __post_init__(self):
        if not all(map(math.isfinite, (self.low, self.high))) or self.low > self.high:
            raise SettingError(
                f"A range goes from its lowest to its highest number, and {self} is empty: "
                "exchange the two."
            )
        if self.log and self.low <= 0:
            raise SettingError(f"A logarithmic range begins above 0, not as {self}.")
        if self.step is not None and self.step <= 0:
            raise SettingError(f"The step of a range is above 0, not as in {self}.")

    def __str__(self):
        name = f"{'log_' if self.log else ''}{'integers' if self.whole else 'uniform'}"
        step = "" if self.step in (None, 1) else f", step={self.step:g}"
        return f"{name}({self.low:g}, {self.high:g}{step})"

    def suggest(self, trial, name: str) -> float:
        """Return a trial's number.

        Args:
            trial: Optuna's trial.
            name: Of the parameter.
        """
        if not self.whole:
            return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        return trial.suggest_int(name, self.low, self.high, step=self.step or 1, log=self.log)

    def grid(self) -> list[float] | None:
        """Return all numbers; None if there is no end of them."""
        if self.whole:
            return list(range(int(self.low), int(self.high) + 1, int(self.step or 1)))
        if self.step is None:
            return None
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        return [self.low + number * self.step for number in range(count)]


@dataclass(frozen=True)
class Choices:
    """Some values, none nearer to one than to another.

    Attributes:
        values: The values, at least one.
    """

    values: tuple

    def __str__(self):
        return repr(self.values)

    @property
    def labels(self) -> dict:
        """The values by what Optuna stores for them: themselves, or a text such as "(16, 32)"."""
        return {value if isinstance(value, PLAIN) else repr(value): value for value in self.values}

    def suggest(self, trial, name: str):
        """Return a trial's value.

        Args:
            trial: Optuna's trial.
            name: Of the parameter.
        """
        return self.labels[trial.suggest_categorical(name, tuple(self.labels))]

    def grid(self) -> list:
        """Return what Optuna stores for all values."""
        return list(self.labels)


def uniform(low: float, high: float, step: float | None = None) -> Range:
    """Return the range of numbers from `low` to `high`.

    Args:
        low: The smallest.
        high: The largest.
        step: The distance from one number to the next; None for any.

    Returns:
        A part of a space.

    Raises:
        SettingError: The range is empty.

    >>> print(uniform(0, 0.5))
    uniform(0, 0.5)
    """
    return Range(float(low), float(high), whole=False, step=step)


def log_uniform(low: float, high: float) -> Range:
    """Return the range of numbers from `low` to `high`, in which each factor is as likely as another.

    Args:
        low: The smallest, above 0.
        high: The largest.

    Returns:
        A part of a space.

    Raises:
        SettingError: The range is empty, or does not begin above 0.
    """
    return Range(float(low), float(high), whole=False, log=True)


def integers(low: int, high: int, step: int = 1) -> Range:
    """Return the range of whole numbers from `low` to `high`.

    Args:
        low: The smallest.
        high: The largest.
        step: The distance from one number to the next.

    Returns:
        A part of a space.

    Raises:
        SettingError: The range is empty.
    """
    return Range(_whole(low), _whole(high), whole=True, step=_whole(step))


def log_integers(low: int, high: int) -> Range:
    """Return the range of whole numbers from `low` to `high`, in which each factor is as likely.

    Args:
        low: The smallest, at least 1.
        high: The largest.

    Returns:
        A part of a space.

    Raises:
        SettingError: The range is empty, or does not begin above 0.
    """
    return Range(_whole(low), _whole(high), whole=True, log=True)


def _whole(number) -> int:
    if isinstance(number, bool) or number != int(number):
        raise SettingError(f"A range of whole numbers has whole ends and steps, not {number!r}.")
    return int(number)
