"""Exports on either backend: TensorFlow converts, in a process of its own if need be."""

import keras
import numpy as np
import pytest
from exports import shapes, trained

from cnnkit import data, deploy

litert = pytest.importorskip("ai_edge_litert.interpreter", reason="comes with the extra `litert`")
onnxruntime = pytest.importorskip("onnxruntime", reason="comes with the extra `onnx`")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("cnnkit.deploy.speed.SECONDS", 0.02)


def answers(folder, inputs):
    runner = litert.Interpreter(str(folder / "model.tflite")).get_signature_runner()
    return np.concatenate([runner(inputs=each[None])["probabilities"] for each in inputs])


def test_a_run_is_exported_whatever_the_backend(runs_dir, tmp_path):
    run = deploy.find_source("shapes/one", runs_dir)
    deploy.export(run, ("litert", "onnx"), output=tmp_path)
    inputs = data.xo(test=8, image_size=12).test.inputs.astype("float32")
    ours = deploy.open_trained_model(run).model.predict(inputs, verbose=0)
    np.testing.assert_allclose(answers(tmp_path / "litert", inputs), ours, atol=1e-5)
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    found = session.run(["probabilities"], {"inputs": inputs})[0]
    np.testing.assert_allclose(found, ours, atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="converts in this process")
def test_a_model_in_memory_and_int8_reach_the_other_process(tmp_path):
    dataset = shapes()
    model = trained(dataset)
    _, row = deploy.export(
        model, "litert", precision="int8", dataset=dataset, output=tmp_path, max_drop=0.05
    )
    inputs = dataset.test.inputs.astype("float32")
    found = answers(tmp_path / "litert-int8", inputs)
    assert (found.argmax(axis=1) == dataset.test.labels).mean() == row.score
    assert np.abs(found - model.predict(inputs, verbose=0)).mean() < 0.05
