"""Latency of one picture: `model.predict` against what `cnnkit export` writes, in ONNX Runtime and LiteRT.

    python -m benchmarks.export [--rounds 15] [--weights FILE] [--photos FOLDER]

LeNet-5 at 28 x 28 and MobileNetV2 at 224 x 224. All ways take turns, so that other programs slow them
alike: each turn is the median of a few calls of each. The ratio is the time of `model.predict` over
that of the runtime, so more is better, with the minimum and the maximum of all rounds. Beside it stand
`predict_on_batch`, which is what Keras has for one batch, and the most that any probability differs by
from Keras' in float32.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from cnnkit import deploy, models
from cnnkit.data.images.decode import decode, read
from cnnkit.deploy.exportable import exportable
from cnnkit.deploy.formats.catalogue import format_named

FORMATS = ("onnx", "litert")
CALLS = 5  # of each way in its turn


def lenet5() -> keras.Model:
    """Return LeNet-5 from pixels to probabilities; its weights are random."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((28, 28, 1))
    logits = models.lenet5((28, 28, 1), 10)(keras.layers.Rescaling(1 / 255)(pixels))
    return keras.Model(pixels, keras.layers.Softmax()(logits), name="LeNet-5")


def mobilenet_v2(weights: str | None) -> keras.Model:
    """Return MobileNetV2 from pixels to probabilities."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((224, 224, 3))
    network = keras.applications.MobileNetV2(weights=weights)
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    return keras.Model(pixels, network(scaled), name="MobileNetV2")


def seconds(function: Callable, inputs: np.ndarray) -> float:
    calls = []
    for _ in range(CALLS):
        began = time.perf_counter()
        function(inputs)
        calls.append(time.perf_counter() - began)
    return statistics.median(calls)


def compare(model: keras.Model, inputs: np.ndarray, rounds: int) -> None:
    """Export a model, and print how long each way takes for one picture."""
    ways: dict[str, Callable] = {
        "predict": lambda batch: model.predict(batch, verbose=0),
        "predict_on_batch": model.predict_on_batch,
    }
    expected = exportable(deploy.open_trained_model(model)).predict(inputs, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        deploy.export(model, FORMATS, output=folder)
        for name in FORMATS:
            ways[name] = format_named(name).module().load(Path(folder, name))
        differs = {
            name: np.abs(
                np.concatenate([ways[name](each[None]) for each in inputs])
                - expected["probabilities"]
            ).max()
            for name in FORMATS
        }
        for way in ways.values():  # compiles, allocates
            seconds(way, inputs[:1])
        turns = [
            {name: seconds(way, inputs[:1]) for name, way in ways.items()} for _ in range(rounds)
        ]
    for name in ways:
        ratios = [turn["predict"] / turn[name] for turn in turns]
        middle = statistics.median(turn[name] for turn in turns)
        apart = f", differs by {differs[name]:.1g}" if name in differs else ""
        print(
            f"{model.name:12}{name:18}{1000 * middle:9.3f} ms  {statistics.median(ratios):7.1f} times "
            f"as fast as predict ({min(ratios):.1f} to {max(ratios):.1f}){apart}",
            flush=True,
        )


def photos(folder: str | None) -> np.ndarray:
    """Return pictures of 224 pixels a side: those of a folder, else noise."""
    if folder is None:
        return np.random.default_rng(0).integers(0, 256, (32, 224, 224, 3)).astype("float32")
    paths = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    pictures = [
        decode(read(path), (224, 224)) for path in paths if path.suffix.lower() in (".jpg", ".jpeg")
    ]
    return np.stack(pictures).astype("float32")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--weights", help="a file with MobileNetV2's weights, top included")
    parser.add_argument("--photos", help="a folder of photographs for MobileNetV2")
    options = parser.parse_args()
    packages = ("keras", "tensorflow", "onnxruntime", "ai-edge-litert")
    named = ", ".join(f"{package} {version(package)}" for package in packages)
    cores = len(os.sched_getaffinity(0))
    print(f"{keras.backend.backend()}, {cores} cores, {platform.machine()}, {named}")
    digits = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1)).astype("float32")
    compare(lenet5(), digits, options.rounds)
    compare(mobilenet_v2(options.weights), photos(options.photos), options.rounds)


if __name__ == "__main__":
    main()
