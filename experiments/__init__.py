"""Experiments: one file each, runnable as `python -m experiments.NAME` or `cnnkit run NAME`."""

from cnnkit.cli import onednn
from cnnkit.keras_import import import_keras

# As `cnnkit run` does: the same arithmetic, and no log lines of TensorFlow's native code. Both must
# come before a file imports Keras.
onednn.set_default()
import_keras()
