"""The answers that a run keeps, read back, and files that are none."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from cnnkit.errors import RunFolderError
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.runs import Run, predictions

pytestmark = pytest.mark.once


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path, "letters", "one")


def test_answers_come_back_and_take_few_bytes(run):
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(10), size=1000)
    evaluation = Evaluation(random.integers(0, 10, 1000), probabilities, tuple(range(10)))
    predictions.write(run, evaluation)
    found = predictions.read(run)
    np.testing.assert_array_equal(found.is_correct, evaluation.is_correct)
    np.testing.assert_array_equal(found.predicted, evaluation.predicted)
    np.testing.assert_array_equal(found.confidence, evaluation.confidences.astype("float32"))
    assert (run.folder / predictions.NAME).stat().st_size < 7000
    assert set(load_file(run.folder / predictions.NAME)) == {"labels", "predicted", "confidence"}


def test_several_classes_an_item(run):
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, (50, 3)).astype("float32")
    evaluation = MultiLabelEvaluation(labels, random.random((50, 3)), tuple("abc"))
    predictions.write(run, evaluation)
    found = predictions.read(run)
    np.testing.assert_array_equal(found.is_correct, evaluation.is_correct)
    assert found.labels.dtype == bool


def test_more_classes_than_a_byte_has(run):
    labels = np.array([299, 3])
    evaluation = Evaluation(labels, np.eye(300)[[299, 4]], tuple(range(300)))
    predictions.write(run, evaluation)
    assert predictions.read(run).predicted.tolist() == [299, 4]


def test_a_run_without_answers_has_none(run):
    assert predictions.read(run) is None


def empty():
    return {name: np.zeros(3, np.uint8) for name in ("labels", "predicted", "confidence")}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"labels": np.zeros(3, np.uint8)}, "predicted is missing"),
        (empty() | {"predicted": np.zeros(4, np.uint8)}, "differ in shape"),
        (empty() | {"labels": np.zeros(3, np.float32)}, "no classes"),
    ],
)
def test_a_file_of_other_arrays_is_named(run, arrays, words):
    save_file(arrays, run.folder / predictions.NAME)
    with pytest.raises(
        RunFolderError, match=rf"predictions\.safetensors cannot be read: .*{words}"
    ):
        predictions.read(run)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x08" + bytes(7) + b"notjson!"])
def test_a_broken_file_is_named(run, content):
    (run.folder / predictions.NAME).write_bytes(content)
    with pytest.raises(RunFolderError, match=r"predictions\.safetensors cannot be read"):
        predictions.read(run)
