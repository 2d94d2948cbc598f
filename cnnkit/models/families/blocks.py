"""The few pieces that several families share: checks, the last layers, and assembling a model."""

import inspect
from collections.abc import Callable
from functools import partial

import keras

from cnnkit.errors import SettingError
from cnnkit.settings import expect_counts

LARGEST = 2**16  # sizes beyond this are not searched for the smallest that fits
GLOBAL_POOLING = {
    ("avg", 1): keras.layers.GlobalAveragePooling1D,
    ("avg", 2): keras.layers.GlobalAveragePooling2D,
    ("max", 1): keras.layers.GlobalMaxPooling1D,
    ("max", 2): keras.layers.GlobalMaxPooling2D,
}


def variant(family: Callable, name: str, **options) -> Callable:
    """Return a published member of a family: its factory with some options given."""
    made = partial(family, name=name, **options)
    given = ", ".join(f"{option}={value!r}" for option, value in options.items())
    made.__name__ = name
    made.__doc__ = f"`{family.__name__}` with {given}.\n\n{inspect.getdoc(family)}"
    return made


def require_size(name: str, image_shape: tuple, *size_after: Callable[[int], int]) -> None:
    """Raise SettingError, naming the smallest size that fits, if the network's maps would vanish.

    image_shape: (height, width, channels) or (steps, channels); None for a size means any.
    size_after: from an input's height or width to that of the last feature map, one for all axes
        or one each; < 1 is too small.
    """
    if len(size_after) == 1:
        size_after *= max(len(image_shape) - 1, 1)
    for size, after in zip(image_shape, size_after, strict=False):
        if size is not None and after(size) < 1:
            smallest = next((n for n in range(size, LARGEST) if after(n) >= 1), None)
            raise SettingError(
                f"{name} cannot take inputs of shape {tuple(image_shape)}: {size} is too small, "
                f"the smallest size that fits is {smallest}."
            )


def require_image(name: str, image_shape: tuple) -> None:
    """Raise SettingError unless the shape is (height, width, channels)."""
    if not isinstance(image_shape, tuple | list) or len(image_shape) != 3 or not image_shape[2]:
        raise SettingError(
            f"{name} takes images of shape (height, width, channels), not {image_shape}."
        )


def require_choice(option: str, value, choices: tuple) -> None:
    """Raise SettingError unless the value is one of the choices."""
    if value not in choices:
        raise SettingError(f"{option} is one of {', '.join(map(repr, choices))}, not {value!r}.")


def require_stages(depths: tuple[int, ...], widths: tuple[int, ...]) -> None:
    """Raise SettingError unless there is a width for each depth."""
    if len(depths) != len(widths):
        raise SettingError(f"depths and widths differ in length: {depths=}, {widths=}.")


def require_top(include_top: bool, pooling: str | None, classifier_activation: str | None) -> None:
    """Raise SettingError where an option is for the other one of with and without a top."""
    if include_top and pooling is not None:
        raise SettingError(
            f"pooling={pooling!r} is for a network without its top: give include_top=False, too."
        )
    if not include_top and classifier_activation is not None:
        raise SettingError(
            f"classifier_activation={classifier_activation!r} is for a network with its top: leave "
            "it out, or include_top=False."
        )


def size_of_map(size: int, window: int, stride: int, padding: str | int) -> int:
    """Return a map's size: (W - F + 2 P) / S + 1 rounded down; W / S rounded up for "same".

    >>> size_of_map(224, 7, 2, 3), size_of_map(28, 5, 1, "valid"), size_of_map(7, 2, 2, "same")
    (112, 24, 4)
    """
    if padding == "same":
        return -(-size // stride)
    border = 0 if padding == "valid" else padding
    return (size - window + 2 * border) // stride + 1


def flattened(features, image_shape: tuple, name: str):
    """Return feature maps as one vector; raises SettingError where their size is not known."""
    if None in image_shape:
        raise SettingError(
            f"{name} flattens its feature maps and so needs a whole image shape, not "
            f"{tuple(image_shape)}; give one, or choose head='global' where there is that option."
        )
    return keras.layers.Flatten(name="flatten")(features)


def vector(maps, head: str, image_shape: tuple, name: str):
    """Return feature maps as a vector: all values ("flatten") or the mean of each ("global")."""
    require_choice("head", head, ("flatten", "global"))
    if head == "global":
        return without_top(maps, "avg")
    return flattened(maps, image_shape, name)


def hidden_layers(units, hidden_units: tuple[int, ...], activation: str, dropout: float, name: str):
    """Return what dense layers make of `units`; dropout follows each of them, 0 for none."""
    for index, size in enumerate(hidden_units, start=1):
        units = keras.layers.Dense(size, activation=activation, name=f"{name}{index}")(units)
        if dropout:
            units = keras.layers.Dropout(dropout, name=f"{name}{index}_dropout")(units)
    return units


def classifier(features, num_classes: int, activation: str | None):
    """Return `logits`, one number a class; with an activation, `probabilities` made of them."""
    expect_counts(num_classes=num_classes)
    # The loss of half-precision logits is a coarse one.
    logits = keras.layers.Dense(num_classes, name="logits", dtype="float32")(features)
    return activated(logits, activation)


def activated(logits, activation: str | None):
    """Return logits as they are, or with an activation as the layer `probabilities`."""
    if activation is None:
        return logits
    # Exponentials of half-precision logits lose what tells classes apart.
    return keras.layers.Activation(activation, dtype="float32", name="probabilities")(logits)


def normalised(maps, *, scale: bool = True):
    """Return ReLU of normalised maps, as networks have it that are trained for a few epochs.

    scale: whether normalisation has a scale a map, and not an offset alone.
    """
    # Moving averages of the last steps alone: in so few epochs the weights move far.
    normalisation = keras.layers.BatchNormalization(scale=scale, momentum=0.9, epsilon=1e-5)
    return keras.layers.ReLU()(normalisation(maps))


def without_top(maps, pooling: str | None):
    """Return the last feature maps of a network without its top, as Keras' `include_top` has it.

    pooling: None for the maps themselves, "avg" or "max" for one number a map.
    """
    require_choice("pooling", pooling, (None, "avg", "max"))
    if pooling is None:
        return maps
    return GLOBAL_POOLING[pooling, len(maps.shape) - 2](name=f"{pooling}_pool")(maps)
