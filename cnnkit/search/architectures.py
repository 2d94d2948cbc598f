"""Ready spaces of networks. Whatever is drawn from them, the factory can build it."""

import math
from collections.abc import Callable

from cnnkit.errors import SettingError

OPEN_SIZE = 32  # pixels a side that inputs of open size are taken to have


def convnet_options(
    image_shape: tuple[int | None, ...], prefix: str = "network."
) -> Callable[..., dict]:
    """Return a space of options for `cnnkit.models.convnet`.

    It varies the number of stages, their depth and widths, kernel, pooling, activation, batch
    normalisation, the dense layers and their dropout.

    Args:
        image_shape: (height, width, channels) or (steps, channels), as the factory takes it; None
            for an open size.
        prefix: Begins the name of each parameter, so that none is called as a setting.

    Returns:
        A function of Optuna's trial, for the place of a setting's values in a space. It returns the
        factory's options by name.

    Raises:
        SettingError: The shape has no sizes, or one is less than 2.
    """
    stages_that_fit = _stages_that_fit("convnet_options", image_shape)

    def options(trial) -> dict:
        stages = trial.suggest_int(f"{prefix}stages", 1, min(stages_that_fit, 4))
        depth = trial.suggest_int(f"{prefix}depth", 1, 3)
        width = trial.suggest_int(f"{prefix}width", 8, 64, log=True)
        growth = trial.suggest_float(f"{prefix}growth", 1.0, 2.0)
        return {
            "depths": (depth,) * stages,
            "widths": tuple(round(width * growth**stage) for stage in range(stages)),
            "kernel_size": trial.suggest_categorical(f"{prefix}kernel_size", (3, 5)),
            "pool": trial.suggest_categorical(f"{prefix}pool", ("max", "average")),
            "activation": trial.suggest_categorical(f"{prefix}activation", ("relu", "elu", "silu")),
            "batch_normalization": trial.suggest_categorical(
                f"{prefix}batch_normalization", (False, True)
            ),
            **_head(trial, prefix, image_shape, layers=1, units=(32, 256)),
        }

    options.__name__ = "convnet_options"
    return options


def vgg_options(
    image_shape: tuple[int | None, ...], prefix: str = "network."
) -> Callable[..., dict]:
    """Return a space of options for `cnnkit.models.vgg`.

    It varies the number of stages, the depth of each, their widths, batch normalisation, the dense
    layers and their dropout. Widths double from stage to stage up to 512, as in the paper.

    Args:
        image_shape: (height, width, channels); None for an open size.
        prefix: Begins the name of each parameter, so that none is called as a setting.

    Returns:
        A function of Optuna's trial, as of `convnet_options`.

    Raises:
        SettingError: The shape has no sizes, or one is less than 2.
    """
    stages_that_fit = _stages_that_fit("vgg_options", image_shape)

    def options(trial) -> dict:
        stages = trial.suggest_int(f"{prefix}stages", 1, min(stages_that_fit, 5))
        width = trial.suggest_categorical(f"{prefix}width", (16, 32, 64))
        return {
            "depths": tuple(
                trial.suggest_int(f"{prefix}depth{stage + 1}", 1, 3) for stage in range(stages)
            ),
            "widths": tuple(min(width * 2**stage, 512) for stage in range(stages)),
            "batch_normalization": trial.suggest_categorical(
                f"{prefix}batch_normalization", (False, True)
            ),
            **_head(trial, prefix, image_shape, layers=2, units=(64, 512)),
        }

    options.__name__ = "vgg_options"
    return options


def _stages_that_fit(name: str, image_shape: tuple[int | None, ...]) -> int:
    """Return how often all sizes of a shape can be halved."""
    sizes = [OPEN_SIZE if size is None else size for size in image_shape[:-1]]
    if not sizes or min(sizes) < 2:
        raise SettingError(
            f"{name} takes (height, width, channels) with sides of at least 2, not {image_shape}."
        )
    return int(math.log2(min(sizes)))


def _head(trial, prefix: str, image_shape, *, layers: int, units: tuple[int, int]) -> dict:
    """Draw how feature maps become logits."""
    heads = ("global",) if None in image_shape else ("flatten", "global")
    options = {"head": trial.suggest_categorical(f"{prefix}head", heads)}
    count = trial.suggest_int(f"{prefix}hidden_layers", 0, layers)
    if not count:
        return options | {"hidden_units": ()}
    size = trial.suggest_int(f"{prefix}hidden_units", *units, log=True)
    dropout = trial.suggest_float(f"{prefix}dropout", 0.0, 0.5)
    return options | {"hidden_units": (size,) * count, "dropout": dropout}
