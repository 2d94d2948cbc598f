"""What `cnnkit.run` and `cnnkit.resume` take: functions and settings that a run can be repeated by."""

import datetime
import enum
import functools
import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import keras
import numpy as np
import pytest

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.errors import CnnkitError, SettingError
from cnnkit.experiment.rebuild import recorded_settings


class Color(enum.Enum):
    RED = 1


class Word(enum.StrEnum):
    RED = "red"


Size = namedtuple("Size", "height width")


def small(units: int = 4, rate: float = 0.1, more=None, epochs: int = 1, fail: bool = False):
    """A network of a second."""
    shapes = data.xo(train=16, validation=8, test=8, image_size=12)
    stop = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: _fail(fail and epoch))
    return Experiment(
        data=shapes, model=models.mlp((12, 12, 1), 2, hidden_units=(units,)),
        optimizer=keras.optimizers.SGD(rate), epochs=epochs, callbacks=(stop,),
    )  # fmt: skip


def _fail(now):
    if now and os.environ.get("CNNKIT_TEST_FAILS"):
        raise RuntimeError("the power failed")


class Callable:
    def __call__(self, epochs: int = 1):
        return small(epochs=epochs)


NETWORK = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            (lambda epochs=1: small(epochs=epochs),),
            "function with a name, .* not a lambda: write def",
        ),
        ((functools.partial(lambda epochs: small(epochs=epochs), 1),), "not a lambda"),
        ((Callable(),), "not an object of the class Callable: write def experiment"),
        ((NETWORK, np.zeros((3, 2)), np.zeros(3)), r"not Sequential and arrays: cnnkit.fit\(model"),
        ((NETWORK,), r"not Sequential: cnnkit.fit\(model, x, y\) trains a compiled model"),
        ((small, 3), "its settings by name"),
        (("small",), "function that returns an Experiment, .* not str"),
    ],
)
def test_what_no_run_could_repeat_is_refused_in_a_sentence(tmp_path, arguments, words):
    with pytest.raises(SettingError, match=words):
        cnnkit.run(*arguments, runs_dir=tmp_path)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("value", "kind", "remedy"),
    [
        (keras.optimizers.SGD(0.1), "SGD", "its name, 'SGD', and numbers"),
        (keras.optimizers.SGD, "SGD", "its name, 'SGD'"),
        (small, "function", "its name, 'small'"),
        (Color.RED, "Color", "its name, 'RED'"),
        (Word.RED, "Word", "its name, 'RED'"),
        (datetime.date(2026, 1, 2), "date", "a text, '2026-01-02'"),
        (np.arange(3), "ndarray", "a tuple of its values"),
        ({1, 2}, "set", "a tuple of its values"),
        ({"deep": [{"er": Color.RED}]}, "Color", "its name, 'RED'"),
        ({(1, 2): "a"}, "dict", "a dict whose keys are texts"),
        (Size(3, 4), "Size", "the numbers and texts that it is made of"),
        (b"bytes", "bytes", "the numbers and texts"),
        (1j, "complex", "the numbers and texts"),
    ],
)
def test_a_setting_that_json_does_not_know_is_named_with_the_remedy(tmp_path, value, kind, remedy):
    words = f"The setting 'more' of the experiment 'small' is of the type {kind}, .*: give {remedy}"
    with pytest.raises(SettingError, match=words):
        cnnkit.run(small, more=value, runs_dir=tmp_path)
    assert not os.listdir(tmp_path)


ITSELF: list = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    "value", [ITSELF, functools.reduce(lambda inner, _: [inner], range(99), 0)]
)
def test_a_setting_that_holds_itself_or_nests_too_deeply_is_refused(tmp_path, value):
    words = "The setting 'more' of the experiment 'small' holds itself, or nests deeper than 50"
    with pytest.raises(SettingError, match=words):
        cnnkit.run(small, more={"a": value}, runs_dir=tmp_path)
    assert not os.listdir(tmp_path)


@pytest.mark.once
def test_a_partial_gives_settings_and_numbers_may_be_of_numpy(tmp_path):
    inner = functools.partial(small, 3, rate=0.5)
    outer = functools.partial(inner, rate=np.float32(0.25), more=Path("here"))
    run = cnnkit.run(outer, epochs=np.int64(1), seed=np.int64(7), runs_dir=tmp_path, name="it")
    expected = {"units": 3, "rate": 0.25, "more": Path("here"), "epochs": 1, "fail": False}
    assert recorded_settings(run) == expected
    assert run.folder == tmp_path / "small" / "it"
    assert run.experiment["seed"] == 7
    assert run.model.count_params() == models.mlp((12, 12, 1), 2, hidden_units=(3,)).count_params()


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    runs_dir = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNKIT_TEST_FAILS", "yes")
        with pytest.raises(RuntimeError, match="the power failed"):
            cnnkit.run(small, epochs=2, fail=True, runs_dir=runs_dir, name="it")
    return runs_dir / "small" / "it"


@pytest.mark.once
@pytest.mark.parametrize(
    "call",
    [
        cnnkit.resume,
        lambda run: cnnkit.resume(run=run),
        lambda run: cnnkit.resume(str(run.folder)),
        lambda run: cnnkit.resume(small, run.folder),
        lambda run: cnnkit.resume(run, small),
        lambda run: cnnkit.resume(functools.partial(small, units=4), run),
    ],
)
def test_a_run_is_resumed_by_itself(failed, tmp_path, call):
    shutil.copytree(failed, tmp_path / "small" / "it")
    resumed = call(cnnkit.Run(tmp_path / "small" / "it"))
    status = json.loads((resumed.folder / "status.json").read_text())
    assert (status["state"], resumed.history["epoch"]) == ("finished", [1, 2])


@pytest.mark.parametrize("arguments", [(), (small,), (small, small)])
def test_resuming_nothing_says_what_to_give(arguments):
    with pytest.raises(CnnkitError, match=r"takes a run, or an experiment's function and a run"):
        cnnkit.resume(*arguments)
