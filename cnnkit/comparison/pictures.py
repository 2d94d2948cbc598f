"""The pictures of test items that tell runs apart; loading them executes a run's experiment.py."""

import numpy as np

from cnnkit import plots
from cnnkit.comparison.comparison import Comparison
from cnnkit.comparison.examples import examples_between
from cnnkit.experiment.rebuild import dataset_of
from cnnkit.runs.run import Run


def pictures_of(comparison: Comparison, run: Run, count: int) -> dict[int, np.ndarray]:
    """Return the pictures of all items that the page of a comparison shows.

    Args:
        comparison: The comparison.
        run: A run of the baseline, whose data is loaded.
        count: How many items are shown of each kind.

    Returns:
        Pictures by item, uint8, shape (height, width) or (height, width, 3).

    Raises:
        SettingError: The run's data cannot be loaded again.
    """
    baseline, names = comparison.baseline.group, run.dataset.get("class_names", [])
    items = {
        example.item
        for line in comparison.lines[1:]
        for found in examples_between(line.group, baseline, names, count)
        for example in found
    }
    if not items:
        return {}
    chosen = np.array(sorted(items))
    pixels = plots.to_uint8(np.asarray(dataset_of(run).test.inputs[chosen]))
    return dict(zip(chosen.tolist(), pixels, strict=True))
