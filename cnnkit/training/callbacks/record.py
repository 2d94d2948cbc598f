"""The callbacks that Keras lacks: the run's record, the chosen weights, a stop at the first NaN."""

import csv
import io
import time
import warnings

import keras
import numpy as np

# Keras has no public way to save a model to memory, and HDF5 on a full disk may end the process.
from keras.src.saving.saving_lib import _save_model_to_fileobj

from cnnkit.data.batches import Batches
from cnnkit.errors import TrainingError
from cnnkit.experiment.experiment import Keep
from cnnkit.runs import Run, atomic
from cnnkit.training.callbacks import non_finite

HINT = "lower the learning rate, and check that the inputs are scaled and the labels are right"


class Record(keras.callbacks.Callback):
    """Writes metrics.csv and status.json after every epoch, and keeps the time.

    What cannot be written is told once, and written with the next epoch; training goes on.
    """

    def __init__(self, run: Run):
        super().__init__()
        self.run, self.rows, self.epoch_seconds = run, [], []
        self._told = False

    def get_state(self) -> dict:
        """Return the rows, and the seconds that epochs took, the one that has begun last."""
        elapsed = time.perf_counter() - self._began
        return {"rows": self.rows, "epoch_seconds": self.epoch_seconds, "elapsed": elapsed}

    def set_state(self, state: dict) -> None:
        """Go on from what `get_state` returned."""
        self.rows, self.epoch_seconds = state["rows"], state["epoch_seconds"]
        self._began = time.perf_counter() - state["elapsed"]

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Write one more row."""
        self.epoch_seconds.append(time.perf_counter() - self._began)
        row = {"epoch": epoch + 1} | {name: float(value) for name, value in logs.items()}
        row["learning_rate"] = float(self.model.optimizer.learning_rate)
        row["seconds"] = round(self.epoch_seconds[-1], 3)
        self.rows.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=self.rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        try:
            atomic.write_text(self.run.folder / "metrics.csv", text.getvalue())
            self.run.write_status("running", epoch=epoch + 1)
        except OSError as error:
            if not self._told:
                self._told = True
                warnings.warn(f"The record of the run cannot be written: {error}.", stacklevel=2)


class StopOnNonFinite(keras.callbacks.Callback):
    """Raises TrainingError as soon as the loss is no finite number, or a weight at an epoch's end.

    batches: what is trained on, so that the error can name a step's samples.
    """

    def __init__(self, batches: Batches):
        super().__init__()
        self._batches, self.epoch = batches, 0

    def on_epoch_begin(self, epoch, logs=None):
        """Note the epoch for the message."""
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Look at the loss."""
        loss = float(logs["loss"])
        if not np.isfinite(loss):
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()
            raise TrainingError(
                f"The loss became {loss} in epoch {self.epoch + 1}, step {batch + 1}; {HINT}. "
                + non_finite.origin(self.model, self._batches, self.epoch, batch)
            )

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

    The best has the highest validation accuracy; between equal ones the lower validation loss
    counts, and without an accuracy it counts alone.

    Weights are those that validation saw: where another callback put averaged weights in for it, as
    Keras' SwapEMAWeights does, the averaged ones; so it comes after that one.
    deployed: the model to save as model.keras, which shares its layers with the trained one. After
    each phase of training it has the weights kept so far, with which the next one begins.
    keep: "best" or "last"; the last one's model is saved at the end of each phase alone.
    A model that cannot be written is told once, and written after the next epoch; after the last,
    it raises the OSError.
    """

    def __init__(self, run: Run, deployed: keras.Model, keep: Keep):
        super().__init__()
        self.run, self.deployed, self.keep = run, deployed, keep
        self.epoch, self.logs, self._score, self._weights = 0, {}, None, None
        self._validated = None  # weights, from validation to the epoch's end
        self._saved, self._told = True, False
        self._whole = False  # whether the weights are those of `deployed`, or of the trained part

    def on_train_begin(self, logs=None):
        """Keep all weights from phase to phase, as each may train another part of them."""
        if self._score is not None:
            self._weights, self._whole = self.deployed.get_weights(), True

    def on_test_begin(self, logs=None):
        """Note the weights that are validated."""
        self._validated = self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        """Save the model if its weights are to be kept."""
        score = (logs.get("val_accuracy", 0.0), -logs["val_loss"])
        if self.keep == "last":
            score = (epoch,)
        if self._score is None or score > self._score:
            self._score, self._weights, self._whole = score, self._validated, False
            self.epoch, self.logs, self._saved = epoch + 1, dict(logs), False
        self._validated = None
        if self._saved or self.keep == "last":  # which one that is, only the end tells
            return
        try:
            self._save()
        except OSError as error:
            if not self._told:
                self._told = True
                warnings.warn(
                    f"The model cannot be saved, and training goes on: {error}.", stacklevel=2
                )

    def on_train_end(self, logs=None):
        """Give the model the chosen weights."""
        self._kept.set_weights(self._weights)
        if not self._saved or not (self.run.folder / "model.keras").exists():
            self._save()

    @property
    def _kept(self) -> keras.Model:
        """The model whose weights are kept."""
        return self.deployed if self._whole else self.model

    def _save(self) -> None:
        """Write the model with the chosen weights; it has its own again afterwards."""
        content, now = io.BytesIO(), self._kept.get_weights()
        self._kept.set_weights(self._weights)
        _save_model_to_fileobj(self.deployed, content, "h5")
        self._kept.set_weights(now)
        atomic.write_bytes(self.run.folder / "model.keras", content.getvalue())
        self._saved = True
