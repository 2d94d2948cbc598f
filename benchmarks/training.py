"""Training speed in images a second: an Experiment, callbacks and all, against plain `model.fit`.

    python -m benchmarks.training [--networks lenet5 vgg resnet20] [--batch-sizes 128 512]
        [--epochs 7] [--parts]

Images are random, in MNIST's and CIFAR-10's shapes. Each contender is a process of its own; they
train an epoch each in turn. The first epoch compiles and is left out. Ratios are images a second,
ours over theirs, epoch by epoch: the median, with the minimum and the maximum; then the same in
processor seconds, which other programs change less.

Theirs: `model.fit(x, y)` on float32 arrays, as it is and, unless TF_ENABLE_ONEDNN_OPTS is set, with
    oneDNN.
Ours: an Experiment on the same images as bytes, in a run folder, with curves, record, chosen weights,
    checkpoints and oneDNN, as `cnnkit run` does it. In bfloat16, too, where the hardware has it.
PyTorch: where it is installed, a hand-written step without validation. Its threads spin while they
    wait, so only an idle machine tells how fast it is.

--parts: two more contenders, cnnkit with one step a call, and cnnkit's compiled steps in `model.fit`
    without callbacks and checkpoints. Also prints the time spent in all callbacks, Keras' progress bar
    among them, a step and an epoch, and its share of an epoch on MNIST and CIFAR-10.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.callback_seconds import CallbackSeconds, seconds_a_step, seconds_an_epoch
from benchmarks.turns import Epochs, Turn, in_turn
from cnnkit import models
from cnnkit.cli import onednn
from cnnkit.data import Dataset, Split
from cnnkit.data.batches import Batches
from cnnkit.experiment.experiment import Experiment
from cnnkit.runs import Run
from cnnkit.tensorboard.log import TensorBoardCallback
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.checkpointing.signals import StopOnSignal
from cnnkit.training.loop import fit
from cnnkit.training.steps.inputs import batches_made_in_step
from cnnkit.training.steps.multi_step import Length
from cnnkit.training.steps.precision import has_bfloat16, precision_policy

REAL_SIZES = {"lenet5": 54000, "vgg": 45000, "resnet20": 45000}  # trained on, a tenth validates
NETWORKS = {
    # image shape, images an epoch at least, how the network is made
    "lenet5": ((28, 28, 1), 38400, {"name": "lenet5", "activation": "relu", "pool": "max"}),
    "vgg": (
        (32, 32, 3), 3840,
        {"name": "vgg", "depths": (2, 2, 2), "widths": (32, 64, 128), "hidden_units": (),
         "head": "global"},
    ),
    "resnet20": ((32, 32, 3), 2560, {"name": "resnet20"}),
}  # fmt: skip
OURS = ("cnnkit", "cnnkit in bfloat16")


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
        log = TensorBoardCallback(run, recipe, experiment.model)
        callback_seconds = CallbackSeconds()
        with callback_seconds.noted():
            fit(experiment, run, log, StopOnSignal(), 0, CheckpointSchedule())
        log.close(True)
    turn.tell(callback_seconds.medians())


def in_bfloat16(*arguments) -> None:
    with precision_policy("mixed_bfloat16"):
        by_cnnkit(*arguments)


def by_single_steps(*arguments) -> None:
    by_cnnkit(*arguments, callbacks=(EachStep(),))


def by_steps_alone(data: Dataset, network: dict, batch_size: int, epochs: int, turn: Turn) -> None:
    model = _compiled(data, network)
    train, validation = (
        Batches(split, batch_size, scale=data.scale, seed=seed)
        for split, seed in ((data.train, 0), (data.validation, None))
    )
    with batches_made_in_step(model, train, validation, Length()) as (inputs, validation_inputs):
        callbacks = [train.follow(), turn]
        model.fit(inputs, validation_data=validation_inputs, epochs=epochs, shuffle=False,
                  callbacks=callbacks)  # fmt: skip


def by_torch(
    data: Dataset, network: dict, batch_size: int, epochs: int, turn: Turn, bfloat16: bool = False
) -> None:
    from benchmarks import torch_networks  # an optional peer

    images = data.train.inputs.astype(np.float32) * np.float32(data.scale)
    model = torch_networks.network(network)
    torch_networks.train(model, images, data.train.labels, batch_size, epochs, turn, bfloat16)


def by_torch_in_bfloat16(*arguments) -> None:
    by_torch(*arguments, bfloat16=True)


PEERS = {
    "plain Keras": by_keras,
    "plain Keras, oneDNN": by_keras,
    "cnnkit": by_cnnkit,
    "cnnkit in bfloat16": in_bfloat16,
    "one step an execution": by_single_steps,
    "steps without the run": by_steps_alone,
    "PyTorch": by_torch,
    "PyTorch in bfloat16": by_torch_in_bfloat16,
}


def chosen_peers(parts: bool) -> list[str]:
    """Return who takes part here, and say why another does not."""
    left_out = set()
    if keras.backend.backend() != "tensorflow" or onednn.VARIABLE in os.environ:
        left_out.add("plain Keras, oneDNN")
    if not has_bfloat16():
        left_out |= {"cnnkit in bfloat16", "PyTorch in bfloat16"}
    if not parts:
        left_out |= {"one step an execution", "steps without the run"}
    if not importlib.util.find_spec("torch"):
        print("PyTorch is not installed, and so no peer here.")
        left_out |= {"PyTorch", "PyTorch in bfloat16"}
    return [peer for peer in PEERS if peer not in left_out]


def images_an_epoch(network: str, batch_size: int) -> int:
    """Return a number of images that whole batches share."""
    return -(-NETWORKS[network][1] // batch_size) * batch_size


def be_peer(peer: str, network: str, batch_size: int, epochs: int) -> None:
    """Train as one of those that take turns."""
    shape, _, options = NETWORKS[network]
    data = random_images(shape, images_an_epoch(network, batch_size))
    PEERS[peer](data, options, batch_size, epochs, Turn())


def measured(peers: list[str], network: str, batch_size: int, epochs: int) -> dict[str, Epochs]:
    """Return what the turns of each took."""
    arguments = [network, str(batch_size), str(epochs)]
    program = [sys.executable, "-m", "benchmarks.training", "--as-peer"]
    commands = {peer: [*program, peer, *arguments] for peer in peers}
    environments = {
        peer: ({} if peer == "plain Keras" else {onednn.VARIABLE: "1"}) | dict(os.environ)
        for peer in peers
    }
    return in_turn(commands, environments, epochs)


def report(network: str, batch_size: int, found: dict[str, Epochs]) -> None:
    """Print each one's images a second, and how many times that of each other one is ours."""
    samples = images_an_epoch(network, batch_size)
    for peer, epochs in found.items():
        speed = samples / statistics.median(epochs.seconds)
        line = f"{network:8} {batch_size:4} {peer:21} {speed:8,.0f} images/s"
        for ours in OURS:
            if ours in found and peer not in OURS:
                line += (
                    f"; {ours} {_ratio(epochs.seconds, found[ours].seconds)} times that, by "
                    "processor seconds "
                    f"{_ratio(epochs.processor_seconds, found[ours].processor_seconds)}"
                )
        print(line, flush=True)


