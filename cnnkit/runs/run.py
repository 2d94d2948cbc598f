"""Run: one call of an experiment, and its folder."""

import os
import secrets
import socket
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cnnkit import atomic, plots
from cnnkit.errors import RunFolderError
from cnnkit.evaluation.tasks import task_of_results
from cnnkit.runs import making, own_layers, records
from cnnkit.runs.report_file import Report
from cnnkit.runs.saved_weights import SavedWeights, saved_weights
from cnnkit.runs.trusting import is_trusting
from cnnkit.runs.uses import Uses

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure


class Run(Uses):
    """A run: one call of an experiment, as its folder records it.

    Each property reads the folder when asked. Files are JSON, CSV, HTML or a format of Keras.

    Args:
        folder: The run folder.
        trust: Whether its code and model may be used although they have changed since, or the model
            brings code. None is False, but inside `runs.trusting`.

    Attributes:
        folder: The run folder.

    >>> Run("runs/digits_lenet5/first").name
    'first'
    """

    def __init__(self, folder: str | os.PathLike, *, trust: bool | None = None):
        self.folder = Path(folder)
        self.trust = is_trusting() if trust is None else trust

    @classmethod
    def create(cls, runs_dir: str | os.PathLike, experiment: str, name: str | None = None) -> "Run":
        """Make the folder `runs_dir/experiment/name`.

        Args:
            runs_dir: The folder that holds the runs.
            experiment: The experiment's name.
            name: The run's name; time and four letters if None.

        Returns:
            The run.

        Raises:
            RunFolderError: The name is taken, or the folder cannot be made.
        """
        name = name or f"{datetime.now():%Y-%m-%dT%H-%M-%S}_{secrets.token_hex(2)}"
        if not isinstance(name, str) or Path(name).name != name or name[0] == "." or "\0" in name:
            raise RunFolderError(
                f"A run's name is one folder's name, not {name!r}: leave out '/', and do not begin it "
                "with '.', by which files are hidden."
            )
        folder = Path(runs_dir) / experiment / name
        try:
            making.make(folder)
        except FileExistsError:
            raise RunFolderError(
                f"There is a run named {name!r} at {folder}; give another --name, or none."
            ) from None
        except OSError as error:
            raise RunFolderError(
                f"The run folder {folder} cannot be made ({error.strerror}); "
                "choose a place that can be written to with --runs-dir."
            ) from None
        return cls(folder)

    def __repr__(self):
        return f"<Run {str(self.folder)!r}: {self._outcome()}>"

    def __fspath__(self):
        return str(self.folder)

    @property
    def name(self) -> str:
        """The run's name, which is that of its folder."""
        return self.folder.absolute().name

    @property
    def started(self) -> datetime | None:
        """When the run began, with its offset from UTC; None for a folder that does not say."""
        text = self.status.get("started")
        # Earlier versions wrote local time, some without an offset.
        return datetime.fromisoformat(text).astimezone(UTC) if text else None

    @property
    def seconds(self) -> float | None:
        """How long the run trained: the sum over its epochs, with their validation.

        Epochs before a run was resumed count, too. None before the first epoch ends.
        """
        return sum(self.history.get("seconds", [])) or None

    @property
    def status(self) -> dict:
        """What the run does or how it ended, a dict.

        Items are `state` ("running", "finished", "interrupted" or "failed"), `epoch`, `reason`,
        `started` and more. A run whose process ended without notice is "failed".
        """
        status = self.read_json("status.json")
        if status["state"] == "running" and making.is_gone(status.get("pid"), status.get("host")):
            return status | {"state": "failed", "reason": "its process is gone without notice"}
        return status

    @property
    def experiment(self) -> dict:
        """The recipe, a dict: the experiment's source and settings, and each part that it built."""
        return self.read_json("experiment.json")

    @property
    def phases(self) -> dict:
        """Which layers trained in each phase, a dict; only runs of several phases have it."""
        return self.read_json("phases.json")

    @property
    def environment(self) -> dict:
        """What the run ran on, a dict: versions, backend, devices, precision, seed, git commit."""
        return self.read_json("environment.json")

    @property
    def dataset(self) -> dict:
        """What the run trained on, a dict: name, sizes, class names and content hash."""
        return self.read_json("dataset.json")

    @property
    def results(self) -> dict:
        """How good the run's model is, a dict; empty until the run is finished.

        `results["test"]["accuracy"]` is the accuracy on the test images, from 0 to 1. There are the
        interval, the confusion matrix, the metrics of each class, the validation metrics of the
        chosen epoch and the timing, too.
        """
        return self.read_json("results.json") if (self.folder / "results.json").exists() else {}

    @property
    def history(self) -> dict[str, list[float]]:
        """The metrics of each epoch, as in Keras' `History.history`.

        It maps each name, such as "loss" and "val_accuracy", to a list with a number for each epoch.
        "epoch" counts from 1, and "seconds" is the time of each epoch. It is empty before the first
        epoch ends.
        """
        return records.read_history(self.folder)

    @property
    def saved_weights(self) -> SavedWeights | None:
        """Which epoch, of which phase, the weights in model.keras are of; None before any are.

        Raises:
            RunFolderError: A file of the run cannot be read.
        """
        epoch = self.status.get("saved_epoch") or (self.results.get("validation") or {}).get(
            "epoch"
        )
        if not epoch:
            return None
        has_phases = (self.folder / "phases.json").exists()
        return saved_weights(
            epoch,
            is_best=self.experiment.get("restore_best_weights", True),
            phases=self.phases["phases"] if has_phases else [],
            history=self.history,
        )

    @cached_property
    def model(self) -> "keras.Model":
        """The trained model, which takes raw inputs and returns probabilities.

        Raises:
            RunFolderError: There is no model yet, it is damaged, it could do harm, or it has layers of
                one's own that the run's unchanged source does not define.
        """
        return own_layers.load_model(self)

    def plot(self) -> "Figure":
        """Draw the run's loss and metrics over the epochs.

        Returns:
            A matplotlib figure.
        """
        return plots.learning_curves(self.history)

    def report(self) -> Report:
        """Return the run's report.

        Returns:
            The report, which a notebook shows in place.
        """
        return Report(self.folder / "report.html")

    def read_json(self, filename: str) -> dict:
        """Read one of the folder's JSON files.

        Args:
            filename: The file's name.

        Returns:
            Its content.

        Raises:
            RunFolderError: The file is missing or broken, or holds something else.
        """
        return records.read_json(self.folder, filename)

    def write_json(self, filename: str, content: dict) -> None:
        """Write one of the folder's JSON files atomically.

        Args:
            filename: The file's name.
            content: What `cnnkit.atomic.write_json` takes.
        """
        atomic.write_json(self.folder / filename, content)

    def _outcome(self) -> str:
        """Return in a few words how the run ended, for `repr`, which never raises."""
        try:
            state, test = self.status["state"], self.results.get("test")
        except RunFolderError as error:
            return f"unreadable, {str(error).rstrip('.')}"
        if not test:
            return state
        title, value = next(iter(task_of_results(test).results_in_words(test).items()))
        return f"{state}, {title} {value.split('  ')[0]}"

    def write_status(self, state: str, **fields) -> None:
        """Update status.json; the fields that are not named stay.

        Args:
            state: "running", "finished", "interrupted" or "failed".
            **fields: Others to set, such as `epoch` and `reason`.
        """
        try:
            status = self.read_json("status.json")
        except RunFolderError:  # not written yet, or damaged, which must not end a training
            status = {"started": _now()}
        status |= {
            "state": state,
            "updated": _now(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
        }
        self.write_json("status.json", status | fields)


def samples_per_split(dataset: dict) -> dict[str, int]:
    """Return how many samples each split has.

    Args:
        dataset: A run's dataset.json.

    Returns:
        Counts by the name of the split.
    """
    return dataset.get("samples", {})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
