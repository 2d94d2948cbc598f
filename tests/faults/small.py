"""A network with all that has a state of its own, as a run of seconds; as a program it may be killed.

python small.py run|resume RUNS_DIR NAME [SECONDS_A_STEP]
"""

import csv
import io
import json
import sys
import time
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.data.augment import augmentation
from cnnkit.runs import checkpoints

EPOCHS, STEPS = 3, 6


class Slow(keras.callbacks.Callback):
    """Takes its time, so that a kill can hit any step; says where it is."""

    seconds = 0.0

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(self.seconds)

    def on_epoch_begin(self, epoch, logs=None):
        print("EPOCH", epoch, flush=True)


class Stop(keras.callbacks.Callback):
    """Raises an error once, at a step counted over all epochs; a class attribute says which."""

    at = None

    def on_train_batch_end(self, batch, logs=None):
        done = int(self.model.optimizer.iterations)
        if done == Stop.at:
            Stop.at = None
            raise RuntimeError("the power failed")


def small(epochs: int = EPOCHS, mixes: bool = True, folder: str = ""):
    """Dropout, batch normalisation, mixup, EMA, and callbacks that remember."""
    shapes = data.xo(train=8 * STEPS - 3, validation=16, test=16, image_size=12)
    loss = f"{'' if mixes else 'Sparse'}CategoricalCrossentropy"
    callbacks = [
        Slow(),
        Stop(),
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.1),
        keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True),
        keras.callbacks.SwapEMAWeights(),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    ]
    if folder:
        callbacks.append(keras.callbacks.CSVLogger(f"{folder}/own.csv"))
    return Experiment(
        data=shapes,
        model=models.convnet(
            shapes.image_shape, 2, widths=(4,), depths=(1,), hidden_units=(8,), dropout=0.3,
            batch_normalization=True,
        ),
        optimizer=keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.9),
        epochs=epochs,
        batch_size=8,
        loss=getattr(keras.losses, loss)(from_logits=True),
        callbacks=tuple(callbacks),
        augment=augmentation("mixup", shapes) if mixes else None,
    )  # fmt: skip


def differing(one: Path, other: Path) -> list[str]:
    """What of two finished runs is not the same to the last bit; times and file dates may differ."""
    found = []
    for name, read in READERS.items():
        if read(one) != read(other):
            found.append(name)
    return found


def _metrics(folder):
    with open(folder / "metrics.csv", newline="") as file:
        return [
            {key: text for key, text in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


def _model(folder):
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = np.array(item).tobytes()

    with zipfile.ZipFile(folder / "model.keras") as archive:
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))).visititems(note)
    return found


def _results(folder):
    results = json.loads((folder / "results.json").read_text())
    return results["test"], results["validation"]


def _last_checkpoint(folder):
    last, _ = checkpoints.latest(folder / "checkpoints")
    # Keras counts names on within a process, and so they are no part of what is compared.
    return last.name, [last.arrays[name].tobytes() for name in sorted(last.arrays)]


def scalars(folder):
    """The points of TensorBoard's curves, by folder and tag: [(step, bytes of the value), ...]."""
    found = {}
    for path in sorted((folder / "tensorboard").rglob("events.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if not value.tag.startswith(("_hparams", "recipe")):
                    points = found.setdefault((path.parent.name, value.tag), [])
                    points.append((event.step, value.tensor.SerializeToString()))
    return found


READERS = {
    "metrics": _metrics,
    "model": _model,
    "results": _results,
    "checkpoint": _last_checkpoint,
    "scalars": scalars,
}


if __name__ == "__main__":
    what, runs_dir, name, *seconds = sys.argv[1:]
    Slow.seconds = float(seconds[0]) if seconds else 0.0
    if what == "run":
        cnnkit.run(small, runs_dir=runs_dir, name=name, checkpoint_steps=2)
    else:
        cnnkit.resume(small, cnnkit.runs.resolve(name, runs_dir), checkpoint_steps=2)
