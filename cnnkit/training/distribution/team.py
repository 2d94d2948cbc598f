"""The processes and devices of one run: they build the same, train together, and the first one writes."""

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cnnkit import atomic
from cnnkit.errors import RunFolderError, StoppedError
from cnnkit.experiment.experiment import Experiment
from cnnkit.runs import Run
from cnnkit.runs.lock import locked
from cnnkit.training.distribution import processes as together
from cnnkit.training.distribution.devices import replicas_of
from cnnkit.training.distribution.processes import Process
from cnnkit.training.distribution.replicas import Replicas, used
from cnnkit.training.environment import environment

NOT_COMPARED = ("command", "source", "study")


@dataclass(frozen=True)
class Sharing:
    """Who shares the training of a run.

    Attributes:
        devices: "all", or numbers of devices such as "0,1"; None for Keras' default device.
        processes: "auto", or "ADDRESS:PORT,NUMBER,ID"; None for no other process, unless the
            environment's KERAS_DISTRIBUTION_* names them.
    """

    devices: str | int | Iterable[int] | None = None
    processes: str | None = None

    def or_as_in(self, run: Run) -> "Sharing":
        """Return this, with a run's own devices where none are given.

        Args:
            run: The run.
        """
        asked = (run.environment.get("distribution") or {}).get("asked")
        return Sharing(asked if self.devices is None else self.devices, self.processes)


ALONE = Sharing()


@dataclass(frozen=True)
class Team:
    """This process among those of a run, and the devices of all of them.

    Attributes:
        process: Which one this is.
        replicas: The devices; None for Keras' default device.
    """

    process: Process
    replicas: Replicas | None

    @contextlib.contextmanager
    def entering(self, context: contextlib.AbstractContextManager) -> Iterator:
        """Enter a context in every process, or in none.

        Args:
            context: What may fail in one of them.

        Yields:
            What the context yields.
        """
        with contextlib.ExitStack() as stack:
            value, error = None, None
            try:
                value = stack.enter_context(context)
            except Exception as raised:
                error = raised
            together.expect_all_well(self.process, error)
            yield value

    def expect_same(self, experiment: Experiment, recipe: dict, start: str = "") -> None:
        """Refuse processes with other versions, another experiment or other data than the first.

        Args:
            experiment: What is trained.
            recipe: What experiment.json says.
            start: The name of the checkpoint that training goes on from.

        Raises:
            SettingError: A process differs.
        """
        if self.process.count == 1:
            return
        versions = environment(0)["versions"]
        facts = {
            f"the version of {name}": versions.get(name)
            for name in ("cnnkit", "keras", "jax", "numpy")
        }
        facts["the experiment"] = atomic.as_read(
            {name: part for name, part in recipe.items() if name not in NOT_COMPARED}
        )
        facts |= {"the data": experiment.data.content_hash, "the checkpoint": start}
        weights = hashlib.sha256()
        for each in experiment.network.get_weights():
            weights.update(each.tobytes())
        facts["the first weights"] = weights.hexdigest()
        together.expect_same(self.process, facts)

    def record(self, open_run: Callable[[], Run]) -> contextlib.AbstractContextManager[Run]:
        """Return the context of the run folder: in all but the first, one that is deleted afterwards.

        So all of them do the same, and one run folder remains.

        Args:
            open_run: Returns the run; called in the first process.
        """
        return self.entering(self._own_record(open_run))

    @contextlib.contextmanager
    def _own_record(self, open_run: Callable[[], Run]) -> Iterator[Run]:
        if self.process.number == 0:
            yield open_run()
            return
        with tempfile.TemporaryDirectory(prefix="cnnkit-") as folder:
            run = Run.create(folder, "process", str(self.process.number))
            run.write_status("running")
            yield run

    @contextlib.contextmanager
    def loss_recorded(self, run: Run) -> Iterator[None]:
        """Note in the first process' run that a process is gone: it may be the first one itself.

        Args:
            run: The first process' run.
        """
        try:
            yield
        except StoppedError as error:
            if self.process.number:
                with contextlib.suppress(RunFolderError, OSError):  # no disk that all see
                    if run.status["state"] in ("running", "failed"):
                        run.write_status("interrupted", reason=str(error))
            raise

    def run_of_first(self, run: Run) -> Run:
        """Return the first process' run, in every process.

        Args:
            run: This process' own.
        """
        if self.process.count == 1:
            return run
        return Run(Path(together.first_says(self.process, str(run.folder.absolute()))))

    def alone_in(self, folder: Path) -> contextlib.AbstractContextManager:
        """Return the context in which the first process has locked a run folder.

        Args:
            folder: The run folder.
        """
        return locked(folder) if self.process.number == 0 else contextlib.nullcontext()

    def expect_batches_divide(self, experiment: Experiment) -> None:
        """Refuse a batch that devices cannot share, and say how they share it.

        Args:
            experiment: What is trained.

        Raises:
            SettingError: The batch size is no multiple of the number of devices.
        """
        if self.replicas is None:
            return
        self.replicas.expect_batches_divide(experiment.batch_size)
        if self.process.number == 0:
            print(self.replicas.in_words(experiment.batch_size))


@contextlib.contextmanager
def team_of(sharing: Sharing) -> Iterator[Team]:
    """Join the other processes, and let the chosen devices share training steps in this context.

    Args:
        sharing: Who shares the training.

    Yields:
        The team.

    Raises:
        SettingError: Devices or processes are not there.
    """
    process = together.join(sharing.processes)
    replicas = replicas_of(sharing.devices, processes=process.count, process=process.number)
    with used(replicas):
        yield Team(process, replicas)
