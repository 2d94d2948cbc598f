"""What the runtimes of ONNX and LiteRT answer for an exported model. They know nothing of cnnkit."""

import numpy as np
import pytest

onnxruntime = pytest.importorskip("onnxruntime", reason="comes with the extra `onnx`")
litert = pytest.importorskip("ai_edge_litert.interpreter", reason="comes with the extra `litert`")


def by_onnx(folder, pixels):
    """The probabilities by ONNX Runtime."""
    session = onnxruntime.InferenceSession(folder / "onnx" / "model.onnx")
    return session.run(["probabilities"], {"inputs": pixels})[0]


def by_litert(folder, pixels):
    """The probabilities by LiteRT, one picture after the other."""
    interpreter = litert.Interpreter(str(folder / "litert" / "model.tflite"))
    runner = interpreter.get_signature_runner("serving_default")
    return np.concatenate([runner(inputs=each[None])["probabilities"] for each in pixels])
