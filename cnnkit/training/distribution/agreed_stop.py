"""A signal that one process receives stops all processes of a run after the same step."""

from cnnkit.training.checkpointing.signals import StopOnSignal
from cnnkit.training.distribution.replicas import Votes, active


class AgreedStop(StopOnSignal):
    """Notes a signal, and reports it while steps are trained only once all processes know of it.

    Args:
        votes: What the processes agree on.
    """

    def __init__(self, votes: Votes):
        self.votes = votes
        super().__init__()

    @property
    def received(self) -> int | None:
        """The number of the signal that came; None while none has."""
        signal = self.votes.agreed_signal if self.votes.voting else self.votes.signal
        return signal or None

    @received.setter
    def received(self, number: int | None):
        self.votes.signal = number or 0


def stop_on_signal() -> StopOnSignal:
    """Return what notes signals for a training in this process."""
    replicas = active()
    if replicas is None or replicas.processes == 1:
        return StopOnSignal()
    return AgreedStop(replicas.votes)
