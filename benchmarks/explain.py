"""Explanations in batches against one image at a time, on MobileNetV2 at 224 x 224.

    python -m benchmarks.explain [--images 256] [--masked-images 4] [--rounds 3]

Both ways take turns. The ratio is the other way's time over that of batches, so more is better, with
the minimum and the maximum of all rounds.

Alone: one call an image, as one would write it down; for RISE and Score-CAM one `model.predict` a
    masked image.
Batch of 1: one compiled call that goes through the network image by image.
tf-keras-vis is measured where it is installed. Weights are random, which does not change the time.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from cnnkit import explain

MASKS, CHANNELS = 64, 32  # of RISE and Score-CAM, for each image


def seconds(function: Callable) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def compare(name: str, ours: Callable, others: dict[str, Callable], rounds: int) -> None:
    """Print how many times as long each other way takes."""
    ratios = {other: [] for other in others}
    for _ in range(rounds):
        own = seconds(ours)
        for other, function in others.items():
            ratios[other].append(seconds(function) / own)
    for other, values in ratios.items():
        print(
            f"{name}: {other} takes {statistics.median(values):.1f} times as long "
            f"({min(values):.1f} to {max(values):.1f}); batches {own:.1f} s",
            flush=True,
        )


def one_mask_at_a_time(model: keras.Model, images: np.ndarray, masks: int) -> None:
    """Do the passes that RISE and Score-CAM need, and no more, by `model.predict`."""
    random = np.random.default_rng(0)
    for image in images:
        for _ in range(masks):
            model.predict((image * random.random((224, 224, 1)))[None], verbose=0)


def peer(model: keras.Model, images: np.ndarray, batch_size: int) -> dict[str, Callable]:
    """Return Grad-CAM by tf-keras-vis, in batches of the same size, where it is installed."""
    try:
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.utils.scores import CategoricalScore
    except ImportError:
        return {}
    gradcam = Gradcam(model, clone=False)

    def run():
        classes = model.predict(images, batch_size, verbose=0).argmax(axis=1)
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            gradcam(CategoricalScore(classes[part].tolist()), images[part], penultimate_layer=-1)

    return {"tf-keras-vis": run}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--masked-images", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args()
    model = keras.applications.MobileNetV2(weights=None)
    images = np.random.default_rng(0).uniform(-1, 1, (options.images, 224, 224, 3))
    images = images.astype("float32")
    few, size = images[: options.masked_images], options.batch_size
    print(f"{keras.backend.backend()} on {os.cpu_count()} cores, batches of {size}")
    explain.grad_cam(model, images[0])  # imports and first allocations
    compare(
        f"Grad-CAM of {len(images)}",
        lambda: explain.grad_cam(model, images, batch_size=size),
        {
            "alone": lambda: [explain.grad_cam(model, image) for image in images],
            "batch of 1": lambda: explain.grad_cam(model, images, batch_size=1),
            **peer(model, images, size),
        },
        options.rounds,
    )
    methods = {
        "Score-CAM": (
            CHANNELS,
            lambda n: explain.score_cam(model, few, channels=CHANNELS, batch_size=n),
        ),
        "RISE": (MASKS, lambda n: explain.rise(model, few, masks=MASKS, batch_size=n)),
    }
    for name, (passes, method) in methods.items():
        compare(
            f"{name} of {len(few)}, {passes} masks",
            lambda method=method: method(size),
            {
                "alone": lambda passes=passes: one_mask_at_a_time(model, few, passes),
                "batch of 1": lambda method=method: method(1),
            },
            options.rounds,
        )


if __name__ == "__main__":
    main()
