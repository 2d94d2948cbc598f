"""What a report shows: the run folder's files, and arrays that no folder keeps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.report.explanations import Explanations


@dataclass(frozen=True)
class Contents:
    """What a report shows.

    Attributes:
        files: The run folder's files by name, such as `files["experiment"]`; {} if one is missing.
        seconds: How long the run trained, as `Run.seconds`.
        test: The test results, as `Evaluation.as_results` returns them; None if there are none.
        evaluation: As `report.write` takes it.
        images: As `report.write` takes it.
        filters: As `report.write` takes it.
        explanations: As `report.write` takes it.
        film: As `report.write` takes it.
    """

    files: dict[str, dict]
    test: dict | None
    seconds: float | None = None
    evaluation: Evaluation | MultiLabelEvaluation | None = None
    images: np.ndarray | None = None
    filters: np.ndarray | None = None
    explanations: Explanations | None = None
    film: Mapping[int, np.ndarray] | None = None
