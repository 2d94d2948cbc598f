"""Class-stratified, seeded splits of labelled samples."""

import numpy as np

from cnnkit.errors import SettingError


def stratified(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted indices (rest, part), where `part` has `fraction` of every class's samples.

    labels: class indices, shape (samples,). The same arguments give the same split on any machine.
    Raises SettingError unless 0 < fraction < 1 and every class can have a sample on both sides.
    """
    from sklearn.model_selection import train_test_split  # takes a second to import

    if not 0 < fraction < 1:
        raise SettingError(f"A split's fraction lies between 0 and 1, not {fraction}.")
    try:
        rest, part = train_test_split(
            np.arange(len(labels)), test_size=fraction, random_state=seed, stratify=labels
        )
    except ValueError as error:
        raise SettingError(
            f"{len(labels)} samples cannot be split so that {fraction:g} of every class is held "
            f"out: {error}"
        ) from None
    return np.sort(rest), np.sort(part)
