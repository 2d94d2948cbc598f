"""Experiments: one file each, runnable as `python -m experiments.NAME` or `cnnkit run NAME`."""

from cnnkit.cli import onednn

# Both ways train with the same arithmetic; a file itself imports Keras first.
onednn.set_default()
