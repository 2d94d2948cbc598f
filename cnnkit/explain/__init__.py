"""How a Keras model sees an input: functions that return arrays; cnnkit.explanation_plots draws."""

import importlib

# Keras takes seconds to import, so each name is imported on first use.
_MODULES = ("kernels", "xo")
_PLACES = {
    "Anatomy": "network_anatomy",
    "CHANGES": "changed_images",
    "Curve": "attribution.sanity",
    "Field": "receptive_field",
    "Response": "changed_images",
    "Row": "network_anatomy",
    "TopPatches": "patches",
    "Walkthrough": "step_by_step",
    "activation_maximisation": "preferred_input",
    "anatomy": "network_anatomy",
    "dead_filters": "activations",
    "deletion": "attribution.sanity",
    "duplicated_filters": "activations",
    "embeddings": "activations",
    "feature_maps": "activations",
    "filters": "activations",
    "grad_cam": "attribution.cams",
    "grad_cam_plus_plus": "attribution.cams",
    "gradient": "attribution.pixels",
    "guided_backpropagation": "attribution.pixels",
    "insertion": "attribution.sanity",
    "integrated_gradients": "attribution.pixels",
    "layer_cam": "attribution.cams",
    "nearest": "neighbours",
    "occlusion": "attribution.masks",
    "randomisation": "attribution.sanity",
    "rise": "attribution.masks",
    "robustness": "changed_images",
    "score_cam": "attribution.masks",
    "shift_consistency": "changed_images",
    "smooth_grad": "attribution.pixels",
    "top_patches": "patches",
    "walkthrough": "step_by_step",
}
__all__ = sorted([*_MODULES, *_PLACES])


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__():
    return __all__
