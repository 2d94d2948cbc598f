"""Callbacks of every run: its record, the weights it keeps, and a stop at numbers that are not finite."""

import csv
import io
import time
import warnings
from collections.abc import Sequence

import keras
import numpy as np

from cnnkit import atomic
from cnnkit.data.batches import Batches
from cnnkit.errors import TrainingError
from cnnkit.experiment.monitor import Monitor
from cnnkit.keras_graph.learning_rates import UsedLearningRate
from cnnkit.runs import Run
from cnnkit.runs.model_description import ModelDescription
from cnnkit.runs.scalars import scalars
from cnnkit.training.callbacks import non_finite
from cnnkit.training.deployment import model_file

HINT = "lower the learning rate, and check that the inputs are scaled and the labels are right"


class Record(keras.callbacks.Callback):
    """Writes metrics.csv and status.json after every epoch, and measures its time.

    A metric that appears in a later epoch becomes a new column, which is NaN in the epochs before.
    If the files cannot be written, it warns once; the next epoch writes them in full.

    Args:
        run: The run folder.
        learning_rate: Notes the learning rate of each epoch.
        class_names: Names for the parts of a metric that has a number a class.

    Attributes:
        rows: A dict of metrics for each epoch.
        epoch_seconds: How long each epoch took.
    """

    def __init__(self, run: Run, learning_rate: UsedLearningRate, class_names: Sequence[str] = ()):
        super().__init__()
        self.learning_rate, self.class_names = learning_rate, tuple(class_names)
        self.run, self.rows, self.epoch_seconds = run, [], []
        self._warned = False

    def get_state(self) -> dict:
        """Return rows, epoch times, and the time since the current epoch began."""
        elapsed = time.perf_counter() - self._began
        return {"rows": self.rows, "epoch_seconds": self.epoch_seconds, "elapsed": elapsed}

    def set_state(self, state: dict) -> None:
        """Restore what `get_state` returned."""
        self.rows, self.epoch_seconds = state["rows"], state["epoch_seconds"]
        self._began = time.perf_counter() - state["elapsed"]

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Write one more row."""
        self.epoch_seconds.append(time.perf_counter() - self._began)
        own = {
            "learning_rate": self.learning_rate.value,
            "seconds": round(self.epoch_seconds[-1], 3),
        }
        row = {"epoch": epoch + 1} | scalars(logs, self.class_names) | own
        self.rows.append(row | {"epoch": epoch + 1})
        text = io.StringIO()
        # Not every epoch has all metrics: a callback adds some, or validation is not after each.
        names = dict.fromkeys(name for row in self.rows for name in row)
        writer = csv.DictWriter(text, names, restval="nan", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        try:
            atomic.write_text(self.run.folder / "metrics.csv", text.getvalue())
            self.run.write_status("running", epoch=epoch + 1)
        except OSError as error:
            if not self._warned:
                self._warned = True
                warnings.warn(f"The record of the run cannot be written: {error}.", stacklevel=2)


class StopOnNonFinite(keras.callbacks.Callback):
    """Raises TrainingError as soon as the loss is no finite number, or a weight at an epoch's end.

    Args:
        batches: What is trained on, so that the error can name a step's samples: Batches, or
            anything with `epoch`, `split`, `chosen(step)` and `batches[step]`; None names none.
    """

    def __init__(self, batches: Batches | None):
        super().__init__()
        self._batches, self.epoch = batches, 0

    def on_epoch_begin(self, epoch, logs=None):
        """Note the epoch for the error message."""
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Look at the loss."""
        loss = float(logs["loss"])
        if not np.isfinite(loss):
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()
            message = f"The loss became {loss} in epoch {self.epoch + 1}, step {batch + 1}; {HINT}."
            if self._batches is not None:
                origin = non_finite.origin(self.model, self._batches, self.epoch, batch)
                message = f"{message} {origin}"
            raise TrainingError(message)

    def on_epoch_end(self, epoch, logs=None):
        """Look at every weight, and at the validation loss."""
        for variable in self.model.variables:
            values = keras.ops.convert_to_numpy(variable)
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise TrainingError(
                    f"The weights {variable.path} are no longer finite after epoch {epoch + 1}; "
                    f"{HINT}."
                )
        if not np.isfinite(logs.get("val_loss", 0.0)):
            raise TrainingError(
                f"The validation loss became {logs['val_loss']} after epoch {epoch + 1}; {HINT}."
            )


