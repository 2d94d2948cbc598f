"""The test items that tell two groups apart: right in one, wrong in the other."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cnnkit.comparison.groups import Group


class Example(NamedTuple):
    """A test item that two groups answer differently.

    Attributes:
        item: Its index in the test split.
        label: Its true class, or classes, in words.
        first_rate: The part of the first group's runs that is right, in [0, 1].
        second_rate: The same of the second group.
        first_answer: The most frequent answer of the first group, in words.
        second_answer: The same of the second group.
    """

    item: int
    label: str
    first_rate: float
    second_rate: float
    first_answer: str
    second_answer: str


def examples_between(
    first: Group, second: Group, class_names: Sequence[str], count: int = 8
) -> tuple[list[Example], list[Example]]:
    """Return the items that one group gets right and the other wrong, the clearest first.

    Args:
        first: A group that kept its answers.
        second: Another one, of the same test items.
        class_names: A name a class.
        count: How many items to return of each kind.

    Returns:
        Items that the first group gets right more often, and those that the second does; two empty
        lists if answers were not kept or are of different items.
    """
    groups = (first, second)
    correct = [group.is_correct for group in groups]
    if any(each is None for each in correct):
        return [], []
    hashes = first.test_hashes | second.test_hashes
    rates = [each.mean(axis=0) for each in correct if each is not None]
    if len(hashes) != 1 or len(rates[0]) != len(rates[1]):
        return [], []
    sure = [_sureness(group) for group in groups]

    def chosen(winner: int) -> list[Example]:
        lead = rates[winner] - rates[1 - winner]
        # Of equally clear items, the one of which the loser was surest says most.
        order = np.lexsort((-sure[1 - winner], -lead))[:count]
        return [_example(groups, rates, item, class_names) for item in order if lead[item] > 0]

    return chosen(0), chosen(1)


def _example(groups, rates, item: int, class_names: Sequence[str]) -> Example:
    labels = groups[0].answers[0].labels
    answers = [
        _most_frequent([each.predicted[item] for each in group.answers], class_names)
        for group in groups
    ]
    first, second = (float(rate[item]) for rate in rates)
    return Example(int(item), _named(labels[item], class_names), first, second, *answers)


def _sureness(group: Group) -> np.ndarray:
    confidences = np.stack([each.confidence for each in group.answers or ()])
    return confidences.mean(axis=tuple(axis for axis in range(confidences.ndim) if axis != 1))


def _most_frequent(answers: Sequence, class_names: Sequence[str]) -> str:
    names = [_named(answer, class_names) for answer in answers]
    return max(dict.fromkeys(names), key=names.count)


def _named(answer, class_names: Sequence[str]) -> str:
    if np.ndim(answer) == 0:
        index = int(answer)
        return str(class_names[index]) if index < len(class_names) else str(index)
    chosen = [name for name, part in zip(class_names, answer, strict=False) if part]
    return ", ".join(map(str, chosen)) or "none"
