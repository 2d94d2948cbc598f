"""Checkpoints are read as data: what is no tensor is refused, and nothing in them is executed."""

import collections
import io
import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cnnkit.errors import SettingError
from cnnkit.transfer.torch_checkpoint import MAGIC, PROTOCOL, read_tensors

pytestmark = pytest.mark.once


class Named:
    """Pickled as a name alone, such as `torch.FloatStorage`."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """Pickled as a call of a named function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class Storage:
    def __init__(self, key, kind, length):
        self.identifier = ("storage", Named("torch", kind), key, "cpu", length, None)


class TorchPickler(pickle._Pickler):
    """Writes what `torch.save` writes, without torch: names by hand, storages by reference."""

    def persistent_id(self, thing):
        return thing.identifier if isinstance(thing, Storage) else None

    def save(self, thing, *arguments, **options):
        if isinstance(thing, Named):
            self.write(f"c{thing.module}\n{thing.name}\n".encode())
        elif isinstance(thing, Call):
            self.save(thing.function)
            super().save(thing.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(thing, *arguments, **options)


def written(path, state, storages, magic=MAGIC):
    file = io.BytesIO()
    for content in (magic, PROTOCOL, {"little_endian": True}):
        pickle.dump(content, file, protocol=2)
    TorchPickler(file, protocol=2).dump(state)
    pickle.dump(list(storages), file, protocol=2)
    for numbers in storages.values():
        file.write(len(numbers).to_bytes(8, "little") + numbers.tobytes())
    path.write_bytes(file.getvalue())
    return path


def tensor(key, length, shape, strides, offset=0, kind="FloatStorage"):
    rebuild = Named("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, Storage(key, kind, length), offset, shape, strides, False, None)


def state_of(**tensors):
    return collections.OrderedDict(tensors)


@given(st.permutations(range(3)), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_tensors_are_read_with_their_strides_and_offsets(tmp_path_factory, order, seed):
    numbers = np.random.default_rng(seed).normal(size=28).astype("<f4")
    shape = tuple((2, 3, 4)[axis] for axis in order)
    expected = numbers[4:].reshape(2, 3, 4).transpose(order)
    strides = tuple(each // 4 for each in expected.strides)
    path = tmp_path_factory.mktemp("read") / "it.pth"
    written(path, state_of(w=tensor("1", 28, shape, strides, offset=4)), {"1": numbers})
    found = read_tensors(path)
    np.testing.assert_array_equal(found["w"], expected)


def test_a_call_of_anything_else_is_refused_and_not_made(tmp_path):
    marker = tmp_path / "executed"
    evil = Call(Named("os", "mkdir"), str(marker))
    path = written(tmp_path / "evil.pth", state_of(w=evil), {})
    with pytest.raises(SettingError, match="names os.mkdir, which no tensor needs"):
        read_tensors(path)
    assert not marker.exists()


@pytest.mark.parametrize("module", ["builtins", "torch", "collections", "torch._utils"])
def test_other_names_of_known_modules_are_refused(tmp_path, module):
    path = written(tmp_path / "it.pth", state_of(w=Call(Named(module, "eval"), "1 + 1")), {})
    with pytest.raises(SettingError, match=f"names {module}.eval"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": (5, 5), "strides": (5, 1)}, "reaches beyond"),
        ({"shape": (10**9,), "strides": (0,)}, "repeats its numbers"),
        ({"shape": (2,), "strides": (-1,)}, "reaches beyond"),
        ({"shape": (2,), "strides": (1,), "offset": -1}, "reaches beyond"),
        ({"shape": (2,), "strides": (1,), "length": 10**12}, "another length"),
    ],
)
def test_a_tensor_that_lies_about_its_numbers_is_refused(tmp_path, change, words):
    options = {"length": 8} | change
    path = written(
        tmp_path / "it.pth", state_of(w=tensor("1", **options)), {"1": np.zeros(8, "<f4")}
    )
    with pytest.raises(SettingError, match=words):
        read_tensors(path)


def test_every_truncation_is_refused(tmp_path):
    whole = written(
        tmp_path / "it.pth", state_of(w=tensor("1", 3, (3,), (1,))), {"1": np.ones(3, "<f4")}
    ).read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut.pth").write_bytes(whole[:length])
        with pytest.raises(SettingError, match="no PyTorch checkpoint of plain tensors"):
            read_tensors(tmp_path / "cut.pth")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"none\.pth cannot be read: No such file"):
        read_tensors(tmp_path / "none.pth")
    assert os.listdir(tmp_path) == []
