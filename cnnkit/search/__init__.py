"""Search: many runs of one experiment with other settings, chosen by Optuna."""

import lazy_loader

# Optuna and Keras take seconds to import, so each name is imported on first use; __init__.pyi lists them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
