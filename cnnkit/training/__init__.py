"""Training: `model.fit` with a record of everything, resumable to the same bits."""

import lazy_loader

# Keras takes seconds to import, so each name is imported on first use; __init__.pyi lists them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
