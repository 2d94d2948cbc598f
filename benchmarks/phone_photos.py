"""First epoch over photos as they come from a phone: 12 megapixels, EXIF orientation, 3 to 5 MB each.

    python -m benchmarks.phone_photos [--photographs FOLDER] [--images 24] [--rounds 5]
        [--torch PYTHON]

Photos: the photographs of FOLDER enlarged to 4032 x 3024, or smooth random pictures without one; with
    the grain of a small sensor, saved as JPEG (4:2:0) with the orientation that a phone writes when it
    is held upright. Everybody resizes them to 224 x 224 in batches of 8.
cnnkit: `data.folder` checks every file and fills the cache of decoded pixels; then one epoch.
Keras: `keras.utils.image_dataset_from_directory` with its defaults but for the size.
TensorFlow: `tf.image.decode_and_crop_jpeg` of the central square in a tf.data pipeline, which decodes
    in parallel; "at a quarter" decodes with `ratio=4` instead of cropping, what an expert may write.
PyTorch: a DataLoader with Pillow and a worker a core. --torch names a Python that has PyTorch.

Each epoch is a process of its own, and they take turns. Imports are not counted. Memory is the peak of
the process and, of PyTorch, of its largest worker, less what was in use before the epoch. The other
four leave the photos lying on their side: only cnnkit reads the orientation.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIZE, BATCH, STORED = (224, 224), 8, (4032, 3024)
ORIENTATION, UPRIGHT_HELD = 0x0112, 6  # the tag, and "turn by 90 degrees"
ROOT = Path(__file__).parent.parent


def write_photos(folder: Path, images: int, source: Path | None) -> list[int]:
    """Write that many photos in two class folders; return their sizes in bytes."""
    rng, sizes = np.random.default_rng(0), []
    kinds = (".jpg", ".jpeg", ".png")
    originals = sorted(path for path in source.rglob("*") if path.suffix in kinds) if source else []
    for number in range(images):
        if originals:
            with Image.open(originals[number % len(originals)]) as image:
                picture = image.convert("RGB")
        else:
            picture = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        large = np.asarray(picture.resize(STORED, Image.Resampling.BICUBIC), np.int16)
        grain = rng.normal(0, 9, large.shape[:2]).round().astype(np.int16)[..., None]
        noisy = Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8))
        exif = Image.Exif()
        exif[ORIENTATION] = UPRIGHT_HELD
        file = folder / "ab"[number % 2] / f"{number:04}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        noisy.save(file, quality=87, exif=exif)
        sizes.append(file.stat().st_size)
    return sizes


def by_cnnkit() -> Callable[[Path], int]:
    from cnnkit import data
    from cnnkit.data.batches import Batches
    from cnnkit.training.steps.inputs import StepInputs

    def epoch(folder: Path) -> int:
        loaded, read = data.folder(folder, image_size=SIZE), 0
        for split in loaded.splits.values():
            inputs = StepInputs(Batches(split, BATCH, seed=0))
            read += sum(len(inputs[step][0]) for step in range(inputs.num_batches))
        return read

    return epoch


def by_keras() -> Callable[[Path], int]:
    import keras

    def epoch(folder: Path) -> int:
        batches = keras.utils.image_dataset_from_directory(
            folder, image_size=SIZE, batch_size=BATCH, verbose=False
        )
        return sum(len(images) for images, _ in batches)

    return epoch


def by_tensorflow(**reduced) -> Callable[[Path], int]:
    import tensorflow as tf

    top, side = 0, min(STORED)
    left = (max(STORED) - side) // 2

    def decode(path):
        content = tf.io.read_file(path)
        if reduced:
            pixels = tf.io.decode_jpeg(content, channels=3, **reduced)
        else:
            pixels = tf.image.decode_and_crop_jpeg(content, [top, left, side, side], channels=3)
        return tf.image.resize(pixels, SIZE)

    def epoch(folder: Path) -> int:
        paths = tf.data.Dataset.from_tensor_slices(sorted(map(str, folder.rglob("*.jpg"))))
        batches = paths.map(decode, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH)
        return sum(len(images) for images in batches.prefetch(tf.data.AUTOTUNE))

    return epoch


def by_torch() -> Callable[[Path], int]:
    from benchmarks.torch_photos import loader

    def epoch(folder: Path) -> int:
        return sum(len(images) for images in loader(folder, SIZE, BATCH))

    return epoch


CONTENDERS = {
    "cnnkit": by_cnnkit,
    "Keras": by_keras,
    "TensorFlow, cropped": by_tensorflow,
    "TensorFlow, at a quarter": lambda: by_tensorflow(ratio=4),
    "PyTorch": by_torch,
}


def peak() -> int:
    """Return the peak memory of this process and of its largest child, in MiB."""
    whose = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return sum(resource.getrusage(each).ru_maxrss for each in whose) // 1024


def measure(name: str, folder: Path) -> None:
    """Print, as JSON, what an epoch of a contender takes: clock, processor seconds, MiB."""
    epoch = CONTENDERS[name]()
    before, began, busy = peak(), time.perf_counter(), sum(os.times()[:4])
    read = epoch(folder)
    clock, cores = time.perf_counter() - began, sum(os.times()[:4]) - busy
    print(json.dumps([read / clock, read / cores, peak() - before]))


def answer(name: str, folder: Path, python: str) -> list[float]:
    """Return what `measure` prints in a process of its own, with an empty cache."""
    command = [python, "-m", "benchmarks.phone_photos", "--measure", name, str(folder)]
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"CNNKIT_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{name} has failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def difference(folder: Path) -> tuple[float, float]:
    """Return by how much our pixels differ from those decoded in full and resized: mean, worst photo."""
    from PIL import ImageOps

    from cnnkit.data.images import decode

    found = []
    for path in sorted(folder.rglob("*.jpg")):
        with Image.open(path) as image:
            whole = ImageOps.exif_transpose(image).convert("RGB")
        wanted = np.asarray(whole.resize(SIZE[::-1], Image.Resampling.BILINEAR), int)
        found.append(np.abs(decode.decode(path.read_bytes(), SIZE) - wanted).mean())
    return float(np.mean(found)), float(np.max(found))


def table(found: dict[str, list[list[float]]]) -> None:
    for name, rounds in found.items():
        clock, cores, memory = (list(column) for column in zip(*rounds, strict=True))
        ratios = [ours[1] / other for ours, other in zip(found["cnnkit"], cores, strict=True)]
        print(
            f"{name:25} {statistics.median(clock):6.1f} photos/s ({min(clock):.1f} to "
            f"{max(clock):.1f})  {statistics.median(cores):6.1f} per processor second; cnnkit "
            f"{statistics.median(ratios):.2f} times as many ({min(ratios):.2f} to "
            f"{max(ratios):.2f});  {statistics.median(memory):.0f} MiB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--torch", metavar="PYTHON", help="A Python that has PyTorch.")
    parser.add_argument(
        "--measure", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], Path(options.measure[1]))
        return
    from cnnkit.data.images import jpeg

    pythons = dict.fromkeys(CONTENDERS, sys.executable)
    pythons.pop("PyTorch")
    if options.torch:
        pythons["PyTorch"] = options.torch
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        sizes = write_photos(folder, options.images, options.photographs)
        print(
            f"{options.images} photos of {STORED[0]} x {STORED[1]}, {min(sizes) / 1e6:.1f} to "
            f"{max(sizes) / 1e6:.1f} MB; {platform.machine()}, {os.cpu_count()} cores, load "
            f"{os.getloadavg()[0]:.1f}; decoded by {jpeg.name()}"
        )
        rounds = [
            {name: answer(name, folder, python) for name, python in pythons.items()}
            for _ in range(1 + options.rounds)
        ][1:]  # the first fills the file cache
        table({name: [each[name] for each in rounds] for name in pythons})
        mean, worst = difference(folder)
        print(
            f"pixels differ from Pillow's, decoded in full, by {mean:.2f} of 255, {worst:.2f} at most a photo"
        )


if __name__ == "__main__":
    main()
