"""Class-stratified, seeded splits of labelled samples.

The samples drawn are those of scikit-learn's `train_test_split(..., stratify=labels)`, which takes a
second to import.
"""

import math

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
    if not 0 < fraction < 1:
        raise SettingError(f"A split's fraction lies between 0 and 1, not {fraction}.")
    second = math.ceil(fraction * len(labels))
    sizes = len(labels) - second, second
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    reason = _why_not(counts, sizes)
    if reason:
        raise SettingError(
            f"{len(labels)} samples cannot be split so that {fraction:g} of every class is held "
            f"out: {reason}"
        )
    random = np.random.RandomState(seed)  # scikit-learn's generator: the splits of older runs stay
    shares = [_shares(counts, sizes[0], random)]
    shares.append(_shares(counts - shares[0], sizes[1], random))
    members = np.split(np.argsort(classes, kind="stable"), np.cumsum(counts)[:-1])
    parts: tuple[list, list] = ([], [])
    for samples, one, other in zip(members, *shares, strict=True):
        shuffled = samples[random.permutation(len(samples))]
        parts[0].append(shuffled[:one])
        parts[1].append(shuffled[one : one + other])
    first, held_out = (np.sort(np.concatenate(part)) for part in parts)
    return first, held_out


def _why_not(counts: np.ndarray, sizes: tuple[int, int]) -> str:
    """Return why classes of so many samples have no split into parts of these sizes; "" if they do."""
    if not len(counts):
        return "there are no samples."
    if counts.min() < 2:
        return f"{int((counts < 2).sum())} of {len(counts)} classes have only one sample."
    for size in sizes:
        if size < len(counts):
            return f"a part of {size} samples has not one of each of the {len(counts)} classes."
    return ""


def _shares(counts: np.ndarray, total: int, random: np.random.RandomState) -> np.ndarray:
    """Return how many of `total` samples each class gives, in proportion to its number.

    Proportions are rounded down, and the classes that lose most give one sample more; among equal
    losses, chance decides.
    """
    exact = counts / counts.sum() * total
    shares = np.floor(exact)
    lost = exact - shares
    missing = int(total - shares.sum())
    for loss in np.unique(lost)[::-1]:
        if not missing > 0:
            break
        equal = np.flatnonzero(lost == loss)
        chosen = random.choice(equal, size=min(missing, len(equal)), replace=False)
        shares[chosen] += 1
        missing -= len(chosen)
    return shares.astype(int)
