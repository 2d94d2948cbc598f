"""Optimizers by name, whose weight decay leaves biases and normalisation alone."""

import keras

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.optimizers.muon import ConvolutionMuon

# He et al. 2019 (https://arxiv.org/abs/1812.01187, section 3.1): decay is for kernels alone.
WITHOUT_DECAY = ("bias", "gamma", "beta")
KINDS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "lion": keras.optimizers.Lion,
    "muon": ConvolutionMuon,
    "sgd": keras.optimizers.SGD,
}
NAMES = tuple(KINDS)
# What is not Keras' own default.
OURS = {"muon": {"exclude_layers": ["logits"]}, "sgd": {"momentum": 0.9, "nesterov": True}}


def optimizer(name: str, learning_rate, *, weight_decay: float | None = None, **options):
    """Return a Keras optimizer, with decay of kernels alone.

    name: "sgd", with Nesterov's momentum of 0.9, "adam", "adamw", "lion" or "muon", which is
    `ConvolutionMuon`, with Adam for layers named "logits".
    learning_rate: a number or a schedule. weight_decay: the part of each kernel that one step takes
    away, times the learning rate; none without one, but for AdamW and Muon, whose own is 0.004.
    options: of Keras' own class, such as clipnorm, gradient_accumulation_steps or use_ema.

    Raises UnknownNameError, and SettingError for an option that the class does not have.

    >>> optimizer("sgd", 0.1, weight_decay=5e-4).nesterov
    True
    """
    if name not in NAMES:
        raise UnknownNameError("optimizer", name, NAMES)
    given = {"learning_rate": learning_rate} | OURS.get(name, {}) | options
    if weight_decay is not None:
        given["weight_decay"] = weight_decay
        if name == "muon":
            given["adam_weight_decay"] = weight_decay
    try:
        made = KINDS[name](**given)
    except (TypeError, ValueError) as error:
        kind = KINDS[name].__name__
        raise SettingError(f"{kind} does not take {options}: {error}") from None
    return decay_kernels_only(made)


def decay_kernels_only(optimizer):
    """Return the same optimizer, not yet built, which no longer decays biases, gamma and beta.

    Keras forgets this when it saves an optimizer: do it again after `from_config`.
    """
    optimizer.exclude_from_weight_decay(var_names=list(WITHOUT_DECAY))
    return optimizer