class KeepWeights(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, or of the last one, and saves that model.

    Validation loss decides between epochs that are equally good by what is monitored. After each
    phase of training, `deployed` has the weights kept so far, and the next phase begins with them.
    An epoch without the monitored metric is worse than all others; the first one is warned of.

    If the model cannot be written, it warns once and tries again after the next epoch; after the
    last epoch the OSError is raised.

    Args:
        run: Where model.keras is written.
        deployed: The model to save, which shares its layers with the trained one.
        monitor: What the best epoch is the best by.
        class_names: Names for the parts of a metric that has a number a class.
        restore_best: Whether to keep the best epoch's weights, saved as soon as they are the best;
            False keeps the last epoch's, saved at the end of each phase.
        description: What model.keras says of the model.
    """

    def __init__(
        self, run: Run, deployed: keras.Model, monitor: Monitor, class_names: Sequence[str] = (),
        *, restore_best: bool = True, description: ModelDescription | None = None,
    ):  # fmt: skip
        super().__init__()
        self._description = description
        self.monitor, self.class_names = monitor, tuple(class_names)
        self.run, self.deployed, self.restore_best = run, deployed, restore_best
        self.epoch, self.logs, self._score, self._weights = 0, {}, None, None
        self._validated = None  # weights, from validation to the epoch's end
        self._saved, self._warned, self._missed = True, False, False
        self._of_deployed = False  # whether `_weights` are of `deployed`, or of the trained part

    def on_train_begin(self, logs=None):
        """Keep the weights of every layer from phase to phase: each phase may train others."""
        if self._score is not None:
            self._weights, self._of_deployed = self.deployed.get_weights(), True

    def on_test_begin(self, logs=None):
        """Note the weights that are validated.

        Another callback may have put averaged weights in for validation, as Keras' SwapEMAWeights
        does. Those are the ones to keep, so this callback comes after that one.
        """
        self._validated = self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        """Keep this epoch's weights if they are the best so far, and save the model."""
        logs = scalars(logs, self.class_names)
        score = self._score_of(logs) if self.restore_best else (epoch,)
        if self._score is None or score > self._score:
            self._score, self._weights, self._of_deployed = score, self._validated, False
            self.epoch, self.logs, self._saved = epoch + 1, logs, False
        self._validated = None
        if self._saved or not self.restore_best:  # which epoch is the last, only the end tells
            return
        try:
            self._save()
        except OSError as error:
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"The model cannot be saved, and training goes on: {error}.", stacklevel=2
                )

    def on_train_end(self, logs=None):
        """Give the model the kept weights."""
        self._weights_of.set_weights(self._weights)
        if not self._saved or not (self.run.folder / "model.keras").exists():
            self._save()

    def _score_of(self, logs: dict[str, float]) -> tuple[float, float]:
        """Return what is higher in a better epoch."""
        value, loss = logs.get(self.monitor.name, np.nan), logs.get("val_loss", np.inf)
        if self.monitor.name not in logs and not self._missed:
            self._missed = True
            warnings.warn(
                f"{self.monitor.name!r}, by which the best epoch is chosen, is not in its logs, which "
                f"have {', '.join(logs)}.",
                stacklevel=2,
            )
        value = -value if self.monitor.mode == "min" else value
        return (-np.inf if np.isnan(value) else value, -loss)

    @property
    def _weights_of(self) -> keras.Model:
        """The model that `_weights` belong to."""
        return self.deployed if self._of_deployed else self.model

    def _save(self) -> None:
        """Write the model with the kept weights; afterwards it has its current ones again."""
        current = self._weights_of.get_weights()
        self._weights_of.set_weights(self._weights)
        content = model_file(self.deployed, self._description)
        self._weights_of.set_weights(current)
        atomic.write_bytes(self.run.folder / "model.keras", content)
        self.run.write_status("running", saved_epoch=self.epoch)
        self._saved = True
