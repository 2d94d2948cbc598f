"""A new head on a frozen MobileNetV2: features computed once, against Keras' guide.

    python -m benchmarks.transfer [head] [folding] [precision] [--photographs FOLDER]
        [--images 2000] [--epochs 5 20] [--imagenet FOLDER] [--rounds 3]

head: from a folder of 500 x 375 JPEGs to the test accuracy of a classifier on 224 x 224 pixels, in
    alternation. Eight tenths of the files train, one validates, one tests. Theirs is
    keras.io/guides/transfer_learning: `image_dataset_from_directory`, the frozen network inside the
    model, `model.fit`, `model.evaluate`. Ours is a whole `cnnkit.run`, report included, with empty
    caches. Both end with the last epoch's weights, and both use oneDNN unless
    TF_ENABLE_ONEDNN_OPTS=0. The ratio is their time over ours, with minimum and maximum. Weights are
    ImageNet's where KERAS_HOME has them, else random, which does not change the time.
folding: features a second of three networks with batch normalisation fused
    (`transfer.fuse_batch_norm`) over those without, on batches of 32 noisy images in memory.
precision: features a second by `transfer.split_features` in mixed bfloat16 over float32, on images in
    memory. With --imagenet, a folder of WORDNET_ID_anything.JPEG, also top-1 and top-5 of both.
    Processors without bfloat16 instructions (avx512_bf16, amx_bf16) are slower with it.
"""

import argparse
import contextlib
import io
import os
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np

import cnnkit
from benchmarks.data import write_photographs
from cnnkit import data, transfer
from cnnkit.training.steps import precision

SIZE, BATCH = 224, 32
FOLDED = ("mobilenet_v2", "efficientnet_b0", "resnet50")
POLICIES = ("float32", "mixed_bfloat16")
PARTS = {"train": 8, "valid": 1, "test": 1}


def lay_out(folder: Path, images: int, source: Path | None) -> None:
    """Write photographs as SPLIT/CLASS/IMAGE."""
    write_photographs(folder / "all", images, source)
    names = [name for name, share in PARTS.items() for _ in range(share)]
    for number, path in enumerate(sorted((folder / "all").rglob("*.jpg"))):
        target = folder / names[number % len(names)] / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    shutil.rmtree(folder / "all")


def by_the_guide(folder: Path, weights: str | None, epochs: int) -> float:
    """Train as Keras' guide to transfer learning does, and return the test accuracy."""
    keras.utils.set_random_seed(0)
    parts = {
        name: keras.utils.image_dataset_from_directory(
            folder / name, image_size=(SIZE, SIZE), batch_size=BATCH, shuffle=name == "train",
            verbose=False,
        )
        for name in PARTS
    }  # fmt: skip
    body = keras.applications.MobileNetV2(
        include_top=False, weights=weights, input_shape=(SIZE, SIZE, 3)
    )
    body.trainable = False
    image = keras.Input((SIZE, SIZE, 3))
    maps = body(keras.applications.mobilenet_v2.preprocess_input(image), training=False)
    values = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(image, keras.layers.Dense(2)(values))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss, metrics=["accuracy"])
    model.fit(parts["train"], validation_data=parts["valid"], epochs=epochs, verbose=0)
    return model.evaluate(parts["test"], verbose=0)[1]


def by_cnnkit(folder: Path, weights: str | None, epochs: int) -> float:
    """Train the same by `cnnkit.run` with empty caches, and return the test accuracy."""

    def photos():
        """A new head on a frozen MobileNetV2."""
        images = data.folder(folder, image_size=SIZE)
        model = transfer.create(
            "mobilenet_v2", images.image_shape, 2, dropout=0.2, weights=weights or "none"
        )
        return cnnkit.Experiment(
            data=images, model=model, optimizer=keras.optimizers.Adam(), epochs=epochs,
            batch_size=BATCH, restore_best_weights=False,
        )  # fmt: skip

    with tempfile.TemporaryDirectory() as empty:
        os.environ["CNNKIT_CACHE"] = f"{empty}/cache"
        run = cnnkit.run(photos, runs_dir=f"{empty}/runs", precision="float32")
        return run.results["test"]["accuracy"]


