"""`cnnkit serve` against one-at-a-time `model.predict` behind FastAPI and uvicorn, 32 clients.

    KERAS_HOME=... python -m benchmarks.serve [--model lenet5|mobilenet_v2] [--rounds 7]

Both servers run all the time, and clients ask them in turns. Each answer is compared with the one
that model.predict gives for the same picture when nothing else is asked. The ratio is ours over
theirs in requests a second, so more is better, with the minimum and the maximum of all rounds.
"""

import argparse
import contextlib
import http.client
import io
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

CLIENTS, PICTURES, TOLERANCE = 32, 64, 1e-4
SECONDS = 6  # of a turn
SIDES = {"lenet5": 28, "mobilenet_v2": 224}
OURS = "from cnnkit.cli import main; main()"
THEIRS = "from benchmarks.serve import plain_server; plain_server()"


def plain_server() -> None:
    """Serve a model file as its user would write it down: decode, `model.predict`, answer."""
    import uvicorn
    from fastapi import FastAPI, Request

    from cnnkit.deploy import open_trained_model
    from cnnkit.deploy.serve.server import bind

    trained, app = open_trained_model(sys.argv[1]), FastAPI()

    @app.post("/predict")
    async def predict(request: Request):
        batch = trained.inputs.batch([trained.inputs.decode(await request.body())])
        probabilities = trained.model.predict(batch, verbose=0)[0]
        best = np.argsort(-probabilities)[:5]
        top = [
            {"label": trained.class_names[each], "probability": float(probabilities[each])}
            for each in best
        ]
        return {"predictions": [{"top": top}]}

    with bind(0) as taken:
        taken.listen()
        print(f"answers at http://127.0.0.1:{taken.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[taken])


@contextlib.contextmanager
def server(code: str, *arguments: str) -> Iterator[int]:
    """Run a server until the end of the context, and yield its port."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield int(re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())[1])
    finally:
        process.terminate()
        process.communicate()


class Client:
    """Asks over one connection."""

    def __init__(self, port: int):
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        self._connection.request(method, path, body)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {content.decode()}")
        return content

    def top(self, picture: bytes) -> dict[str, float]:
        found = json.loads(self.ask("POST", "/predict", picture))["predictions"][0]["top"]
        return {each["label"]: each["probability"] for each in found}


def load(port: int, pictures: list[bytes], expected: list[dict], requests: int | None = None):
    """Ask with all clients for `SECONDS`, or so often; return seconds and the latency of each."""
    end, latencies = time.perf_counter() + SECONDS, []
    remaining, lock = requests, threading.Lock()

    def go_on() -> bool:
        nonlocal remaining
        if remaining is None:
            return time.perf_counter() < end
        with lock:
            remaining -= 1
            return remaining >= 0

    def client(number: int) -> None:
        asks, at = Client(port), number
        while go_on():
            at = (at + 7) % len(pictures)
            began = time.perf_counter()
            found = asks.top(pictures[at])
            latencies.append(time.perf_counter() - began)
            for label, probability in expected[at].items():
                # The fifth class may change its place with the sixth.
                if abs(found.get(label, min(found.values())) - probability) > TOLERANCE:
                    raise RuntimeError(f"picture {at}: {found}, not {expected[at]}")

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))
    return time.perf_counter() - began, latencies


def random_jpegs(side: int) -> list[bytes]:
    """Smooth random pictures, so that they differ for a network, as JPEG."""
    random, pictures = np.random.default_rng(0), []
    for _ in range(PICTURES):
        colours = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        file = io.BytesIO()
        colours.resize((side, side), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        pictures.append(file.getvalue())
    return pictures


def write_lenet5(path: Path) -> None:
    """Write a LeNet-5 of random weights, from pixels to probabilities."""
    import keras

    from cnnkit import models

    keras.utils.set_random_seed(0)
    network = models.lenet5((28, 28, 1), 10)
    pixels = keras.Input((28, 28, 1))
    logits = network(keras.layers.Rescaling(1 / 255)(pixels))
    keras.Model(pixels, keras.layers.Softmax()(logits)).save(path)


def megabytes(port: int) -> float:
    text = Client(port).ask("GET", "/metrics").decode()
    return float(re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)[1]) / 2**20


def percentile(latencies: list[float], share: int) -> str:
    return f"{1000 * np.percentile(latencies, share):.0f} ms"


def memory(port: int, pictures: list[bytes], expected: list[dict], requests: int) -> None:
    """Print the memory before and after so many requests, in four parts."""
    found = [megabytes(port)]
    for _ in range(4):
        load(port, pictures, expected, requests // 4)
        found.append(megabytes(port))
    steps = ", ".join(f"{each:.0f}" for each in found)
    print(f"memory over {requests:,} requests, in MB: {steps}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=SIDES, default="lenet5")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=20_000, help="of the memory's measurement")
    parser.add_argument("--max-batch", default="8")
    options = parser.parse_args()
    pictures = random_jpegs(SIDES[options.model])
    with contextlib.ExitStack() as stack:
        source = options.model
        if source == "lenet5":
            source = str(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "lenet5.keras")
            write_lenet5(Path(source))
        ours = stack.enter_context(server(OURS, "serve", source, "--max-batch", options.max_batch))
        theirs = stack.enter_context(server(THEIRS, source))
        asks = Client(theirs)
        expected = [asks.top(picture) for picture in pictures]
        rates, latencies = {ours: [], theirs: []}, {ours: [], theirs: []}
        for number in range(options.rounds + 1):
            for port in (ours, theirs):
                seconds, found = load(port, pictures, expected)
                if number:  # the first turn warms up
                    rates[port].append(len(found) / seconds)
                    latencies[port] += found
        for name, port in (("cnnkit serve", ours), ("model.predict", theirs)):
            print(
                f"{name:13} {statistics.median(rates[port]):7.1f} requests a second; latency "
                f"{percentile(latencies[port], 50)}, p99 {percentile(latencies[port], 99)}; "
                f"{len(latencies[port]):,} answers, all right"
            )
        ratios = [own / other for own, other in zip(rates[ours], rates[theirs], strict=True)]
        print(
            f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f} in "
            f"{len(ratios)} rounds), {options.model}, {CLIENTS} clients"
        )
        if options.requests:
            memory(ours, pictures, expected, options.requests)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
