"""What a server takes at most, so that no request and no crowd of them uses up the machine."""

import math
from dataclasses import dataclass, fields

from cnnkit.errors import SettingError

RANGES = {  # smallest and largest value of each limit
    "max_batch": (1, 4096),
    "max_wait": (0, 10),
    "max_queue": (1, 100_000),
    "max_files": (1, 10_000),
    "max_bytes": (1, 2**31),
    "max_pixels": (1, 2**31),
    "timeout": (0.01, 3600),
}


@dataclass(frozen=True)
class Limits:
    """What a server takes at most.

    Attributes:
        max_batch: Inputs that the model computes at once.
        max_wait: Seconds that an input waits for others to join its batch, while the model is idle.
        max_queue: Requests that are being read or answered, and inputs that wait for the model. More
            are refused with status 503.
        max_files: Files in one request.
        max_bytes: Bytes of one request's body. All bodies together hold at most 8 times as many.
        max_pixels: Pixels of one picture, width x height.
        timeout: Seconds in which a body must arrive; and seconds that an answer may take then.

    Raises:
        SettingError: A limit is out of its range, or max_files is larger than max_queue.
    """

    max_batch: int = 8
    max_wait: float = 0.002
    max_queue: int = 256
    max_files: int = 64
    max_bytes: int = 32 * 2**20
    max_pixels: int = 50_000_000
    timeout: float = 30.0

    def __post_init__(self):
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), RANGES[field.name]
            if not math.isfinite(value) or not low <= value <= high:
                raise SettingError(f"{field.name} is {low} to {high}, not {value}.")
        if self.max_files > self.max_queue:
            raise SettingError(
                f"max_files is at most max_queue, {self.max_queue}, not {self.max_files}."
            )

    @property
    def max_bytes_held(self) -> int:
        """Bytes that the bodies of all requests may take in memory."""
        return 8 * self.max_bytes
