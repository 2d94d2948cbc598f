"""Compare runs: means over seeds, paired significance, what differs, and the examples that tell them apart."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
