"""Asks the page's built worker under Node; skips where there is no Node."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import cnnkit.explorer

WORKER = Path(cnnkit.explorer.__file__).parent / "assets" / "worker.js"
SCRIPT = Path(__file__).with_name("engine.mjs")


def ask_page(folder, document, *questions):
    """Return the worker's answer to each question, (method, *parameters), tensors as arrays."""
    write_job(folder, document, *questions)
    run_jobs(folder)
    return read_answers(folder)


def write_job(folder, document, *questions):
    """Write a network and what to ask about it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network.json").write_text(document.json())
    (folder / "weights.bin").write_bytes(document.packed_weights())
    asked = []
    for method, *parameters in questions:
        given = []
        for value in parameters:
            if isinstance(value, np.ndarray):
                name = f"{len(asked)}_{len(given)}.bin"
                (folder / name).write_bytes(value.astype("<f4").tobytes())
                value = {"file": name} | ({} if value.ndim == 1 else {"shape": list(value.shape)})
            given.append(value)
        asked.append([method, given])
    (folder / "questions.json").write_text(json.dumps(asked))


def run_jobs(*folders):
    """Answer all questions of some folders in one process."""
    if shutil.which("node") is None:
        pytest.skip("no Node here, which runs the page's arithmetic outside a browser")
    subprocess.run(["node", str(SCRIPT), str(WORKER), *map(str, folders)], check=True, timeout=300)


def read_answers(folder):
    """Return the answers; raises where the worker answered with an error."""
    replies = json.loads((folder / "answers.json").read_text())
    floats = np.fromfile(folder / "answers.bin", "<f4")
    errors = [reply["error"] for reply in replies if "error" in reply]
    if errors:
        raise RuntimeError(errors[0])
    return [_restored(reply["answer"], floats) for reply in replies]


def _restored(value, floats):
    if isinstance(value, list):
        return [_restored(each, floats) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"shape", "data"}:
        start, size = value["data"]["start"], value["data"]["size"]
        return floats[start : start + size].reshape(value["shape"])
    return {key: _restored(each, floats) for key, each in value.items()}
