"""Checks of the arguments that several factories share, each with a message that names the way out."""

from collections.abc import Callable

from cnnkit.errors import SettingError

LARGEST = 2**16  # no search for the smallest size that fits goes beyond this


def require_size(name: str, image_shape: tuple, *size_after: Callable[[int], int]) -> None:
    """Require that the last feature maps have at least one pixel.

    Args:
        name: The network's name, for the error message.
        image_shape: (height, width, channels) or (steps, channels); None for any size.
        size_after: Functions from an input's height or width to that of the last feature map: one
            for all axes, or one each. Less than 1 means too small.

    Raises:
        SettingError: The image is too small; the message names the smallest size that fits.
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
    """Require an image's shape.

    Args:
        name: The network's name, for the error message.
        image_shape: (height, width, channels); None for any height or width.

    Raises:
        SettingError: The shape has another length, or no channels.
    """
    if not isinstance(image_shape, tuple | list) or len(image_shape) != 3 or not image_shape[2]:
        raise SettingError(
            f"{name} takes images of shape (height, width, channels), not {image_shape}."
        )


def require_choice(option: str, value, choices: tuple) -> None:
    """Require one of some values.

    Args:
        option: The option's name, for the error message.
        value: Its value.
        choices: The allowed values.

    Raises:
        SettingError: `value` is not among them.
    """
    if value not in choices:
        raise SettingError(f"{option} is one of {', '.join(map(repr, choices))}, not {value!r}.")


def require_stages(depths: tuple[int, ...], widths: tuple) -> None:
    """Require a width for each depth.

    Args:
        depths: Convolutions or blocks of each stage.
        widths: Filters of each stage.

    Raises:
        SettingError: They differ in length.
    """
    if len(depths) != len(widths):
        raise SettingError(f"depths and widths differ in length: {depths=}, {widths=}.")


def output_size(size: int, window: int, stride: int, padding: str | int) -> int:
    """Return a feature map's height or width.

    Args:
        size: Height or width W of the input, in pixels.
        window: Height or width F of the kernel.
        stride: Step S of the window.
        padding: "valid", "same", or the number P of zeros on each side.

    Returns:
        W / S rounded up for "same", else (W - F + 2 P) / S + 1 rounded down.

    >>> output_size(224, 7, 2, 3), output_size(28, 5, 1, "valid"), output_size(7, 2, 2, "same")
    (112, 24, 4)
    """
    if padding == "same":
        return -(-size // stride)
    border = padding if isinstance(padding, int) else 0
    return (size - window + 2 * border) // stride + 1
