"""Run: one call of an experiment, and its folder."""

import csv
import html
import json
import os
import secrets
import socket
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cnnkit import plots
from cnnkit.errors import RunFolderError
from cnnkit.keras_import import import_keras
from cnnkit.runs import atomic
from cnnkit.runs.saved_weights import SavedWeights, saved_weights

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure


class Run:
    """A run: one call of an experiment, as its folder records it.

    Each property reads the folder when asked. Files are JSON, CSV, HTML or a format of Keras.

    Args:
        folder: The run folder.
        trust: Whether its experiment.py may be executed although it has changed since.

    Attributes:
        folder: The run folder.

    >>> Run("runs/digits_lenet5/first").name
    'first'
    """

    def __init__(self, folder: str | os.PathLike, *, trust: bool = False):
        self.folder, self.trust = Path(folder), trust

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
        folder = Path(runs_dir) / experiment / name
        if Path(name).name != name:
            raise RunFolderError(f"A run's name is one folder's name, not {name!r}: leave out '/'.")
        try:
            folder.mkdir(parents=True)
            for part in ("tensorboard", "checkpoints"):
                (folder / part).mkdir()
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
        return f"Run({str(self.folder)!r})"

    def __fspath__(self):
        return str(self.folder)

    @property
    def name(self) -> str:
        """The run's name, which is that of its folder."""
        return self.folder.name

    @property
    def status(self) -> dict:
        """What the run does or how it ended, a dict.

        Items are `state` ("running", "finished", "interrupted" or "failed"), `epoch`, `reason`,
        `started` and more. A run whose process ended without notice is "failed".
        """
        status = self.read_json("status.json")
        if status["state"] == "running" and _process_is_gone(status):
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
        path = self.folder / "metrics.csv"
        if not path.exists():
            return {}
        try:
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file))
            return {key: [float(row[key]) for row in rows] for key in rows[0]} if rows else {}
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise RunFolderError(f"{path} cannot be read: {error}") from None

    @property
    def saved_weights(self) -> SavedWeights | None:
        """Which epoch, of which phase, the weights in model.keras are of; None before any are.

        Raises:
            RunFolderError: A file of the run cannot be read.
        """
        epoch = self.status.get("saved_epoch") or self.results.get("validation", {}).get("epoch")
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
            RunFolderError: There is no model yet, or it needs KerasHub.
        """
        path = self.folder / "model.keras"
        if not path.exists():
            raise RunFolderError(f"{self.folder} has no model.keras: no epoch was finished.")
        try:
            return import_keras().saving.load_model(path, compile=False, safe_mode=True)
        except TypeError as error:
            # Keras raises this if it cannot import a layer's module, which it does by itself.
            if "module keras_hub" not in str(error):
                raise
            raise RunFolderError(
                f'{path} has layers of KerasHub, which is not here: pip install "cnnkit[hub]".'
            ) from error

    def plot(self) -> "Figure":
        """Draw the run's loss and metrics over the epochs.

        Returns:
            A matplotlib figure.
        """
        return plots.learning_curves(self.history)

    def report(self) -> "Report":
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
            RunFolderError: The file is missing or broken, or holds no object.
        """
        path = self.folder / filename
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise RunFolderError(
                f"{self.folder} is not a whole run folder: no {filename}."
            ) from None
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{path} cannot be read: {error}") from None
        if not isinstance(content, dict):
            raise RunFolderError(f"{path} cannot be read: it does not hold an object.")
        return content

    def write_json(self, filename: str, content: dict) -> None:
        """Write one of the folder's JSON files atomically.

        Args:
            filename: The file's name.
            content: What `runs.atomic.write_json` takes.
        """
        atomic.write_json(self.folder / filename, content)

    def write_status(self, state: str, **fields) -> None:
        """Update status.json; the fields that are not named stay.

        Args:
            state: "running", "finished", "interrupted" or "failed".
            **fields: Others to set, such as `epoch` and `reason`.
        """
        path = self.folder / "status.json"
        status = json.loads(path.read_text()) if path.exists() else {"started": _now()}
        status |= {
            "state": state,
            "updated": _now(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
        }
        atomic.write_json(path, status | fields)


class Report:
    """A report on disk, which a notebook shows in a frame.

    Args:
        path: The HTML file.

    Attributes:
        path: The HTML file.
    """

    def __init__(self, path: Path):
        self.path = path

    def __repr__(self):
        return f"Report({str(self.path)!r})"

    def _repr_html_(self) -> str:
        page = html.escape(self.path.read_text(), quote=True)
        return f'<iframe srcdoc="{page}" width="100%" height="800" title="report"></iframe>'


def samples_per_split(dataset: dict) -> dict[str, int]:
    """Return how many samples each split has.

    Args:
        dataset: A run's dataset.json.

    Returns:
        Counts by the name of the split.
    """
    return dataset["samples"]


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _process_is_gone(status: dict) -> bool:
    if status.get("host") == socket.gethostname():
        try:
            os.kill(status["pid"], 0)
        except (ProcessLookupError, KeyError, TypeError):
            return True
        except PermissionError:  # it lives, and is somebody else's
            pass
    return False
