"""Optimizers by name, whose weight decay spares biases and normalisation."""

import keras

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.optimizers.muon import ConvolutionMuon

# He et al. 2019 (https://arxiv.org/abs/1812.01187, section 3.1): only kernels should decay.
WITHOUT_DECAY = ("bias", "gamma", "beta")
CLASSES = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "lion": keras.optimizers.Lion,
    "muon": ConvolutionMuon,
    "sgd": keras.optimizers.SGD,
}
NAMES = tuple(CLASSES)
# Options that differ from Keras' own defaults.
DEFAULTS: dict[str, dict] = {
    "muon": {"exclude_layers": ["logits"]},
    "sgd": {"momentum": 0.9, "nesterov": True},
}


def create(name: str, learning_rate, *, weight_decay: float | None = None, **options):
    """Return a Keras optimizer whose weight decay changes only kernels.

    Args:
        name: "sgd" (with Nesterov momentum 0.9), "adam", "adamw", "lion", or "muon", which is
            `ConvolutionMuon` with Adam for layers named "logits".
        learning_rate: Float above 0, or a `keras.optimizers.schedules.LearningRateSchedule`.
        weight_decay: Part of each kernel that a step subtracts, times the learning rate. None for
            Keras' default: 0.004 for AdamW and Muon, no decay for the others.
        **options: Options of the Keras class, such as clipnorm, gradient_accumulation_steps or
            use_ema.

    Returns:
        A `keras.optimizers.Optimizer`, not yet built.

    Raises:
        UnknownNameError: There is no optimizer of that name.
        SettingError: The class does not take one of the options.

    >>> create("sgd", 0.1, weight_decay=5e-4).nesterov
    True
    """
    if name not in NAMES:
        raise UnknownNameError("optimizer", name, NAMES)
    arguments = {"learning_rate": learning_rate} | DEFAULTS.get(name, {}) | options
    if weight_decay is not None:
        arguments["weight_decay"] = weight_decay
        if name == "muon":
            arguments["adam_weight_decay"] = weight_decay
    try:
        optimizer = CLASSES[name](**arguments)
    except (TypeError, ValueError) as error:
        class_name = CLASSES[name].__name__
        raise SettingError(f"{class_name} does not take {options}: {error}") from None
    return decay_kernels_only(optimizer)


def decay_kernels_only(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Exclude biases, gamma and beta from an optimizer's weight decay.

    Keras does not save this setting with an optimizer, so repeat it after `from_config`.

    Args:
        optimizer: Any Keras optimizer, not yet built.

    Returns:
        The same optimizer.
    """
    optimizer.exclude_from_weight_decay(var_names=list(WITHOUT_DECAY))
    return optimizer
