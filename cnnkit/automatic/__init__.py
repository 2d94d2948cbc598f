"""Automatic training: compares what is worth comparing within some minutes, and keeps the best."""

import lazy_loader

# Keras takes seconds to import, so each name is imported on first use; __init__.pyi lists them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
