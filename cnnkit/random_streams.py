"""Random streams: every generator derives from a seed, a purpose, and an index such as (epoch, step).

Two purposes, or two indices of one purpose, never share a stream. NumPy pads short seeds with
zeros, so that `default_rng([seed, epoch])` and `default_rng([seed, epoch, 0])` draw the same numbers.
"""

import enum

import numpy as np

# Cached features of random views name it: raise it when a purpose's numbers change.
VERSION = 1


class Purpose(enum.IntEnum):
    """What random numbers are drawn for. A number, once used, belongs to its purpose for ever."""

    SHUFFLE = 1
    AUGMENTATION = 2
    FOLDS = 3
    OVERSAMPLE = 4
    LIMIT_PER_CLASS = 5
    XO = 6
    CHIRPS = 7
    SENTENCES = 8
    PREVIEW = 9
    WHITENING_PATCHES = 10
    OCCLUSION_MASKS = 11
    NOISY_PIXELS = 12
    RANDOM_WEIGHTS = 13
    CHANGED_IMAGES = 14
    SHIFT_PAIRS = 15
    PREFERRED_INPUT = 16
    SEARCH = 18
    EXPORT_NOISE = 19


def random_generator(seed: int, purpose: Purpose, *index: int) -> np.random.Generator:
    """Return the generator of one purpose.

    Args:
        seed: The experiment's seed, or any other whole number from 0 on.
        purpose: What the numbers are drawn for.
        *index: Which of the purpose's streams, such as (epoch, step); each from 0 to 2**32 - 1.

    Returns:
        A NumPy generator at the beginning of its stream. The same arguments always give the same
        stream; any other arguments give an independent one.

    >>> first = random_generator(0, Purpose.SHUFFLE, 3).random()
    >>> first == random_generator(0, Purpose.SHUFFLE, 3).random()
    True
    >>> first == random_generator(0, Purpose.SHUFFLE, 3, 0).random()
    False
    """
    # A spawn key keeps its length: NumPy pads the seed before it, not the key.
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *index)))
