"""The two tasks of a classifier, and everything that differs between them.

In single-label classification each sample has exactly one class; in multi-label classification it
may have any number of them. A Dataset says which task it poses (`Dataset.task`). The rest of cnnkit
uses the methods of the task and never asks which of the two it is.
"""

from collections.abc import Mapping

import numpy as np

from cnnkit.evaluation.multi_label_task import MultiLabel as MultiLabel
from cnnkit.evaluation.single_label_task import SingleLabel as SingleLabel

Task = SingleLabel | MultiLabel
TASKS: tuple[Task, ...] = (SingleLabel(), MultiLabel())


def task_of_labels(labels: np.ndarray) -> Task:
    """Return the task that labels pose.

    Args:
        labels: Class indices, shape (samples,), or a number for each class, shape (samples,
            classes).

    Returns:
        MultiLabel where labels have two dimensions, else SingleLabel.
    """
    return MultiLabel() if np.ndim(labels) == 2 else SingleLabel()


def task_of_results(results: Mapping | None) -> Task:
    """Return the task that test results are of.

    Args:
        results: The `test` entry of a results.json; None or {} for a run that was not tested.

    Returns:
        MultiLabel where results have an exact match, else SingleLabel.
    """
    return MultiLabel() if results and "exact_match" in results else SingleLabel()
