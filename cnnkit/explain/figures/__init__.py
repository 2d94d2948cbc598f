"""Figures of what the functions of `cnnkit.explain` return.

Each function returns a `matplotlib.figure.Figure`, which a notebook shows in place.
`cnnkit.plots.png` turns it into a file.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
