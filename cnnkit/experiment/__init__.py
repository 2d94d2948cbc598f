"""An experiment: a function from settings to an `Experiment`, and its command line."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
