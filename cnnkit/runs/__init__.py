"""The run folder: written while training, read afterwards; reading numbers needs no Keras."""

from cnnkit.runs.evaluation import Evaluation, wilson_interval
from cnnkit.runs.listing import find, resolve
from cnnkit.runs.run import Report, Run

__all__ = ["Evaluation", "Report", "Run", "find", "resolve", "wilson_interval"]
