"""cnnkit: the Keras 3 experiment kit for convolutional networks."""

import importlib

# Keras takes seconds to import and click a tenth of one, so each name is imported on first use.
_PUBLIC = {
    "Experiment": "cnnkit.experiment:Experiment",
    "Explain": "cnnkit.training.explanations:Explain",
    "main": "cnnkit.cli.run:main",
    "resume": "cnnkit.train:resume",
    "run": "cnnkit.train:run",
    "classify": "cnnkit.classify:classify",
    "data": "cnnkit.data",
    "errors": "cnnkit.errors",
    "explain": "cnnkit.explain",
    "explanation_plots": "cnnkit.explanation_plots",
    "models": "cnnkit.models",
    "plots": "cnnkit.plots",
    "runs": "cnnkit.runs",
    "transfer": "cnnkit.transfer",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    module = importlib.import_module(module)
    return getattr(module, attribute) if attribute else module


def __dir__():
    return __all__
