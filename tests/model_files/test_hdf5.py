"""Weights files from elsewhere: what HDF5 can do beyond holding arrays is refused, in bounded memory."""

import os
import subprocess
import sys
import zlib

import h5py
import ml_dtypes
import numpy as np
import pytest

from cnnkit.errors import CnnkitError, RefusedFileError, SettingError
from cnnkit.model_files import check_weights, open_weights, read_array
from cnnkit.models.families.mlp import mlp
from cnnkit.models.weights import load_weights

pytestmark = pytest.mark.once

SECRET = b"the bytes of a file that is none of a model's business"
GIGABYTES = (1 << 31,)  # of float32: 8 GB
MEMORY = 1 << 30

# Opens each file with no more memory than that; a reader that allocates 8 GB is killed or fails.
BOUNDED = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
from cnnkit.errors import CnnkitError
from cnnkit.model_files import check_weights
for path in sys.argv[1:]:
    try:
        print("opened", check_weights(path))
    except CnnkitError as error:
        print(type(error).__name__, " ".join(str(error).split()))
"""


def external(file, folder):
    (folder / "secret").write_bytes(SECRET)
    file.create_dataset("a", (8,), "f4", external=[(str(folder / "secret"), 0, 32)])


def virtual(file, folder):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "a", (4,))
    file.create_virtual_dataset("a", layout)


def soft_link(file, folder):
    file["a"] = np.ones(3)
    file["layers/b"] = h5py.SoftLink("/a")


def external_link(file, folder):
    file["a"] = h5py.ExternalLink(str(folder / "other.h5"), "/a")


def never_written(file, folder):
    file.create_dataset("a", GIGABYTES, "f4")


def only_a_fill_value(file, folder):
    file.create_dataset("a", GIGABYTES, "f4", chunks=(1 << 20,), fillvalue=1.0, compression="gzip")


def compressed_zeros(file, folder):
    array = file.create_dataset("a", (1 << 28,), "f4", chunks=(1 << 24,), compression=9)
    array[: 1 << 24] = 0


def many_small_declarations(file, folder):
    for number in range(40):
        file.create_dataset(f"layers/{number}/vars/0", (1 << 24,), "f4")


def one_huge_chunk(file, folder):
    file.create_dataset("a", (4,), "f4", maxshape=(None,), chunks=(1 << 29,))


def a_chunk_that_inflates(file, folder):
    array = file.create_dataset("a", (64,), "f4", chunks=(64,), compression="gzip")
    array.id.write_direct_chunk((0,), zlib.compress(bytes(1 << 26)))


def another_filter(file, folder):
    file.create_dataset("a", data=np.zeros((64, 64)), compression="lzf")


def a_text(file, folder):
    file["a"] = "text"


def a_type(file, folder):
    file["a"] = np.dtype("f4")


def too_deep(file, folder):
    file.create_group("/".join("g" * 5000))


def a_whole_model(file, folder):
    file.attrs["model_config"] = "{}"


HOSTILE = {
    external: "/a is external storage, whose bytes come from other files",
    virtual: "/a is a virtual dataset, whose bytes come from other files",
    soft_link: "/layers/b is a soft link",
    external_link: "/a is an external link",
    never_written: "declares arrays of 8,589,934,592 bytes",
    only_a_fill_value: "declares arrays of 8,589,934,592 bytes",
    compressed_zeros: "declares arrays of 1,073,741,824 bytes",
    many_small_declarations: "declares arrays of 2,684,354,560 bytes",
    one_huge_chunk: "declares arrays of 2,147,483,648 bytes",
    a_chunk_that_inflates: "/a inflates without end",
    another_filter: "/a is compressed in a way other than gzip",
    a_text: "/a holds object, and weights are numbers",
    a_type: "/a is neither a group nor an array",
    too_deep: "nest deeper than 64",
    a_whole_model: "whole model in Keras' old HDF5 format",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A file for each fault, by its maker."""
    folder = tmp_path_factory.mktemp("hostile")
    with h5py.File(folder / "other.h5", "w") as file:
        file["a"] = np.ones(4, "f4")
    paths = {}
    for make in HOSTILE:
        paths[make] = folder / f"{make.__name__}.weights.h5"
        with h5py.File(paths[make], "w", libver="latest") as file:
            make(file, folder)
        assert paths[make].stat().st_size < 20 << 20
    return paths


def test_each_is_refused_with_its_reason_and_without_the_memory_it_asks_for(hostile):
    command = [sys.executable, "-c", BOUNDED, *map(str, hostile.values())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    lines = done.stdout.splitlines()
    assert len(lines) == len(hostile), done.stderr[-2000:]
    for line, (make, words) in zip(lines, HOSTILE.items(), strict=True):
        assert line.startswith("RefusedFileError"), line
        assert str(hostile[make]) in line
        assert words in line


def test_our_reader_and_no_byte_of_another_file_meet(hostile):
    model = mlp((2, 2, 1), 2, hidden_units=())
    before = model.get_weights()
    for make in (external, virtual, external_link):
        with pytest.raises(RefusedFileError) as caught:
            load_weights(model, hostile[make])
        assert SECRET[:8].decode() not in str(caught.value)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(value, tmp_path):
    model = mlp((2, 2, 1), 2, hidden_units=())
    before = model.get_weights()
    model.set_weights([before[0], np.array([0.0, value])])
    model.save_weights(tmp_path / "w.weights.h5")
    model.set_weights(before)
    with pytest.raises(RefusedFileError, match="values that are NaN or infinite"):
        load_weights(model, tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_shape_that_does_not_fit_is_refused_before_the_array_is_read(tmp_path, monkeypatch):
    mlp((2, 2, 1), 3, hidden_units=(4,)).save_weights(tmp_path / "w.weights.h5")
    monkeypatch.setattr(h5py.Dataset, "__getitem__", None)  # any reading would be a TypeError
    with pytest.raises(SettingError, match=r"needs shapes \[\(4, 5\)"):
        load_weights(mlp((2, 2, 1), 3, hidden_units=(5,)), tmp_path / "w.weights.h5")


def test_honest_files_open_compressed_and_in_half_precision_too(tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 30)).astype("f4")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("zip", data=values, compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("half", data=values.astype(ml_dtypes.bfloat16))
        file["half"].attrs["dtype"] = "bfloat16"  # as Keras marks it
        file["counts"], file["flag"] = np.arange(5), True
        file["again"] = file["zip"]
        file["itself"] = file["/"]
    assert check_weights(tmp_path / "w.h5") == 3 * values.size + 6
    with open_weights(tmp_path / "w.h5") as file:
        np.testing.assert_array_equal(read_array(file["zip"]), values)
        half = read_array(file["half"])
    np.testing.assert_array_equal(half, values.astype(ml_dtypes.bfloat16))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("https://example.org/w.weights.h5", "is an address"),
        (".", "is a folder"),
        ("/dev/zero", "is a device or a pipe"),
        ("pipe", "is a device or a pipe"),
        ("absent.h5", "There is no weights file"),
    ],
)
def test_only_regular_files_of_this_machine_are_opened(name, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(CnnkitError, match=words):
        check_weights(name)
