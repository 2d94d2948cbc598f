"""Time to the first finished training step: `cnnkit run` against a bare Keras script.

    python -m benchmarks.first_step [--rounds 5]

Both processes read scikit-learn's digits, enlarge them, build LeNet-5 behind the same two augmenting
layers, compile and fit. They end when a callback sees the end of the first step. Ours is `cnnkit run
FILE` on the experiment digits_lenet5. They take turns; the first round warms the file cache and is
left out. Ratios are ours over theirs, by the clock and by processor seconds: the median, with the
minimum and the maximum.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
import os
import keras, numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

class End(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])
        os._exit(0)

keras.utils.set_random_seed(0)
digits = load_digits()
pictures = np.round(digits.images * (255 / 16)).astype(np.uint8)
pictures = np.stack([np.asarray(Image.fromarray(x).resize((28, 28), Image.BICUBIC)) for x in pictures])
x, _, y, _ = train_test_split(pictures[..., None] / np.float32(255), digits.target, test_size=0.2)
x, x_valid, y, y_valid = train_test_split(x, y, test_size=0.1)
layers = keras.layers
model = keras.Sequential([
    keras.Input((28, 28, 1)),
    layers.RandomTranslation(0.08, 0.08, fill_mode="constant"),
    layers.RandomRotation(0.03, fill_mode="constant"),
    layers.Conv2D(6, 5, padding="same", activation="relu"), layers.MaxPooling2D(2),
    layers.Conv2D(16, 5, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
    layers.Dense(120, activation="relu"), layers.Dense(84, activation="relu"), layers.Dense(10),
])
rate = keras.optimizers.schedules.CosineDecay(2e-3, 20 * -(-len(x) // 32))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
model.fit(x, y, batch_size=32, epochs=20, validation_data=(x_valid, y_valid), callbacks=[End()])
"""
OURS = '''
"""digits_lenet5, which ends after its first step."""
import os
from dataclasses import replace
import keras
from experiments import digits_lenet5

class End(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])
        os._exit(0)

def experiment():
    """digits_lenet5, which ends after its first step."""
    return replace(digits_lenet5.experiment(), callbacks=(End(),))
'''


def seconds(command: list[str]) -> tuple[float, float]:
    """Return the time that a process takes by the clock, and its processor seconds."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        words = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(words.decode())
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        file, script = Path(work, "digits.py"), Path(work, "bare.py")
        file.write_text(OURS.lstrip())
        script.write_text(BARE)
        ours = [sys.executable, "-c", "from cnnkit.cli import main; main()", "run", str(file)]
        commands = [*ours, "--runs-dir", f"{work}/runs"], [sys.executable, str(script)]
        rounds = [[seconds(command) for command in commands] for _ in range(1 + options.rounds)][1:]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python "
        f"{platform.python_version()}"
    )
    for place, kind in enumerate(("by the clock", "processor seconds")):
        mine, theirs = ([times[who][place] for times in rounds] for who in range(2))
        ratios = [one / other for one, other in zip(mine, theirs, strict=True)]
        print(
            f"{kind:18} cnnkit run {statistics.median(mine):.1f} s, bare script "
            f"{statistics.median(theirs):.1f} s: ratio {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
