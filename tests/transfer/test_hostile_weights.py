"""Weights that Keras or KerasHub would read from a folder are checked by the guarded door first."""

import types

import h5py
import keras
import pytest

from cnnkit import transfer
from cnnkit.errors import RefusedFileError
from cnnkit.transfer import hub

pytestmark = pytest.mark.once


def write_hostile(path, secret):
    """Write a file whose only array is the bytes of another file."""
    secret.write_bytes(bytes(64))
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("kernel", (4,), "f4", external=[(str(secret), 0, 16)])


def test_a_file_in_keras_cache_is_refused_and_stays(tmp_path, monkeypatch):
    path = tmp_path / "models" / transfer.backbone_info("mobilenet_025").weights_file
    write_hostile(path, tmp_path / "secret")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.applications, "MobileNet", None)  # Keras must not be asked
    with pytest.raises(RefusedFileError, match="external storage"):
        transfer.backbone("mobilenet_025", (32, 32, 3))
    assert path.exists()


def test_a_preset_of_kerashub_is_refused(tmp_path, monkeypatch):
    write_hostile(tmp_path / "model.weights.h5", tmp_path / "secret")
    presets = types.SimpleNamespace(ImageClassifier=types.SimpleNamespace(presets={}))
    monkeypatch.setattr(hub, "_keras_hub", lambda: types.SimpleNamespace(models=presets))
    with pytest.raises(RefusedFileError, match="external storage"):
        transfer.backbone(f"hub:{tmp_path}", (32, 32, 3))
