"""LiteRT, once TensorFlow Lite: written by Keras over TensorFlow's converter, opened by ai-edge-litert."""

import json
import os
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np

# The converter's options are values of TensorFlow's own.
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from cnnkit.deploy.formats.catalogue import Classifier
from cnnkit.keras_import import standard_error_dropped

FILE = "model.tflite"
CARD, LABELS = "cnnkit.json", "labels.txt"

SCRIPT = """\
from ai_edge_litert.interpreter import Interpreter

card = json.loads(zipfile.ZipFile(folder / "model.tflite").read("cnnkit.json"))
classify = Interpreter(str(folder / "model.tflite")).get_signature_runner()
probabilities = classify(inputs=inputs)["probabilities"]
"""


def write(
    model: keras.Model, folder: Path, card: dict, precision: str, samples: np.ndarray | None
) -> None:
    """Write model.tflite, see `catalogue.FormatModule`.

    Class names and card are files of a ZIP archive behind the model, which is where LiteRT's own
    metadata have them: any unpacker reads them, and the runtime does not see them.
    """
    options: dict = {}
    if precision != "float32":
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        options["target_spec"] = {"supported_types": [tf.float16]}
    if precision == "int8":
        options["representative_dataset"] = lambda: (
            {"inputs": each[None]} for each in np.asarray(samples)
        )
    with warnings.catch_warnings(), standard_error_dropped():
        warnings.simplefilter("ignore")  # TensorFlow's calibrator, of its own deprecated parts
        model.export(folder / FILE, format="litert", verbose=False, **options)
    with zipfile.ZipFile(folder / FILE, "a") as archive:
        archive.writestr(LABELS, "".join(f"{name}\n" for name in card["class_names"]))
        archive.writestr(CARD, json.dumps(card))


def load(folder: Path) -> Classifier:
    """Open model.tflite in LiteRT, on all cores that the process may use."""
    with standard_error_dropped():  # it says how it computes
        interpreter = Interpreter(str(folder / FILE), num_threads=_cores())
        interpreter.allocate_tensors()
    classify = interpreter.get_signature_runner()
    # By name: the order of outputs is the converter's own.
    return lambda inputs: classify(inputs=inputs)["probabilities"]


def read_card(folder: Path) -> dict:
    """Return the card in model.tflite."""
    with zipfile.ZipFile(folder / FILE) as archive:
        return json.loads(archive.read(CARD))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
