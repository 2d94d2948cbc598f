"""The run folder: written while training, read afterwards; reading numbers needs no Keras."""

from cnnkit.runs.listing import find, resolve
from cnnkit.runs.run import Report, Run, samples
from cnnkit.runs.saved_weights import SavedWeights
from cnnkit.runs.verification import verify

__all__ = ["Report", "Run", "SavedWeights", "find", "resolve", "samples", "verify"]
