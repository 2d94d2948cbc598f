"""A trained network in use: how many photographs a second are labelled.

    python -m benchmarks.use predict [--images 2000] [--rounds 3] [--photographs FOLDER]
        [--torch PYTHON]

predict: MobileNetV2 on JPEG photographs, of which those in FOLDER are repeated, or generated ones.
    Processes stay alive and take turns, a pass over all photographs a turn; imports and compiling
    are left out. Ratios are ours over theirs in pictures a second, of the turns of one round, with
    minimum and maximum.
    cnnkit: what `cnnkit predict` does, from files to CSV.
    ready arrays: `model.predict` on decoded arrays, in Keras' own batches of 32. It reads no file.
    overlapped: `model.predict` on a `tf.data` pipeline that reads, decodes and resizes ahead, in as
        many threads as there are cores.
    PyTorch: timm's network, or torchvision's without timm, and torchvision's transforms in a
        DataLoader with a worker a core, as timm's inference.py. --torch names a Python that has
        them. The weights are random, which does not change the time.
    All compute in float32. Other work beside it slows all of them alike.
"""

import argparse
import contextlib
import io
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

SIZE, BATCH = 224, 32
SUFFIXES = (".jpg", ".jpeg")
WAYS = ("cnnkit", "ready arrays", "overlapped")


def lay_out(folder: Path, images: int, source: Path | None) -> None:
    """Fill a folder with so many JPEG photographs."""
    if source is None:
        from benchmarks.data import write_photographs

        write_photographs(folder, images, None)
        return
    folder.mkdir()
    originals = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
    for number, path in zip(range(images), itertools.cycle(originals), strict=False):
        shutil.copy(path, folder / f"{number:05}.jpg")


def by_cnnkit(folder: Path) -> Callable[[], int]:
    """Return a pass: from files to CSV, as the command does."""
    from cnnkit import deploy
    from cnnkit.cli.prediction import Wishes, predict_files
    from cnnkit.transfer import backbone_info, in_cache

    weights = "imagenet" if in_cache("mobilenet_v2") else "none"
    trained = deploy.open_trained_model(backbone_info("mobilenet_v2"), weights=weights)

    def work() -> int:
        with contextlib.redirect_stderr(io.StringIO()):
            predict_files(trained, (folder,), Wishes("csv", folder.parent / "found.csv"))
        return sum(1 for _ in (folder.parent / "found.csv").open()) - 1

    return work


def _bare_model():
    import keras

    pixels = keras.Input((SIZE, SIZE, 3))
    values = keras.applications.mobilenet_v2.preprocess_input(pixels)
    return keras.Model(pixels, keras.applications.MobileNetV2(weights=None)(values))


def by_ready_arrays(folder: Path) -> Callable[[], int]:
    """Return a pass: `model.predict` on arrays that are there."""
    import numpy as np

    from cnnkit.data.images.decode import decode, read

    files = sorted(folder.rglob("*.jpg"))
    kinds = np.stack([decode(read(path), (SIZE, SIZE)) for path in files[:64]])
    arrays = kinds[np.arange(len(files)) % len(kinds)]
    model = _bare_model()
    return lambda: len(model.predict(arrays, batch_size=BATCH, verbose=0))


def by_overlapped(folder: Path) -> Callable[[], int]:
    """Return a pass: `model.predict` on files that `tf.data` decodes ahead."""
    import tensorflow as tf  # the pipeline that Keras' documentation uses

    model = _bare_model()
    files = sorted(map(str, folder.rglob("*.jpg")))

    def decode(path):
        pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.image.resize(pixels, (SIZE, SIZE))

    pipeline = tf.data.Dataset.from_tensor_slices(files).map(
        decode, num_parallel_calls=tf.data.AUTOTUNE
    )
    batches = pipeline.batch(BATCH).prefetch(tf.data.AUTOTUNE)
    return lambda: len(model.predict(batches, verbose=0))


def by_torch(folder: Path) -> Callable[[], int]:
    """Return a pass by PyTorch, as timm's inference.py does it."""
    import torch
    from PIL import Image

    # PyPI's torchvision is built for CUDA. Beside PyTorch for processors it lacks two operators that
    # its import asks for, and that nothing here needs.
    with contextlib.suppress(RuntimeError):
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", "(Tensor a, Tensor b, float c) -> Tensor")
    from torchvision import models, transforms

    try:
        import timm

        model = timm.create_model("mobilenetv2_100", pretrained=False)
    except ImportError:
        model = models.mobilenet_v2(weights=None)
    model = model.eval().to(memory_format=torch.channels_last)
    convert = transforms.Compose(
        [
            transforms.Resize((SIZE, SIZE)),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )

    class Photographs(torch.utils.data.Dataset):
        def __init__(self):
            self.files = sorted(folder.rglob("*.jpg"))

        def __len__(self):
            return len(self.files)

        def __getitem__(self, index):
            with Image.open(self.files[index]) as image:
                return convert(image.convert("RGB"))

    loader = torch.utils.data.DataLoader(Photographs(), BATCH, num_workers=os.cpu_count() or 1)

    def work() -> int:
        count = 0
        with torch.inference_mode():
            for batch in loader:
                chances = model(batch.contiguous(memory_format=torch.channels_last)).softmax(-1)
                count += len(chances.topk(5).indices)
        return count

    return work


BUILT = {
    "cnnkit": by_cnnkit,
    "ready arrays": by_ready_arrays,
    "overlapped": by_overlapped,
    "PyTorch": by_torch,
}


def serve(way: str, folder: Path) -> None:
    """In a process of its own: make a pass for each line of standard input, and print its seconds."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    work = BUILT[way](folder)
    work()  # compiles, and fills the file cache
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        count = work()
        print(json.dumps([count, time.perf_counter() - began]), file=answers, flush=True)


def compare(ways: dict[str, str], folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the pictures a second of each way, by Python, in the turns of each round."""
    processes = {
        way: subprocess.Popen(
            [python, str(Path(__file__).resolve()), "--serve", way, "--photographs", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        )
        for way, python in ways.items()
    }  # fmt: skip
    rates: dict[str, list[float]] = {way: [] for way in ways}
    try:
        for way, process in processes.items():
            if process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{way} has failed; run it alone to see why.")
        for _ in range(rounds):
            for way, process in processes.items():
                process.stdin.write("\n")
                process.stdin.flush()
                count, seconds = json.loads(process.stdout.readline())
                rates[way].append(count / seconds)
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    return rates


def report(rates: dict[str, list[float]]) -> None:
    ours = rates["cnnkit"]
    for way, theirs in rates.items():
        speeds = f"{statistics.median(theirs):.1f} ({min(theirs):.1f} to {max(theirs):.1f}) pictures a second"
        if way == "cnnkit":
            print(f"{way}: {speeds}", flush=True)
            continue
        ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
        print(
            f"{way}: {speeds}; cnnkit has {statistics.median(ratios):.2f} times as many "
            f"({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["predict"], default="predict")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--torch", metavar="PYTHON", help="A Python that has PyTorch.")
    parser.add_argument("--serve", choices=BUILT, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.photographs)
        return
    ways = dict.fromkeys(WAYS, sys.executable)
    if options.torch:
        ways["PyTorch"] = options.torch
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "photographs"
        lay_out(folder, options.images, options.photographs)
        print(
            f"{options.images} JPEGs on {os.cpu_count()} cores, {options.rounds} rounds", flush=True
        )
        report(compare(ways, folder, options.rounds))


if __name__ == "__main__":
    main()