def _ratio(theirs: list[float], ours: list[float]) -> str:
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def report_callbacks(network: str, batch_size: int, epochs: Epochs) -> None:
    """Print what callbacks cost, and of an epoch of the real data which part that is."""
    images, samples = REAL_SIZES[network], images_an_epoch(network, batch_size)
    steps = images / batch_size
    cost = seconds_an_epoch(epochs.told, steps, steps / 9)
    part = cost / (images * statistics.median(epochs.seconds) / samples)
    print(
        f"{network:8} {batch_size:4} callbacks take {seconds_a_step(epochs.told) * 1e6:.0f} "
        f"microseconds a step and {epochs.told['on_epoch_end'] * 1e3:.0f} ms an epoch: {part:.1%} "
        f"of an epoch of {images:,} images"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[128])
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--as-peer", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_peer:
        peer, network, batch_size, epochs = options.as_peer
        be_peer(peer, network, int(batch_size), int(epochs))
        return
    peers = chosen_peers(options.parts)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Keras "
          f"{keras.__version__} on {keras.backend.backend()}, "
          f"{keras.config.dtype_policy().name}", flush=True)  # fmt: skip
    for network in options.networks:
        for batch_size in options.batch_sizes:
            found = measured(peers, network, batch_size, options.epochs)
            report(network, batch_size, found)
            if options.parts:
                report_callbacks(network, batch_size, found["cnnkit"])


if __name__ == "__main__":
    main()
