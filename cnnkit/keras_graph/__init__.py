"""Keras' insides: walks the graph of a model, cuts it, replaces calls, compiles gradients."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
