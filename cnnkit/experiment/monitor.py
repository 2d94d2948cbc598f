"""What chooses the best epoch: a metric of the logs and its direction, as Keras' `monitor`, `mode`."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.errors import SettingError
from cnnkit.keras_graph.metric_directions import metric_direction

MODES = ("auto", "min", "max")
ACCURACIES = (
    "accuracy", "acc", "binaryaccuracy", "categoricalaccuracy", "sparsecategoricalaccuracy",
)  # fmt: skip


@dataclass(frozen=True)
class Monitor:
    """The number by which epochs are compared.

    Attributes:
        name: Its name in Keras' logs, such as "val_accuracy".
        mode: "max" where the highest is the best, "min" where the lowest is.
    """

    name: str
    mode: str


def accuracy_name(metrics: Sequence) -> str | None:
    """Return the name that the accuracy has in Keras' logs.

    Args:
        metrics: As `keras.Model.compile` takes them.

    Returns:
        "accuracy" where a metric is called so, else the name of the first accuracy; None without.
    """
    names = [_name(metric) for metric in metrics if _is_accuracy(metric)]
    return "accuracy" if "accuracy" in names else names[0] if names else None


def monitor_of(monitor: str | None, mode: str, metrics: Sequence, *, by_accuracy: bool) -> Monitor:
    """Return what chooses the best epoch.

    Args:
        monitor: A name in Keras' logs; None for the validation accuracy, or, where there is none,
            the validation loss.
        mode: "min", "max", or "auto" for the direction that Keras knows of the metric.
        metrics: As `keras.Model.compile` takes them.
        by_accuracy: Whether an accuracy says how good a network is, as it does of one class a sample.

    Returns:
        The Monitor.

    Raises:
        SettingError: `mode` is none of these, or the direction is not known.
    """
    if mode not in MODES:
        raise SettingError(f"mode is 'auto', 'min' or 'max', as in Keras, not {mode!r}.")
    accuracy = accuracy_name(metrics)
    if monitor is None:
        monitor = f"val_{accuracy}" if accuracy and by_accuracy else "val_loss"
    if not isinstance(monitor, str):
        raise SettingError(f"monitor is a name in Keras' logs, as 'val_loss', not {monitor!r}.")
    direction = _direction(monitor.removeprefix("val_"), metrics) if mode == "auto" else mode
    if direction is None:
        raise SettingError(
            f"Whether the highest or the lowest {monitor!r} is the best is not known: give the "
            "Experiment mode='max' or mode='min'."
        )
    return Monitor(monitor, direction)


def expect_logged(monitor: Monitor, metrics: Sequence) -> None:
    """Check that the logs will have what is monitored, where no callback adds to them.

    Args:
        monitor: What chooses the best epoch.
        metrics: As `keras.Model.compile` takes them.

    Raises:
        SettingError: There is no metric of that name.
    """
    name = monitor.name.removeprefix("val_")
    if name != "loss" and not any(_belongs(name, metric) for metric in metrics):
        names = ", ".join(f"'val_{each}'" for each in ("loss", *map(_name, metrics)))
        raise SettingError(
            f"monitor={monitor.name!r} is not in the logs, which have {names}: choose one of them, "
            "or add the metric to metrics."
        )


def _name(metric) -> str:
    """Return the name that `keras.Model.compile` gives a metric."""
    if isinstance(metric, str):
        return metric
    return str(getattr(metric, "name", None) or getattr(metric, "__name__", type(metric).__name__))


def _is_accuracy(metric) -> bool:
    kind = metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)
    return any(text.lower().replace("_", "") in ACCURACIES for text in (kind, _name(metric)))


def _belongs(name: str, metric) -> bool:
    """Return whether a name in the logs is of a metric, or of its part for a class."""
    return name == _name(metric) or name.startswith(f"{_name(metric)}_")


def _direction(name: str, metrics: Sequence) -> str | None:
    if name == "loss":
        return "min"
    owners = sorted(
        (each for each in metrics if _belongs(name, each)), key=lambda m: -len(_name(m))
    )
    if not owners:
        return None
    return "max" if _is_accuracy(owners[0]) else metric_direction(owners[0])
