"""Pretrained backbones, and what is built on them."""

import importlib

from cnnkit.transfer.catalogue import (
    check_name,
    in_cache,
    is_backbone,
    line,
    names,
    require_hub,
)

# Keras takes seconds to import, so each name is imported on first use.
_PLACES = {
    "backbone": "backbones",
    "before_head": "headless",
    "classifier": "heads",
    "create": "heads",
    "FineTuning": "finetune",
    "Views": "extraction",
    "blocks": "network_blocks",
    "check_pixels": "backbones",
    "extractor": "extraction",
    "features": "extraction",
    "features_of": "extraction",
    "folded": "folding",
    "head": "heads",
    "hub_backbone": "hub",
    "hub_presets": "hub",
    "joined": "heads",
    "evaluate_imagenet": "imagenet",
    "imagenet_classifier": "imagenet",
    "most_probable": "imagenet",
}
_OWN = (check_name, in_cache, is_backbone, line, names, require_hub)
__all__ = sorted([*_PLACES, *(each.__name__ for each in _OWN)])


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__():
    return __all__
