"""Class-stratified, seeded splits of labelled samples."""

import numpy as np

from cnnkit.errors import SettingError


def stratified(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split samples in two, with the same fraction of every class.

    Args:
        labels: Class indices, shape (samples,).
        fraction: Of the samples for the second part, between 0 and 1.
        seed: Draws the split. The same arguments give the same split on any machine.

    Returns:
        Sorted indices of the first and of the second part, int64.

    Raises:
        SettingError: The fraction is out of range, or a class cannot have samples in both parts.
    """
    from sklearn.model_selection import train_test_split  # takes a second to import

    if not 0 < fraction < 1:
        raise SettingError(f"A split's fraction lies between 0 and 1, not {fraction}.")
    try:
        first, second = train_test_split(
            np.arange(len(labels)), test_size=fraction, random_state=seed, stratify=labels
        )
    except ValueError as error:
        raise SettingError(
            f"{len(labels)} samples cannot be split so that {fraction:g} of every class is held "
            f"out: {error}"
        ) from None
    return np.sort(first), np.sort(second)
