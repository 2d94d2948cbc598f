"""Run: one call of an experiment, and the folder that keeps it."""

import csv
import html
import json
import os
import secrets
import socket
from datetime import datetime
from functools import cached_property
from pathlib import Path

from cnnkit import plots
from cnnkit.errors import RunFolderError
from cnnkit.runs import atomic
from cnnkit.runs.saved_weights import SavedWeights, saved_weights


class Run:
    """A run folder, read when asked; every file in it is JSON, CSV, HTML or Keras' own format."""

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)

    @classmethod
    def create(cls, runs_dir: str | os.PathLike, experiment: str, name: str | None = None) -> "Run":
        """Make `runs_dir/experiment/name`, where the name is time and four letters unless given.

        Raises RunFolderError if the name is taken or the folder cannot be made.
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
        """The folder's own name."""
        return self.folder.name

    @property
    def status(self) -> dict:
        """`state` (running, finished, interrupted or failed), `epoch`, `reason`, `started`, ...

        A run whose process is gone without a word reads as failed.
        """
        status = self.read_json("status.json")
        if status["state"] == "running" and _process_is_gone(status):
            return status | {"state": "failed", "reason": "its process is gone without a word"}
        return status

    @property
    def experiment(self) -> dict:
        """The recipe, every field resolved."""
        return self.read_json("experiment.json")

    @property
    def phases(self) -> dict:
        """Which layers trained in each phase; a run of a single phase has no such file."""
        return self.read_json("phases.json")

    @property
    def environment(self) -> dict:
        """Versions, backend, devices, precision, seed, git commit."""
        return self.read_json("environment.json")

    @property
    def dataset(self) -> dict:
        """Name, sizes, class names and content hash of the data."""
        return self.read_json("dataset.json")

    @property
    def results(self) -> dict:
        """Test metrics of the chosen weights, confusion matrix, timing; {} until a run finished."""
        return self.read_json("results.json") if (self.folder / "results.json").exists() else {}

    @property
    def history(self) -> dict[str, list[float]]:
        """A list of numbers a metric, one an epoch, as in Keras' `History.history`."""
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
    def model(self):
        """The chosen weights as a `keras.Model` from raw inputs to probabilities."""
        import keras  # reading a run's numbers must not pay for Keras

        path = self.folder / "model.keras"
        if not path.exists():
            raise RunFolderError(f"{self.folder} has no model.keras: no epoch was finished.")
        try:
            return keras.saving.load_model(path, safe_mode=True)
        except TypeError as error:
            # So Keras tells of a layer's module that cannot be imported; it imports this one itself.
            if "module keras_hub" not in str(error):
                raise
            raise RunFolderError(
                f'{path} has layers of KerasHub, which is not here: pip install "cnnkit[hub]".'
            ) from error

    def plot(self):
        """Return a figure of the run's curves."""
        return plots.learning_curves(self.history)

    def report(self) -> "Report":
        """Return the report, which a notebook shows in place."""
        return Report(self.folder / "report.html")

    def read_json(self, filename: str) -> dict:
        """Return the content of one of the folder's JSON files, which is an object.

        Raises RunFolderError if it is missing or broken.
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
        """Write one of the folder's JSON files atomically."""
        atomic.write_json(self.folder / filename, content)

    def write_status(self, state: str, **fields) -> None:
        """Update status.json: `state`, and any of epoch, reason and so on; the rest is kept."""
        path = self.folder / "status.json"
        kept = json.loads(path.read_text()) if path.exists() else {"started": _now()}
        kept |= {
            "state": state,
            "updated": _now(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
        }
        atomic.write_json(path, kept | fields)


class Report:
    """A report on disk; a notebook shows it in a frame."""

    def __init__(self, path: Path):
        self.path = path

    def __repr__(self):
        return f"Report({str(self.path)!r})"

    def _repr_html_(self) -> str:
        page = html.escape(self.path.read_text(), quote=True)
        return f'<iframe srcdoc="{page}" width="100%" height="800" title="report"></iframe>'


def samples(dataset: dict) -> dict[str, int]:
    """Return how many samples each split has, from a run's dataset.json."""
    if "samples" in dataset:
        return dataset["samples"]
    # Older runs have counts by class alone, and one class a sample.
    return {split: sum(counts) for split, counts in dataset["counts"].items()}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _process_is_gone(status: dict) -> bool:
    if status.get("host") != socket.gethostname():
        return False
    try:
        os.kill(status["pid"], 0)
    except (ProcessLookupError, KeyError, TypeError):
        return True
    except PermissionError:
        return False
    return False
