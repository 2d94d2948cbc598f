import hashlib
import os

import keras
import numpy as np
import pytest

from cnnkit import data
from cnnkit.errors import MissingDataError

pytestmark = pytest.mark.once


def arrays(samples=200, shape=(28, 28), classes=10, **changes):
    rng = np.random.default_rng(0)
    labels = np.arange(samples, dtype=np.uint8) % classes
    images = rng.integers(0, 256, (samples, *shape), dtype=np.uint8)
    made = {"x_train": images, "y_train": labels, "x_test": images[:50], "y_test": labels[:50]}
    return made | changes


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNKIT_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_reads_the_published_files_through_keras(name, cached_keras, monkeypatch):
    monkeypatch.delenv("CNNKIT_DATA", raising=False)
    loaded = data.load(name)
    (images, _), (test_images, test_labels) = getattr(keras.datasets, name).load_data()
    np.testing.assert_array_equal(loaded.test.inputs[..., 0], test_images)
    np.testing.assert_array_equal(loaded.test.labels, test_labels)
    ours = np.concatenate([loaded.train.inputs, loaded.validation.inputs])
    assert hashlib.sha256(np.sort(ours.reshape(60000, -1).view("S784"), axis=0)).digest() == (
        hashlib.sha256(np.sort(images.reshape(60000, -1).view("S784"), axis=0)).digest()
    )
    assert len(loaded.validation) == 6000


def test_uses_the_file_in_the_named_folder(folder):
    np.savez(folder / "mnist.npz", **arrays())
    loaded = data.load("mnist")
    assert loaded.image_shape == (28, 28, 1)
    assert loaded.source == str(folder / "mnist.npz")
    assert len(loaded.train) + len(loaded.validation) == 200


def test_labels_in_a_column_as_cifar_has_them_become_a_row(folder):
    made = arrays(shape=(32, 32, 3))
    np.savez(folder / "cifar10.npz", **made | {"y_train": made["y_train"][:, None]})
    assert data.load("cifar10").train.labels.ndim == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"x_train": np.zeros((200, 20, 20), np.uint8)},
            r"x_train should be uint8 .*\(200, 20, 20",
        ),
        ({"x_test": np.zeros((50, 28, 28), np.float32)}, "x_test should be uint8 .* float32"),
        ({"y_train": np.zeros(200, np.uint8)}, "y_train should be .* 0 to 9"),
        ({"y_test": np.zeros(50, np.float32)}, "y_test should be integers"),
    ],
)
def test_a_file_with_other_arrays_is_refused(folder, changes, words):
    np.savez(folder / "mnist.npz", **arrays(**changes))
    with pytest.raises(MissingDataError, match=words):
        data.load("mnist")


def test_a_file_that_lacks_an_array_is_refused(folder):
    made = arrays()
    del made["y_test"]
    np.savez(folder / "mnist.npz", **made)
    with pytest.raises(MissingDataError, match="lacks the arrays y_test"):
        data.load("mnist")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_a_damaged_file_is_refused_by_name(folder, content):
    (folder / "mnist.npz").write_bytes(content)
    with pytest.raises(MissingDataError, match=r"mnist\.npz cannot be read"):
        data.load("mnist")


def test_a_file_with_pickled_objects_is_refused(folder):
    np.savez(folder / "mnist.npz", **arrays(y_train=np.array([print] * 200, dtype=object)))
    with pytest.raises(MissingDataError, match="cannot be read"):
        data.load("mnist")


def test_a_small_file_that_declares_a_gigabyte_is_refused_unread(folder, monkeypatch):
    np.savez_compressed(folder / "mnist.npz", **arrays(x_train=np.zeros((1 << 27,), np.uint8)))
    assert (folder / "mnist.npz").stat().st_size < 1 << 18
    monkeypatch.setattr(np.lib.format, "read_array", None)  # any reading would be a TypeError
    with pytest.raises(MissingDataError, match="it declares 134,.* bytes, far more than it has"):
        data.load("mnist")


def test_an_array_without_names_is_refused(folder):
    with (folder / "mnist.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(MissingDataError, match=r"mnist\.npz cannot be read"):
        data.load("mnist")


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_without_network_the_error_names_both_ways(name, folder, monkeypatch):
    def unreachable():
        raise Exception("URL fetch failure on https://...: None -- unreachable")

    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", unreachable)
    monkeypatch.setenv("KERAS_HOME", str(folder / "home"))
    with pytest.raises(MissingDataError) as caught:
        data.load(name)
    assert str(folder / "home" / "datasets") in str(caught.value)
    assert str(folder / f"{name}.npz") in str(caught.value)
    assert "x_train, y_train, x_test, y_test" in str(caught.value)


def test_a_cache_that_cannot_be_written_is_named(folder, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(folder))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the tests may run as root
    with pytest.raises(MissingDataError, match=f"{folder} cannot be written to"):
        data.load("mnist")
