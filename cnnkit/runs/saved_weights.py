"""SavedWeights: which epoch, of which phase, the weights in a run's model.keras are of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SavedWeights:
    """Where the weights in a run's model.keras come from.

    Attributes:
        epoch: The epoch at whose end the model had these weights, counted from 1.
        is_best: Whether a run keeps the weights of its best epoch; else those of its last one.
        phase: Name of the phase of that epoch; None for a run of a single phase.
        phase_number: Number of that phase, counted from 1.
        metrics: The metrics of that epoch by name, such as `val_accuracy`; {} if they are missing.
    """

    epoch: int
    is_best: bool
    phase: str | None
    phase_number: int
    metrics: Mapping[str, float]

    def __str__(self) -> str:
        words = f"epoch {self.epoch}, the {'best' if self.is_best else 'last'}"
        return f"{words}, of phase {self.phase_number} ({self.phase})" if self.phase else words


def saved_weights(
    epoch: int,
    *,
    is_best: bool,
    phases: Sequence[Mapping],
    history: Mapping[str, Sequence[float]],
) -> SavedWeights:
    """Return what a run's files say about the weights of an epoch.

    Args:
        epoch: The epoch whose weights are saved, counted from 1.
        is_best: Whether the run keeps the weights of its best epoch.
        phases: A record a phase, as phases.json has them; [] for a run of a single phase.
        history: A list of numbers a metric, one an epoch.

    Returns:
        The SavedWeights.
    """
    number = sum(phase.get("first_epoch", 1) <= epoch for phase in phases)
    return SavedWeights(
        epoch=epoch,
        is_best=is_best,
        phase=phases[number - 1]["phase"] if number else None,
        phase_number=max(number, 1),
        metrics={name: row[epoch - 1] for name, row in history.items() if len(row) >= epoch},
    )
