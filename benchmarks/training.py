"""Images a second in training: `cnnkit.training.fit`, callbacks and all, against plain `model.fit`.

python -m benchmarks.training [--networks lenet5 vgg] [--batch-size 128] [--epochs 7] [--parts]

On random images of MNIST's and CIFAR-10's shapes: theirs is `model.fit(x, y)` on float32 arrays, ours
an Experiment on the same images as bytes in a run folder, with its curves, record, chosen weights
and checkpoints. All train in one process, an epoch each in turn, so that what else the machine does
reaches all alike; the first epoch, which compiles, is left out, and an epoch's time goes to the
beginning of the next one, validation included. PyTorch, where it is installed, does the same step by
hand, without validation. Ratios are of images a second, ours over theirs, epoch by epoch: the median,
with the least and the greatest; then of processor seconds, which other work changes less.

--parts has two more take turns: cnnkit with one step an execution, and cnnkit's compiled steps in
`model.fit` without its callbacks, record, curves and checkpoints. What those cost is also timed from
within: the seconds that go by in all callbacks together, Keras' progress bar among them, a step and
an epoch, and which part that is of an epoch of as many images as MNIST's and CIFAR-10's.
"""

import argparse
import contextlib
import importlib.util
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from cnnkit import models
from cnnkit.data import Dataset, Split
from cnnkit.data.batches import Batches
from cnnkit.experiment import Experiment
from cnnkit.runs import Run
from cnnkit.training.executions import Length
from cnnkit.training.fit import fit
from cnnkit.training.interruption import StopOnSignal
from cnnkit.training.resumable import ResumableCallbacks, Saving
from cnnkit.training.step_inputs import made_in_step
from cnnkit.training.tensorboard import TensorBoardLog

REAL_SIZES = {"lenet5": 54000, "vgg": 45000}  # trained on, where a tenth validates
NETWORKS = {
    # image shape, images an epoch, how the network is made
    "lenet5": ((28, 28, 1), 12800, {"name": "lenet5", "activation": "relu", "pool": "max"}),
    "vgg": (
        (32, 32, 3), 1280,
        {"name": "vgg", "depths": (2, 2, 2), "widths": (32, 64, 128), "hidden_units": (),
         "head": "global"},
    ),
}  # fmt: skip


class Turns:
    """Lets one thread of several go on, and notes what each one's turns took."""

    def __init__(self, names: list[str]):
        self.names, self.now = list(names), 0
        self.seconds = {name: [] for name in names}
        self.processor_seconds = {name: [] for name in names}
        self._changed = threading.Condition()

    def take(self, name: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.names[self.now] == name)
        self._began, self._began_processor = time.perf_counter(), time.process_time()

    def end(self, name: str, last: bool = False) -> None:
        self.seconds[name].append(time.perf_counter() - self._began)
        self.processor_seconds[name].append(time.process_time() - self._began_processor)
        with self._changed:
            if last:
                self.names.remove(name)
            else:
                self.now += 1
            self.now %= max(1, len(self.names))
            self._changed.notify_all()


class Turn(keras.callbacks.Callback):
    """Trains an epoch at a time, in turn with others."""

    def __init__(self, turns: Turns, name: str):
        super().__init__()
        self.turns, self.name = turns, name

    def on_epoch_begin(self, epoch, logs=None):
        if epoch:
            self.turns.end(self.name)
        self.turns.take(self.name)

    def on_train_end(self, logs=None):
        self.turns.end(self.name, last=True)


class Spent:
    """The seconds that go by in callbacks, by the method of the list that calls them."""

    METHODS = (
        "on_train_batch_begin", "on_train_batch_end", "on_test_batch_begin", "on_test_batch_end",
        "on_epoch_end",
    )  # fmt: skip

    def __init__(self):
        self.seconds = {name: [] for name in self.METHODS}

    @contextlib.contextmanager
    def noted(self):
        originals = {name: getattr(ResumableCallbacks, name) for name in self.METHODS}
        try:
            for name, original in originals.items():
                setattr(ResumableCallbacks, name, self._noting(name, original))
            yield
        finally:
            for name, original in originals.items():
                setattr(ResumableCallbacks, name, original)

    def _noting(self, name: str, original: Callable) -> Callable:
        def note(*arguments):
            began = time.perf_counter()
            original(*arguments)
            self.seconds[name].append(time.perf_counter() - began)

        return note

    def report(self, network: str, seconds_an_image: float, batch_size: int) -> None:
        median = {name: statistics.median(found) for name, found in self.seconds.items()}
        step = median["on_train_batch_begin"] + median["on_train_batch_end"]
        tested = median["on_test_batch_begin"] + median["on_test_batch_end"]
        images = REAL_SIZES[network]
        steps = images / batch_size
        cost = steps * step + steps / 9 * tested + median["on_epoch_end"]
        print(
            f"{network:7} callbacks take {step * 1e6:.0f} microseconds a step and "
            f"{median['on_epoch_end'] * 1e3:.0f} ms an epoch: {cost / (images * seconds_an_image):.1%}"
            f" of an epoch of {images:,} images"
        )


class EachStep(keras.callbacks.Callback):
    """Hears of every step, and so cnnkit does one an execution."""

    def on_train_batch_end(self, batch, logs=None):
        pass


