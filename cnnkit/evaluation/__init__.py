"""Evaluation of predictions: accuracy, calibration, label errors, test-time augmentation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
