"""A network with all that has a state of its own, as a run of seconds; as a process it may be killed.

python small.py run|resume RUNS_DIR NAME
"""

import contextlib
import csv
import io
import json
import multiprocessing
import os
import signal
import sys
import zipfile
from collections.abc import Iterator
from multiprocessing import connection, forkserver
from pathlib import Path
from unittest import mock

import h5py
import keras
import numpy as np
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.data.augmentation.catalogue import augmentation
from cnnkit.runs import checkpoints

EPOCHS, STEPS = 3, 6
FORKING = multiprocessing.get_context("forkserver")


class Steps(keras.callbacks.Callback):
    """Says which step was done, so that a kill can hit any, counted over all epochs."""

    told: connection.Connection | None = None
    signals = ()  # to be sent after the second epoch's first step

    def on_train_batch_end(self, batch, logs=None):
        done = int(self.model.optimizer.iterations)
        if Steps.told:
            Steps.told.send(done)
        if done == STEPS + 1:
            for number in Steps.signals:
                signal.raise_signal(number)


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
        Steps(),
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


def process(what: str, runs_dir: Path, name: str, *signals: int):
    """Begin "run" or "resume" as a process of its own, which signals itself in its second epoch.

    Returns it, and the connection on which it sends every step that it has done. It is forked from
    a process that has imported everything and computed nothing, and so costs no seconds of imports.
    """
    FORKING.set_forkserver_preload(["small"])
    with mock.patch.dict(os.environ, _environment()):  # of the process that all are forked from
        forkserver.ensure_running()
    mine, its = FORKING.Pipe(duplex=False)
    running = FORKING.Process(target=trained, args=(what, runs_dir, name, its, signals))
    running.start()
    its.close()
    return running, mine


def _environment() -> dict[str, str]:
    here = Path(__file__).parent
    found = {"PYTHONPATH": f"{here}:{here.parents[1]}"}
    if keras.backend.backend() == "jax":
        import jax

        # A killed process would leave half an entry, and so these only read.
        found["JAX_COMPILATION_CACHE_DIR"] = jax.config.jax_compilation_cache_dir or ""
        found["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "1e9"
    return found


def steps_of(told: connection.Connection) -> Iterator[int]:
    """Yield the steps that a process says it has done, until it is gone."""
    try:
        while True:
            yield told.recv()
    except EOFError:
        return


def trained(what, runs_dir, name, told=None, signals=()):
    """Do the run, or go on with it, without a word."""
    Steps.told, Steps.signals = told, signals
    with contextlib.redirect_stdout(io.StringIO()):
        if what == "run":
            cnnkit.run(small, runs_dir=runs_dir, name=name, checkpoint_steps=2)
        else:
            cnnkit.resume(small, cnnkit.runs.resolve(name, runs_dir), checkpoint_steps=2)


if __name__ == "__main__":
    trained(*sys.argv[1:])