def random_images(shape: tuple[int, ...], samples: int) -> Dataset:
    rng = np.random.default_rng(0)

    def split(number: int) -> Split:
        images = rng.integers(0, 256, (number, *shape), dtype=np.uint8)
        return Split(images, rng.integers(0, 10, number))

    return Dataset(
        name="random", train=split(samples), validation=split(samples // 10),
        test=split(16), class_names=tuple("0123456789"),
    )  # fmt: skip


def _compiled(data: Dataset, network: dict) -> keras.Model:
    model = models.create(image_shape=data.image_shape, num_classes=10, **network)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss, metrics=["accuracy"])
    return model


def by_keras(data: Dataset, network: dict, batch_size: int, epochs: int, turn: Turn) -> None:
    (x, y), validation = (
        (split.inputs.astype(np.float32) * np.float32(data.scale), split.labels)
        for split in (data.train, data.validation)
    )
    _compiled(data, network).fit(
        x, y, batch_size=batch_size, epochs=epochs, validation_data=validation,
        validation_batch_size=batch_size, callbacks=[turn],
    )  # fmt: skip


def by_cnnkit(
    data: Dataset, network: dict, batch_size: int, epochs: int, turn: Turn, callbacks: tuple = ()
) -> None:
    experiment = Experiment(
        data=data, model=models.create(image_shape=data.image_shape, num_classes=10, **network),
        optimizer=keras.optimizers.Adam(), epochs=epochs, batch_size=batch_size,
        callbacks=(turn, *callbacks),
    )  # fmt: skip
    recipe = {"settings": {}, "experiment": "benchmark", "description": "", "seed": 0}
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(folder, "benchmark")
        log = TensorBoardLog(run, recipe, experiment.model)
        fit(experiment, run, log, StopOnSignal(), 0, Saving())
        log.close(True)


def by_single_steps(*arguments) -> None:
    by_cnnkit(*arguments, callbacks=(EachStep(),))


def by_steps_alone(data: Dataset, network: dict, batch_size: int, epochs: int, turn: Turn) -> None:
    model = _compiled(data, network)
    train, validation = (
        Batches(split, batch_size, scale=data.scale, seed=seed)
        for split, seed in ((data.train, 0), (data.validation, None))
    )
    with made_in_step(model, train, validation, Length()) as (inputs, validation_inputs):
        callbacks = [train.follow(), turn]
        model.fit(inputs, validation_data=validation_inputs, epochs=epochs, shuffle=False,
                  callbacks=callbacks)  # fmt: skip


def by_torch(data: Dataset, network: dict, batch_size: int, epochs: int, turn: Turn) -> None:
    import torch  # an optional peer
    from torch import nn

    if network["name"] == "lenet5":
        layers = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5),
                  nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(),
                  nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]  # fmt: skip
    else:
        layers, channels = [], 3
        for width in network["widths"]:
            for _ in range(2):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    optimizer, loss = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    images = torch.from_numpy(data.train.inputs).permute(0, 3, 1, 2).float() * data.scale
    labels = torch.from_numpy(data.train.labels)
    for epoch in range(epochs):
        turn.on_epoch_begin(epoch)
        for chosen in torch.randperm(len(images)).split(batch_size):
            optimizer.zero_grad()
            batch = images[chosen].contiguous(memory_format=torch.channels_last)
            loss(model(batch), labels[chosen]).backward()
            optimizer.step()
    turn.on_train_end()


def in_turn(peers: dict[str, Callable], name: str, batch_size: int, epochs: int) -> Turns:
    """Train a network by each peer, a thread each, of which one at a time goes on."""
    shape, samples, network = NETWORKS[name]
    data, turns = random_images(shape, samples), Turns(list(peers))
    threads = [
        threading.Thread(
            target=train, args=(data, network, batch_size, epochs, Turn(turns, peer)), daemon=True
        )
        for peer, train in peers.items()
    ]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return turns


def report(network: str, turns: Turns) -> None:
    """Print each one's images a second, and how many times that of each other one is ours."""
    samples, ours = NETWORKS[network][1], turns.seconds["cnnkit"][1:]
    for peer, (_, *seconds) in turns.seconds.items():
        line = f"{network:7} {peer:21} {samples / statistics.median(seconds):8,.0f} images/s"
        if peer != "cnnkit":
            ratios = [theirs / own for theirs, own in zip(seconds, ours, strict=True)]
            processor = [
                theirs / own
                for theirs, own in zip(
                    turns.processor_seconds[peer][1:],
                    turns.processor_seconds["cnnkit"][1:],
                    strict=True,
                )
            ]
            line += (
                f"; cnnkit {statistics.median(ratios):.2f} times that ({min(ratios):.2f} to "
                f"{max(ratios):.2f}), by processor seconds {statistics.median(processor):.2f} "
                f"({min(processor):.2f} to {max(processor):.2f})"
            )
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--parts", action="store_true")
    options = parser.parse_args()
    peers = {"plain Keras": by_keras, "cnnkit": by_cnnkit}
    if options.parts:
        peers |= {"one step an execution": by_single_steps, "steps without the run": by_steps_alone}
    if importlib.util.find_spec("torch"):
        peers["PyTorch"] = by_torch
    else:
        print("PyTorch is not installed, and so no peer here.")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Keras "
          f"{keras.__version__} on {keras.backend.backend()}, "
          f"{keras.config.dtype_policy().name}, batch {options.batch_size}", flush=True)  # fmt: skip
    for network in options.networks:
        spent = Spent()
        with spent.noted() if options.parts else contextlib.nullcontext():
            turns = in_turn(peers, network, options.batch_size, options.epochs)
        report(network, turns)
        if options.parts:
            seconds = statistics.median(turns.seconds["cnnkit"][1:]) / NETWORKS[network][1]
            spent.report(network, seconds, options.batch_size)


if __name__ == "__main__":
    main()
