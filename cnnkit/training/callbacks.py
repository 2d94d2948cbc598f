"""The callbacks that Keras lacks: the run's record, the chosen weights, a stop at the first NaN."""

import csv
import io
import time

import keras
import numpy as np

from cnnkit.errors import TrainingError
from cnnkit.runs import Run, atomic

HINT = "lower the learning rate, and check that the inputs are scaled and the labels are right"


class Record(keras.callbacks.Callback):
    """Writes metrics.csv and status.json after every epoch, and keeps the time."""

    def __init__(self, run: Run):
        super().__init__()
        self.run, self.rows, self.epoch_seconds = run, [], []

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
        atomic.write_text(self.run.folder / "metrics.csv", text.getvalue())
        self.run.write_status("running", epoch=epoch + 1)


class StopOnNonFinite(keras.callbacks.Callback):
    """Raises TrainingError as soon as the loss is no finite number, or a weight at an epoch's end."""

    def on_epoch_begin(self, epoch, logs=None):
        """Note the epoch for the message."""
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Look at the loss."""
        loss = float(logs["loss"])
        if not np.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} in epoch {self.epoch + 1}, step {batch + 1}; {HINT}."
            )

    def on_epoch_end(self, epoch, logs=None):
        """Look at every weight, and at the validation loss."""
        for variable in self.model.trainable_variables:
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                raise TrainingError(
                    f"The weights {variable.path} are no longer finite after epoch {epoch + 1}; "
                    f"{HINT}."
                )
        if not np.isfinite(logs.get("val_loss", 0.0)):
            raise TrainingError(
                f"The validation loss became {logs['val_loss']} after epoch {epoch + 1}; {HINT}."
            )


class KeepBest(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the highest validation accuracy, and saves that model.

    Between equal accuracies the lower validation loss counts; without an accuracy it counts alone.
    deployed: the model to save as model.keras, which shares its layers with the trained one.
    """

    def __init__(self, run: Run, deployed: keras.Model):
        super().__init__()
        self.run, self.deployed = run, deployed
        self.epoch, self.logs, self._score, self._weights = 0, {}, None, None

    def on_epoch_end(self, epoch, logs=None):
        """Save the model if it is the best so far, and the training state in any case."""
        score = (logs.get("val_accuracy", 0.0), -logs["val_loss"])
        if self._score is None or score > self._score:
            self._score, self._weights = score, self.model.get_weights()
            self.epoch, self.logs = epoch + 1, dict(logs)
            with atomic.replacing(self.run.folder / "model.keras") as path:
                self.deployed.save(path)
        with atomic.replacing(self.run.folder / "checkpoints" / "last.keras") as path:
            self.model.save(path)

    def on_train_end(self, logs=None):
        """Give the model the chosen weights."""
        self.model.set_weights(self._weights)
