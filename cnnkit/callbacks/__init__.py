"""Callbacks that Keras lacks, to put among `Experiment.callbacks` or in `model.fit`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
