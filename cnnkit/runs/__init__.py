"""The run folder: written while training, read afterwards. Reading numbers needs no Keras."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
