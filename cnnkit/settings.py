"""Checks of settings that many functions share."""

import numbers

from cnnkit.errors import SettingError


def expect_counts(**settings) -> None:
    """Require whole numbers of at least 1.

    Args:
        **settings: Values by the name of the setting.

    Raises:
        SettingError: One of them is not a whole number of at least 1; the message names it.

    >>> expect_counts(epochs=3, batch_size=32)
    """
    for name, value in settings.items():
        if not isinstance(value, numbers.Integral) or value < 1:
            raise SettingError(f"{name} is a whole number of at least 1, not {value!r}.")
