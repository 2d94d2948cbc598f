"""The run folder: written while training, read afterwards; reading numbers needs no Keras."""

from cnnkit.runs.calibration import (
    Reliability,
    fit_temperature,
    reliability,
    scale_by_temperature,
)
from cnnkit.runs.evaluation import Evaluation, wilson_interval
from cnnkit.runs.label_errors import likely_mislabelled
from cnnkit.runs.listing import find, resolve
from cnnkit.runs.multi_label import MultiLabelEvaluation
from cnnkit.runs.run import Report, Run, samples
from cnnkit.runs.verification import verify

__all__ = [
    "Evaluation", "MultiLabelEvaluation", "Reliability", "Report", "Run", "find", "fit_temperature",
    "likely_mislabelled", "reliability", "resolve", "samples", "scale_by_temperature", "verify",
    "wilson_interval",
]  # fmt: skip
