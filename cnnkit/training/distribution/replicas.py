"""The devices that share each training step, and which of them are in use."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import ClassVar

import keras

from cnnkit.errors import SettingError

LEARNING_RATE = "as given: the global batch is the same on any number of devices"


@dataclass
class Votes:
    """What processes agree on in each compiled call, as all of them must do the same steps.

    Attributes:
        signal: The signal that came to this process; 0 while none has.
        agreed_signal: The signal that came to any process, known to all after the same step.
        voting: Whether steps are trained, so that no process may stop alone.
    """

    signal: int = 0
    agreed_signal: int = 0
    voting: bool = False


@dataclass
class Replicas:
    """The devices that share each training step; each holds all weights and computes a part of the batch.

    A subclass says how, for its backend.

    Attributes:
        names: Of all devices, as `keras.distribution.list_devices` names them.
        asked: The option `devices` that chose them.
        processes: How many processes train together.
        process: The number of this one, from 0.
        votes: What the processes agree on.
        loops: Whether several steps can be one compiled call.
        batch_normalization: Whose statistics batch normalisation takes, in words.
    """

    loops: ClassVar[bool] = False
    batch_normalization: ClassVar[str]

    names: tuple[str, ...]
    asked: str = "all"
    processes: int = 1
    process: int = 0
    votes: Votes = field(default_factory=Votes)

    def __post_init__(self):
        """Make what the backend shares steps with; a subclass does."""

    @property
    def count(self) -> int:
        """How many devices share a batch."""
        return len(self.names)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes the run folder."""
        return self.process == 0

    def scope(self) -> contextlib.AbstractContextManager:
        """Return the context in which a model is built and trained."""
        return contextlib.nullcontext()

    def callbacks(self, given: Iterable[keras.callbacks.Callback]) -> list:
        """Return the callbacks that this process calls in place of the user's.

        Args:
            given: The user's.
        """
        return list(given)

    def release(self, model: keras.Model) -> None:
        """Bring a model back to one device, after training.

        Args:
            model: A compiled model.
        """

    def leave(self) -> None:
        """End what binds processes together, once all of them have trained."""

    def expect_batches_divide(self, batch_size: int) -> None:
        """Refuse a batch size of which the devices cannot have equal parts.

        Args:
            batch_size: Samples of the global batch.

        Raises:
            SettingError: It is no multiple of the number of devices.
        """
        if batch_size % self.count:
            below = batch_size // self.count * self.count
            near = [str(each) for each in (below, below + self.count) if each]
            raise SettingError(
                f"A batch of {batch_size} cannot be shared equally by {self.count} devices: batch_size "
                f"is the global batch, and a multiple of {self.count}, such as {' or '.join(near)}."
            )

    def described(self, batch_size: int) -> dict:
        """Return what environment.json says.

        Args:
            batch_size: Samples of the global batch.
        """
        return {
            "asked": self.asked,
            "devices": list(self.names),
            "processes": self.processes,
            "global_batch": batch_size,
            "batch_per_device": batch_size // self.count,
            "sharding": "each device has all weights and computes its part of the batch",
            "learning_rate": LEARNING_RATE,
            "batch_normalization": self.batch_normalization,
        }

    def in_words(self, batch_size: int) -> str:
        """Return the sentences that are printed when a run starts.

        Args:
            batch_size: Samples of the global batch.
        """
        where = f" in {self.processes} processes" if self.processes > 1 else ""
        return (
            f"{self.count} devices{where} share each batch of {batch_size}: "
            f"{batch_size // self.count} samples a device. Global batch and learning rate stay as "
            f"given. Batch normalisation: {self.batch_normalization}."
        )


_active: ContextVar[Replicas | None] = ContextVar("replicas", default=None)


def active() -> Replicas | None:
    """Return the devices that share training steps; None for Keras' default device."""
    return _active.get()


@contextlib.contextmanager
def used(replicas: Replicas | None) -> Iterator[Replicas | None]:
    """Let these devices share the training steps in this context.

    Args:
        replicas: The devices; None for Keras' default device.

    Yields:
        The same.
    """
    token = _active.set(replicas)
    try:
        with replicas.scope() if replicas is not None else contextlib.nullcontext():
            yield replicas
    finally:
        _active.reset(token)


def set_values(model: keras.Model, change: Callable) -> None:
    """Assign to each variable of a model, its optimizer and its metrics a changed value.

    Args:
        model: A compiled model.
        change: A function from the variable to its new value.
    """
    for variable in (*model.variables, *model.optimizer.variables, *model.metrics_variables):
        variable.assign(change(variable))
