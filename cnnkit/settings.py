"""Settings that count something, such as epochs: whole numbers of at least 1."""

import numbers

from cnnkit.errors import SettingError


def expect_counts(**settings) -> None:
    """Raise SettingError, which names the setting, unless each is a whole number of at least 1.

    >>> expect_counts(epochs=3, batch_size=32)
    """
    for name, value in settings.items():
        if not isinstance(value, numbers.Integral) or value < 1:
            raise SettingError(f"{name} is a whole number of at least 1, not {value!r}.")
