"""Weights files in Keras' cache that are damaged are told and moved aside; sound ones never are."""

import fcntl
import os
import shutil
import urllib.error

import keras
import pytest

from cnnkit import models, transfer
from cnnkit.errors import MissingDataError, SettingError

pytestmark = pytest.mark.once

SMALL = "mobilenet_025"
WITHOUT_TOP, WITH_TOP = (
    transfer.backbone_info(SMALL).weights_file,
    transfer.backbone_info(SMALL).weights_file_with_top,
)


@pytest.fixture
def home(cached_keras, tmp_path, monkeypatch):
    """A cache of two small networks that may be spoilt, and no network."""
    from keras.src.backend import config
    from keras.src.utils import file_utils

    def offline(*arguments):
        raise urllib.error.URLError("no network")

    folder = tmp_path / "home" / "models"
    folder.mkdir(parents=True)
    for name in (WITHOUT_TOP, WITH_TOP, transfer.backbone_info("mobilenet_v2_035").weights_file):
        shutil.copy(cached_keras / "models" / name, folder)
    for path in folder.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    monkeypatch.setenv("KERAS_HOME", str(folder.parent))
    monkeypatch.setattr(config, "_KERAS_DIR", str(folder.parent))
    monkeypatch.setattr(file_utils, "urlretrieve", offline)
    return folder


def spoil(path, content):
    path.write_bytes(content)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return content


def sizes(folder):
    return {path.name: path.stat().st_size for path in folder.iterdir()}


@pytest.mark.parametrize("damage", ["cut", "empty", "zeros"])
def test_a_file_that_is_not_whole_is_told_in_words_and_kept_aside(home, damage):
    path = home / WITHOUT_TOP
    content = path.read_bytes()
    half = len(content) // 2
    content = spoil(path, {
        "cut": content[:half],  # as a download that was killed leaves it
        "empty": b"",
        "zeros": content[:half] + bytes(len(content) - half),
    }[damage])  # fmt: skip
    with pytest.raises(MissingDataError, match=rf"{WITHOUT_TOP} .*moved to .*\.damaged\.h5"):
        transfer.backbone(SMALL, (32, 32, 3))
    assert not path.exists()
    assert path.with_suffix(".damaged.h5").read_bytes() == content
    with pytest.raises(MissingDataError, match="not on this machine"):
        transfer.backbone(SMALL, (32, 32, 3))


def test_a_second_damaged_file_does_not_replace_the_first(home):
    path = home / WITHOUT_TOP
    for content in (b"one", b"other"):
        spoil(path, content)
        with pytest.raises(MissingDataError, match="moved to"):
            transfer.backbone(SMALL, (32, 32, 3))
    assert path.with_suffix(".damaged.h5").read_bytes() == b"one"
    assert path.with_suffix(".damaged2.h5").read_bytes() == b"other"


def test_a_file_that_may_still_be_fetched_by_another_process_stays(home):
    path = home / WITHOUT_TOP
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(MissingDataError, match="written to a moment ago"):
        transfer.backbone(SMALL, (32, 32, 3))
    assert path.exists()


def test_of_a_network_with_its_top_only_the_file_with_the_top_is_moved(home):
    before = sizes(home)
    spoil(home / WITH_TOP, (home / WITH_TOP).read_bytes()[:100_000])
    with pytest.raises(MissingDataError, match=f"{WITH_TOP} is not a file of Keras weights"):
        transfer.imagenet_classifier(SMALL)
    del before[WITH_TOP]
    assert sizes(home) == before | {WITH_TOP[:-3] + ".damaged.h5": 100_000}


def test_a_file_of_another_network_names_the_first_layer_that_differs(home):
    other = (home / transfer.backbone_info("mobilenet_v2_035").weights_file).read_bytes()
    spoil(home / WITHOUT_TOP, other)
    with pytest.raises(MissingDataError, match=r"layer 'conv1' needs shapes .*moved to"):
        transfer.backbone(SMALL, (32, 32, 3))


@pytest.mark.parametrize(("error", "times"), [(OSError("disk on fire"), 1), (ValueError(), 2)])
def test_a_sound_file_stays_whatever_else_fails(home, monkeypatch, error, times):
    before, real, left = sizes(home), keras.Model.load_weights, [error] * times

    def failing(self, *arguments, **options):
        if left:
            raise left.pop()
        return real(self, *arguments, **options)

    monkeypatch.setattr(keras.Model, "load_weights", failing)
    with pytest.raises(type(error)):
        transfer.backbone(SMALL, (32, 32, 3))
    assert sizes(home) == before


def test_a_sound_file_that_another_process_holds_stays(home):
    before = sizes(home)
    with open(home / WITHOUT_TOP, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            transfer.backbone(SMALL, (32, 32, 3))
    assert sizes(home) == before
    transfer.backbone(SMALL, (32, 32, 3))


@pytest.mark.parametrize("build", [
    lambda: transfer.backbone("vgg16", (32, 32, 3)),
    lambda: models.create("vgg16", (32, 32, 3), 10, include_top=False, weights="imagenet"),
], ids=["transfer", "models"])  # fmt: skip
def test_a_file_of_another_hash_is_kept_where_keras_would_delete_it(home, build):
    path = home / transfer.backbone_info("vgg16").weights_file
    content = spoil(path, (home / WITHOUT_TOP).read_bytes())
    with pytest.raises(MissingDataError, match=r"another hash than Keras knows, .*damaged\.h5"):
        build()
    assert path.with_suffix(".damaged.h5").read_bytes() == content
    assert not [name for name in os.listdir(home) if ".part" in name]


def test_a_cache_that_keras_would_pass_over_is_named(home, monkeypatch):
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    with pytest.raises(MissingDataError, match=f"make {home.parent} writable"):
        transfer.backbone(SMALL, (32, 32, 3))
    assert (home / WITHOUT_TOP).exists()


def test_a_file_of_ones_own_that_is_damaged_is_told_and_stays(home, tmp_path):
    own = tmp_path / "own.weights.h5"
    own.write_bytes((home / WITHOUT_TOP).read_bytes()[:100_000])
    with pytest.raises(SettingError, match=r"own\.weights\.h5 is not a file of Keras weights"):
        transfer.backbone(SMALL, (32, 32, 3), weights=own)
    assert own.stat().st_size == 100_000


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"0": ["n01440764"]}'])
def test_a_damaged_list_of_imagenets_classes_is_told(home, content):
    from cnnkit.transfer.imagenet import CLASSES, imagenet_classes

    (home / CLASSES).write_text(content)
    with pytest.raises(MissingDataError, match="is damaged"):
        imagenet_classes()


def asked_for(name, include_top, monkeypatch):
    from keras.src.utils import file_utils

    asked = []

    def note(file, *arguments, **options):
        asked.append(file)
        raise FileNotFoundError(file)

    monkeypatch.setattr(file_utils, "get_file", note)
    line = transfer.backbone_info(name)
    function = getattr(keras.applications, line.keras_name)
    with keras.StatelessScope(), pytest.raises(FileNotFoundError):  # no place for the weights
        size = line.native_size
        function(include_top=include_top, input_shape=(size, size, 3), **line.options)
    return asked


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == SMALL else pytest.mark.slow)
        for name in transfer.names()
        if not transfer.backbone_info(name).extra
    ],
)
def test_the_files_are_those_that_keras_asks_for(name, monkeypatch):
    line = transfer.backbone_info(name)
    assert asked_for(name, True, monkeypatch) == [line.weights_file_with_top]
    assert asked_for(name, False, monkeypatch) == [line.weights_file]
