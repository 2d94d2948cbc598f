"""The folder of Keras' cache, against what Keras itself takes for it."""

import runpy
import subprocess
import sys

import keras
import pytest

from cnnkit.data.builtin import keras_images
from cnnkit.errors import MissingDataError
from cnnkit.keras_graph.keras_home import keras_home
from cnnkit.transfer.catalogue import weights_folder

pytestmark = pytest.mark.once


def by_keras():
    """Run Keras' own configuration file again, under the present environment."""
    return runpy.run_path(keras.src.backend.config.__file__)["keras_home"]()


@pytest.mark.parametrize("value", [None, "cache", "~/cache"])
def test_is_what_keras_takes(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    if value is None:
        monkeypatch.delenv("KERAS_HOME", raising=False)
    else:
        monkeypatch.setenv("KERAS_HOME", value)
    assert str(keras_home()) == by_keras()
    assert weights_folder() == keras_home() / "models"


def test_data_sets_are_expected_where_keras_looks_for_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", "~/cache")

    def refuse(module):
        raise OSError("no network")

    with pytest.raises(MissingDataError, match=r"into ~/cache/datasets"):
        keras_images.fetch("mnist", "mnist.npz", refuse)


def test_needs_no_keras():
    code = "import cnnkit.keras_graph.keras_home, sys; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
