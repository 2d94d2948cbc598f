"""ONNX: written by Keras over tf2onnx, quantised and opened by ONNX Runtime."""

import json
import logging
import warnings
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
from onnxruntime import quantization
from onnxruntime.transformers import float16, onnx_model

from cnnkit.deploy.formats.catalogue import Classifier

FILE = "model.onnx"
OPSET = 18  # int8 a channel needs 13; ONNX Runtime reads 18 since 1.14, of 2023
QUIET = 3  # of ONNX Runtime: errors alone

SCRIPT = """\
import onnxruntime
from onnxruntime import quantization
from onnxruntime.transformers import float16, onnx_model

session = onnxruntime.InferenceSession(folder / "model.onnx")
card = json.loads(session.get_modelmeta().custom_metadata_map["cnnkit"])
(probabilities,) = session.run(["probabilities"], {"inputs": inputs})
"""


def write(
    model: keras.Model, folder: Path, card: dict, precision: str, samples: np.ndarray | None
) -> None:
    """Write model.onnx, see `catalogue.FormatModule`."""
    path = folder / FILE
    # Keras exports only what was called once, and a process that converts has just opened it.
    model(np.zeros((1, *model.inputs[0].shape[1:]), np.float32), training=False)
    with warnings.catch_warnings():
        # Keras asks NumPy for names of NumPy 1, for tf2onnx.
        warnings.simplefilter("ignore", FutureWarning)
        logging.getLogger("tf2onnx").setLevel(logging.ERROR)
        model.export(path, format="onnx", verbose=False, opset_version=OPSET)
    if precision == "int8":
        _quantise(path, np.asarray(samples))
    exported = onnx.load(path)
    if precision == "float16":
        exported = _in_float16(exported)
    for value in (*exported.graph.input, *exported.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.helper.set_model_props(
        exported, {"cnnkit": json.dumps(card), "class_names": json.dumps(card["class_names"])}
    )
    onnx.checker.check_model(exported, full_check=True)
    onnx.save(exported, path)


def load(folder: Path) -> Classifier:
    """Open model.onnx in ONNX Runtime, on the processor."""
    session = _session(folder)
    return lambda inputs: session.run(["probabilities"], {"inputs": inputs})[0]


def read_card(folder: Path) -> dict:
    """Return the card in model.onnx."""
    return json.loads(_session(folder).get_modelmeta().custom_metadata_map["cnnkit"])


def _session(folder: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    return onnxruntime.InferenceSession(folder / FILE, options, ["CPUExecutionProvider"])


def _in_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    converted = float16.convert_float_to_float16(model, keep_io_types=True)
    onnx_model.OnnxModel(converted).topological_sort()  # casts come last otherwise
    return converted


def _quantise(path: Path, samples: np.ndarray) -> None:
    """Replace a float32 file by one whose convolutions and products are of 8 bits."""
    prepared = path.with_name("prepared.onnx")
    quantization.quant_pre_process(path, prepared, skip_symbolic_shape=True)
    quantization.quantize_static(
        prepared, path, _Samples(samples), quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
    )  # fmt: skip
    prepared.unlink()


class _Samples:
    """Inputs one by one, as ONNX Runtime's CalibrationDataReader has them."""

    def __init__(self, samples: np.ndarray):
        self._inputs = iter(samples)

    def get_next(self) -> dict | None:
        sample = next(self._inputs, None)
        return None if sample is None else {"inputs": sample[None]}
