"""Experiments: one file each, runnable as `python -m experiments.NAME` or `cnnkit run NAME`."""
