"""OpenVINO: written by Keras, quantised by OpenVINO's NNCF, opened by OpenVINO."""

import contextlib
import io
import json
import logging
from pathlib import Path

import keras
import nncf
import numpy as np
import openvino

from cnnkit.deploy.formats.catalogue import Classifier

FILE = "model.xml"
# Else OpenVINO computes in bfloat16 where the processor can.
OPTIONS = {"INFERENCE_PRECISION_HINT": "f32"}

SCRIPT = """\
import openvino

model = openvino.Core().read_model(folder / "model.xml")
card = json.loads(model.get_rt_info(["cnnkit", "card"]).astype(str))
classify = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
probabilities = classify({"inputs": inputs})["probabilities"]
"""


def write(
    model: keras.Model, folder: Path, card: dict, precision: str, samples: np.ndarray | None
) -> None:
    """Write model.xml and model.bin, see `catalogue.FormatModule`."""
    full = folder / f"full_{FILE}"  # Keras cannot write float16 and int8
    model.export(str(full), format="openvino", verbose=False)
    exported = openvino.Core().read_model(full)
    if precision == "int8":
        exported = _quantised(exported, np.asarray(samples))
    exported.set_rt_info(json.dumps(card), ["cnnkit", "card"])
    exported.set_rt_info(json.dumps(card["class_names"]), ["cnnkit", "class_names"])
    openvino.save_model(exported, folder / FILE, compress_to_fp16=precision == "float16")
    del exported  # it maps the weights of the file that goes
    for each in (full, full.with_suffix(".bin")):
        each.unlink()


def load(folder: Path) -> Classifier:
    """Open model.xml in OpenVINO, on the processor."""
    classify = openvino.compile_model(folder / FILE, "CPU", OPTIONS)
    return lambda inputs: classify({"inputs": inputs})["probabilities"]


def read_card(folder: Path) -> dict:
    """Return the card in model.xml."""
    model = openvino.Core().read_model(folder / FILE)
    return json.loads(model.get_rt_info(["cnnkit", "card"]).astype(str))


def _quantised(model: openvino.Model, samples: np.ndarray) -> openvino.Model:
    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):  # progress bars
        return nncf.quantize(model, nncf.Dataset(list(samples[:, None])), subset_size=len(samples))