def seconds(function: Callable, *arguments) -> tuple[float, object]:
    began = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - began, result


def report(title: str, pairs: list[tuple[float, float]], ends: str) -> None:
    ratios = [theirs / ours for theirs, ours in pairs]
    times = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"{title}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); "
        f"{' s, '.join(f'{each:.4g}' for each in times)} s; {ends}",
        flush=True,
    )


def seconds_an_image(policy: str, weights: str, images: data.Split) -> float:
    with precision.precision_policy(policy):
        body = transfer.backbone("mobilenet_v2", (SIZE, SIZE, 3), weights=weights)
    model = transfer.feature_extractor(body)
    transfer.split_features(
        model, data.Split(images.inputs[:BATCH], images.labels[:BATCH]), cache=False
    )
    taken, _ = seconds(lambda: transfer.split_features(model, images, cache=False))
    return taken / len(images)


def compare_folding(rounds: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (BATCH, SIZE, SIZE, 3), dtype=np.uint8)
    for name in FOLDED:
        plain = transfer.feature_extractor(transfer.backbone(name, (SIZE, SIZE, 3), weights="none"))
        models = (plain, transfer.fuse_batch_norm(plain))
        for model in models:
            model.predict_on_batch(images)  # compiles
        pairs = [
            tuple(seconds(model.predict_on_batch, images)[0] for model in models)
            for _ in range(4 * rounds)
        ]
        report(f"{name}, folded over as it is", pairs, f"for {BATCH} images")


def compare_precisions(weights: str, rounds: int, imagenet: Path | None) -> None:
    inputs = np.random.default_rng(0).integers(0, 256, (512, SIZE, SIZE, 3), dtype=np.uint8)
    images = data.Split(inputs, np.zeros(len(inputs), np.int64))
    pairs = []
    for _ in range(rounds):
        with contextlib.redirect_stdout(io.StringIO()):  # their progress bars
            pairs.append(tuple(seconds_an_image(policy, weights, images) for policy in POLICIES))
    report("features a second, mixed bfloat16 over float32", pairs, f"bfloat16 in: {bfloat16_by()}")
    if imagenet is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        for path in imagenet.glob("n*_*.JPEG"):
            target = Path(folder) / path.name.split("_")[0] / path.name
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
        for policy in POLICIES:
            with precision.precision_policy(policy):
                found = transfer.evaluate_imagenet(folder, "mobilenet_v2")
            print(f"{policy}: top-1 {found['top_1']:.1%}, top-5 {found['top_5']:.1%} of "
                  f"{found['images']}", flush=True)  # fmt: skip


def bfloat16_by() -> str:
    """Return which of the processor's instructions multiply bfloat16, as Linux names them."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return "unknown"
    return ", ".join(sorted({"avx512_bf16", "amx_bf16", "bf16"} & set(flags))) or "no instruction"


def compare_heads(weights: str, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as work:
        folder, published = Path(work) / "photographs", None if weights == "none" else weights
        lay_out(folder, options.images, options.photographs)
        by_the_guide(folder, published, 1)  # imports, and fills the file cache
        for epochs in options.epochs:
            pairs = []
            for _ in range(options.rounds):
                theirs, guide = seconds(by_the_guide, folder, published, epochs)
                ours, kit = seconds(by_cnnkit, folder, published, epochs)
                pairs.append((theirs, ours))
            report(f"{epochs} epochs", pairs, f"test accuracy {guide:.1%}, ours {kit:.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "what", nargs="*", choices=(parts := ["head", "folding", "precision"]), default=parts
    )
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--imagenet", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    weights = "imagenet" if transfer.in_cache("mobilenet_v2") else "none"
    warnings.filterwarnings("ignore", "The backbone .* is untrained")
    print(f"{options.images} JPEGs, {keras.backend.backend()} on {os.cpu_count()} cores, "
          f"weights: {weights}, oneDNN: {os.environ['TF_ENABLE_ONEDNN_OPTS']}", flush=True)  # fmt: skip
    if "head" in options.what:
        compare_heads(weights, options)
    if "folding" in options.what:
        compare_folding(options.rounds)
    if "precision" in options.what:
        compare_precisions(weights, options.rounds, options.imagenet)


if __name__ == "__main__":
    main()
