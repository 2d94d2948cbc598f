"""Exports of runs that are not of pictures."""

import json
import runpy
import sys

import keras
import numpy as np
import pytest

from cnnkit import data, deploy
from cnnkit.errors import SettingError

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="see test_export_process"),
]

onnxruntime = pytest.importorskip("onnxruntime", reason="comes with the extra `onnx`")

# As the fixture's experiments load them.
RUNS = {
    "sounds": ("chirps", {"train": 16, "validation": 8, "test": 8, "seconds": 0.25, "sampling_rate": 6400}),
    "sentences": ("sentences", {"train": 32, "validation": 16, "test": 16}),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_sounds_and_texts_are_exported_as_arrays(name, runs_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("cnnkit.deploy.speed.SECONDS", 0.02)
    run = deploy.find_source(f"{name}/one", runs_dir)
    run.export("onnx", output=tmp_path)
    loader, options = RUNS[name]
    dataset = data.load(loader, **options)
    inputs = dataset.test.inputs.astype("float32")
    ours = deploy.open_trained_model(run).model.predict(inputs, verbose=0)
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    found = session.run(["probabilities"], {"inputs": inputs})[0]
    np.testing.assert_allclose(found, ours, atol=1e-5)
    card = json.loads(session.get_modelmeta().custom_metadata_map["cnnkit"])
    assert card["input"]["kind"] == {"sounds": "sound", "sentences": "text"}[name]
    np.save(tmp_path / "one.npy", dataset.test.inputs[0])
    monkeypatch.setattr(sys, "argv", ["predict.py", str(tmp_path / "one.npy")])
    runpy.run_path(str(tmp_path / "onnx" / "predict.py"), run_name="__main__")
    label = capsys.readouterr().out.splitlines()[0].split(maxsplit=1)[1]
    assert label == dataset.class_names[ours[0].argmax()]


def test_serving_takes_pictures_alone(runs_dir):
    with pytest.raises(SettingError, match="takes picture files, and sounds/one takes sounds"):
        deploy.export(runs_dir / "sounds" / "one", "serving")
