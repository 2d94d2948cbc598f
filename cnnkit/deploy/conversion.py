"""Write a model in a format, in a process whose Keras computes with TensorFlow.

Of the four converters, all work on TensorFlow; on JAX, LiteRT's is refused and OpenVINO's fails.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from cnnkit.deploy.exportable import exportable
from cnnkit.deploy.formats.catalogue import format_named
from cnnkit.deploy.trained_model import open_trained_model
from cnnkit.errors import SettingError
from cnnkit.keras_graph.uncompiled import uncompiled
from cnnkit.runs.run import Run
from cnnkit.transfer.catalogue import BackboneInfo

JOB, SAMPLES, MODEL = "job.json", "samples.npy", "model.keras"


def convert(
    model: keras.Model, source: object, *, format: str, folder: Path, card: dict, samples,
    runs_dir: str | os.PathLike, trust: bool, weights: str,
) -> None:  # fmt: skip
    """Write a model, here or in a process of its own.

    Args:
        model: As `exportable` returns it.
        source: What it was opened from, as `open_trained_model` takes it.
        format: The format's name.
        folder: An empty folder to write to.
        card: What the export says of itself.
        samples: Inputs to calibrate by, float32, or None.
        runs_dir: As `open_trained_model` takes it.
        trust: As `open_trained_model` takes it.
        weights: As `open_trained_model` takes them.

    Raises:
        SettingError: The format's tools cannot write the model; the message has their reason.
    """
    if keras.backend.backend() == "tensorflow":
        _write(model, format, folder, card, samples)
        return
    with tempfile.TemporaryDirectory() as temporary:
        job = Path(temporary)
        if isinstance(source, keras.Model):
            with uncompiled(source):
                source.save(job / MODEL)
            source, trust = job / MODEL, True  # this process wrote it
        _save_job(
            job, card, samples,
            source=_word_for(source), format=format, target=str(Path(folder).absolute()),
            runs_dir=str(runs_dir), trust=trust, weights=weights,
        )  # fmt: skip
        _run(job, format)


def main() -> None:
    """Do the job in the folder that the command line names."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    trained = open_trained_model(
        job["source"], runs_dir=job["runs_dir"], trust=job["trust"], weights=job["weights"]
    )
    samples = np.load(folder / SAMPLES) if (folder / SAMPLES).exists() else None
    try:
        _write(exportable(trained), job["format"], Path(job["target"]), job["card"], samples)
    except SettingError as error:
        sys.exit(f"{error}")


def _write(model: keras.Model, format: str, folder: Path, card: dict, samples) -> None:
    chosen = format_named(format)
    try:
        chosen.module().write(model, folder, card, card["precision"], samples)
    except Exception as error:  # the converters raise anything
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise SettingError(
            f"{card['name']} cannot be exported to {chosen.title} in {card['precision']}: {reason}"
        ) from error


def _word_for(source: object) -> str:
    """Return a text from which another process opens the same source."""
    if isinstance(source, Run):
        return str(source.folder.absolute())
    if isinstance(source, BackboneInfo):
        return source.name
    return os.fspath(source)  # type: ignore[call-overload]  # all that is left is a path or a name


def _save_job(folder: Path, card: dict, samples, **job) -> None:
    (folder / JOB).write_text(json.dumps({"card": card, **job}), encoding="utf-8")
    if samples is not None:
        np.save(folder / SAMPLES, samples)


def _run(job: Path, format: str) -> None:
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    # The same package as here, also where it is not installed.
    package = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join([package, *filter(None, sys.path)])
    code = "from cnnkit.deploy.conversion import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(job)],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise SettingError(lines[-1])
