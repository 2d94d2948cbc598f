"""Where Keras keeps the data sets and weights that it downloads."""

import os
from pathlib import Path


def keras_home() -> Path:
    """Return the folder of Keras' cache, whether it exists or not; needs no Keras.

    It is KERAS_HOME as the variable reads, without expanding "~", as Keras takes it; without that
    variable, `.keras` in the user's home folder.
    """
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
