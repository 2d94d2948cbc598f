"""Reading folders of JPEG files: cnnkit against `keras.utils.image_dataset_from_directory`.

    python -m benchmarks.data [--photographs FOLDER] [--images 2000] [--rounds 5]

Both read the same files in alternation. The ratio is their time over ours, so more is better; its
minimum and maximum over all rounds are printed, too.

Files: 500 x 375 JPEGs, cut from the photographs of FOLDER, or generated pictures without one.
First epoch: everything from the folder's path to the last batch, with a warm file cache. Ours
    checks every file and fills the cache of decoded pixels.
Second epoch: measured with bytes, as the compiled step takes them, and with floats.
Keras: its defaults but for the size, so it resizes without antialiasing.
PyTorch: measured where it is installed, with one worker a core.
Clock: wall time. Cores: processor seconds of all processes, which other programs change less.

`pip install "cnnkit[fast]"` decodes fastest; the libraries in use are printed.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE, BATCH = (224, 224), 32


def write_photographs(folder: Path, images: int, source: Path | None) -> None:
    """Write that many JPEGs, 500 x 375, in two class folders."""
    rng = np.random.default_rng(0)
    originals = sorted(path for path in source.rglob("*") if path.is_file()) if source else []
    for number in range(images):
        if originals:
            with Image.open(originals[number % len(originals)]) as image:
                picture = image.convert("RGB")
            width, height = picture.size
            left, top = rng.integers(0, width // 5 + 1), rng.integers(0, height // 5 + 1)
            picture = picture.crop((left, top, left + width * 4 // 5, top + height * 4 // 5))
        else:
            coarse = rng.integers(0, 256, (40, 53, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse)
        file = folder / "ab"[number % 2] / f"{number:06}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.resize((500, 375), Image.Resampling.BICUBIC).save(file, quality=90)


def keras_epoch(folder: Path) -> None:
    import keras

    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=SIZE, batch_size=BATCH, verbose=False
    )
    for _ in dataset:
        pass


def our_data(folder: Path):
    from cnnkit import data

    return data.folder(folder, image_size=SIZE)


def our_epoch(dataset, scaled: bool = False) -> None:
    """Read all splits, so that the number of images is that of the others."""
    from cnnkit.data.batches import Batches
    from cnnkit.training.steps.inputs import StepInputs

    for split in dataset.splits.values():
        batches = Batches(split, BATCH, scale=dataset.scale, seed=0)
        given = batches if scaled else StepInputs(batches)
        for step in range(batches.num_batches):
            given[step]


def our_first_epoch(folder: Path) -> None:
    our_epoch(our_data(folder))


def torch_epoch(folder: Path) -> None:
    from benchmarks.torch_photos import loader

    for _ in loader(folder, SIZE, BATCH):
        pass


def inspect_all(folder: Path) -> None:
    from cnnkit.data.inspection.inspection import inspect

    found = inspect(folder)
    _ = found.wrong, found.notes  # computed on demand


def decode_all(folder: Path) -> None:
    from cnnkit.data.images import threads

    def decode(path: Path) -> None:
        with Image.open(path) as image:
            image.load()

    for _ in threads.ordered(decode, sorted(folder.rglob("*.jpg"))):
        pass


def seconds(function: Callable, *arguments) -> tuple[float, float]:
    """Return (seconds by the clock, seconds of all cores, of processes it started too)."""
    began, busy = time.perf_counter(), sum(os.times()[:4])
    function(*arguments)
    return time.perf_counter() - began, sum(os.times()[:4]) - busy


def report(title: str, theirs: list[tuple], ours: list[tuple]) -> None:
    print(title)
    for index, kind in enumerate(("clock", "cores")):
        one, other = ([pair[index] for pair in times] for times in (theirs, ours))
        ratios = [a / b for a, b in zip(one, other, strict=True)]
        print(
            f"  {kind} {statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f})"
            f"   {statistics.median(one):.2f} s, {statistics.median(other):.2f} s"
        )


def waiting() -> None:
    """Print which part of its time training LeNet-5 from memory waits for data."""
    import keras

    from cnnkit import data, models
    from cnnkit.data.batches import Batches

    spent = 0.0

    class Timed(Batches):
        def __getitem__(self, step):
            nonlocal spent
            began = time.perf_counter()
            batch = super().__getitem__(step)
            spent += time.perf_counter() - began
            return batch

    digits = data.digits()
    model = models.create("lenet5", digits.image_shape, digits.num_classes)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = Timed(digits.train, BATCH, scale=digits.scale, seed=0)
    model.fit(batches, epochs=1, verbose=0)  # compiles
    spent = 0.0
    whole, _ = seconds(lambda: model.fit(batches, epochs=10, verbose=0))
    print(f"LeNet-5 from memory: {spent / whole:.1%} of training is spent making batches")


def difference(folder: Path) -> tuple[float, int]:
    """Return by how much our pixels differ from Pillow's antialiased resize: mean, greatest."""
    from cnnkit.data.images import decode

    found = []
    for path in sorted(folder.rglob("*.jpg"))[:100]:
        with Image.open(path) as image:
            wanted = image.convert("RGB").resize(SIZE[::-1], Image.Resampling.BILINEAR)
        found.append(np.abs(decode.decode(path.read_bytes(), SIZE) - np.asarray(wanted, int)))
    return float(np.mean(found)), int(np.max(found))


