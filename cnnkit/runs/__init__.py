"""The run folder: written while training, read afterwards; reading numbers needs no Keras."""

from cnnkit.runs.listing import find, resolve
from cnnkit.runs.run import Report, Run, samples
from cnnkit.runs.verification import verify

__all__ = ["Report", "Run", "find", "resolve", "samples", "verify"]
