"""The option `devices`: "all", or the numbers of some, and the devices that it stands for."""

from collections.abc import Iterable

import keras

from cnnkit.errors import SettingError
from cnnkit.training.distribution.backends import of_backend
from cnnkit.training.distribution.replicas import Replicas

ALL = "all"


def replicas_of(
    devices: str | int | Iterable[int] | None, *, processes: int = 1, process: int = 0
) -> Replicas | None:
    """Return the devices that share training steps.

    Args:
        devices: "all", or the numbers of some as "0,1" or (0, 1), counted from 0 in each process.
            None is Keras' default device, or all where several processes train together.
        processes: How many processes train together.
        process: The number of this one.

    Returns:
        The devices; None where that is the default device of a single process.

    Raises:
        SettingError: There is no such device, or the backend cannot use several.
    """
    if devices is None and processes == 1:
        return None
    backend = of_backend()
    here = backend.names_by_process()[process]
    numbers = _numbers(ALL if devices is None else devices, here)
    if processes == 1 and numbers == [0]:
        return None
    asked = ALL if devices in (ALL, None) else ",".join(map(str, numbers))
    return backend.replicas(numbers, asked, processes, process)


def _numbers(devices: str | int | Iterable[int], here: list[str]) -> list[int]:
    """Return the numbers of the devices that are meant, in their order."""
    if devices == ALL:
        return list(range(len(here)))
    words = devices.split(",") if isinstance(devices, str) else devices
    try:
        numbers = [int(each) for each in ([words] if isinstance(words, int) else words)]
    except (TypeError, ValueError):
        numbers = []
    if not numbers or len(set(numbers)) < len(numbers):
        raise SettingError(f'devices is "all" or different numbers such as "0,1", not {devices!r}.')
    unknown = [each for each in numbers if not 0 <= each < len(here)]
    if unknown:
        raise SettingError(
            f"There is no device {unknown[0]}: {keras.backend.backend()} has {len(here)} here, "
            f"{', '.join(here)}, with numbers from 0."
        )
    return sorted(numbers)