def peak(folder: Path) -> int:
    """Return the peak memory in MiB of a process that loads a folder and reads one epoch."""
    code = (
        "import resource, sys; from pathlib import Path; from benchmarks import data as b;"
        "b.our_epoch(b.our_data(Path(sys.argv[1])));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1])


def main() -> None:
    from cnnkit.data import cache
    from cnnkit.data.images import jpeg

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        os.environ["CNNKIT_CACHE"] = f"{work}/cache"
        folder, large = Path(work) / "photographs", Path(work) / "ten times"
        write_photographs(folder, options.images, options.photographs)
        keras_epoch(folder)  # imports, and fills the file cache
        names = ("keras", "first", "second", "scaled", "inspect", "decode", "torch")
        times = {name: [] for name in names}
        for _ in range(options.rounds):
            times["keras"].append(seconds(keras_epoch, folder))
            cache.clear()
            times["first"].append(seconds(our_first_epoch, folder))
            times["second"].append(seconds(our_epoch, our_data(folder)))
            times["scaled"].append(seconds(our_epoch, our_data(folder), True))
            times["decode"].append(seconds(decode_all, folder))
            times["inspect"].append(seconds(inspect_all, folder))
            try:
                times["torch"].append(seconds(torch_epoch, folder))
            except ImportError:
                del times["torch"][:]
        print(f"{options.images} JPEGs on {os.cpu_count()} cores: theirs over ours, all rounds")
        print(f"decoded and resized by {jpeg.name()}")
        report("first epoch / image_dataset_from_directory", times["keras"], times["first"])
        report("second epoch / its first epoch", times["keras"], times["second"])
        report("second epoch, scaled / its first epoch", times["keras"], times["scaled"])
        if times["torch"]:
            report("first epoch / PyTorch DataLoader with Pillow", times["torch"], times["first"])
        else:
            print("PyTorch is not installed, so its DataLoader is not measured")
        report(
            "inspection / decoding each file once on all cores", times["decode"], times["inspect"]
        )
        mean, greatest = difference(folder)
        print(f"pixels differ from Pillow's by {mean:.3f} of 255 on average, {greatest} at most")
        waiting()
        for copy in range(10):
            shutil.copytree(folder, large, dirs_exist_ok=True, copy_function=_named(copy))
        few, many = peak(folder), peak(large)
        print(f"peak memory: {few} MiB, ten times as many files {many} MiB ({many / few - 1:+.1%})")


def _named(copy: int) -> Callable[[str, str], None]:
    """Return what copies a file under another name and with other bytes, so that it is a new one."""

    def write(source: str, target: str) -> None:
        file = Path(target)
        content = Path(source).read_bytes() + bytes([copy])
        file.with_name(f"{copy} {file.name}").write_bytes(content)

    return write


if __name__ == "__main__":
    main()
