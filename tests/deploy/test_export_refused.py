"""What `cnnkit export` refuses, and what it leaves."""

import re
import sys

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from exports import pixels, shapes, trained
from sklearn import metrics

from cnnkit import data, deploy
from cnnkit.cli import main
from cnnkit.deploy import agreement as agreements
from cnnkit.deploy.samples import check_samples, named_by
from cnnkit.errors import RefusedExportError, SettingError, UnknownNameError

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="see test_export_process"),
]

onnxruntime = pytest.importorskip("onnxruntime", reason="comes with the extra `onnx`")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("cnnkit.deploy.speed.SECONDS", 0.02)


@pytest.fixture(scope="module")
def little():
    return trained(shapes())


def test_float16_that_cannot_hold_the_weights_is_refused_and_nothing_kept(tmp_path):
    image = keras.Input((12, 12, 1))
    sums = keras.layers.Dense(
        2, kernel_initializer=keras.initializers.RandomNormal(stddev=1e6, seed=0)
    )
    small = keras.layers.Rescaling(1e-7)(sums(keras.layers.Flatten()(image)))
    overflowing = keras.Model(image, keras.layers.Softmax()(small), name="large")
    with pytest.raises(RefusedExportError, match="refused.*differ.*--precision float32"):
        deploy.export(overflowing, "onnx", precision="float16", dataset=shapes(), output=tmp_path)
    assert not list(tmp_path.rglob("*"))


def test_a_refused_export_leaves_the_earlier_one(little, tmp_path, monkeypatch):
    deploy.export(little, "onnx", dataset=shapes(), output=tmp_path)
    before = (tmp_path / "onnx" / "model.onnx").read_bytes()
    nothing_allowed = agreements.Bound(-1.0, -1.0, 0.0)
    monkeypatch.setitem(agreements.BOUNDS, "float32", nothing_allowed)
    with pytest.raises(RefusedExportError):
        deploy.export(little, "onnx", dataset=shapes(), output=tmp_path)
    assert (tmp_path / "onnx" / "model.onnx").read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["onnx"]


def test_int8_is_calibrated_on_training_samples_and_may_lose_what_is_allowed(little, tmp_path):
    dataset = shapes()
    keras_row, row = deploy.export(
        little, "onnx", precision="int8", dataset=dataset, output=tmp_path, max_drop=0.05
    )
    session = onnxruntime.InferenceSession(tmp_path / "onnx-int8" / "model.onnx")
    inputs = dataset.test.inputs.astype("float32")
    answers = session.run(["probabilities"], {"inputs": inputs})[0].argmax(axis=1)
    assert row.score == metrics.accuracy_score(dataset.test.labels, answers)
    assert keras_row.score - row.score <= 0.05
    assert row.size < 0.8 * keras_row.size + 40_000


@pytest.mark.parametrize(
    ("after", "allowed", "is_refused"), [(0.90, 0.02, True), (0.94, 0.02, False)]
)
def test_a_drop_in_accuracy_is_refused_beyond_the_bound(after, allowed, is_refused):
    bound = agreements.Bound(1.0, 1.0, allowed)
    same = agreements.agreement(np.eye(2), np.eye(2))
    refused = None
    try:
        agreements.expect_agreement("ONNX in int8", "int8", bound, same, (0.95, after))
    except RefusedExportError as error:
        refused = str(error)
    assert bool(refused) == is_refused
    if refused:
        assert "90.00%" in refused
        assert "95.00%" in refused
        assert "2 points" in refused


def test_answers_that_are_no_numbers_agree_with_nothing():
    found = agreements.agreement(np.eye(2), np.full((2, 2), np.nan))
    with pytest.raises(RefusedExportError):
        agreements.expect_agreement("ONNX", "float32", agreements.BOUNDS["float32"], found, None)


def test_a_folder_that_is_no_export_is_not_replaced(little, tmp_path):
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "thesis.txt").write_text("years of work")
    with pytest.raises(SettingError, match="is no export"):
        deploy.export(little, "onnx", dataset=shapes(), output=tmp_path)
    assert (tmp_path / "onnx" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("name", "module"), [("onnx", "onnxruntime"), ("litert", "ai_edge_litert"), ("openvino", "openvino")]
)  # fmt: skip
def test_a_missing_package_is_one_sentence_with_its_remedy(name, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    done = CliRunner().invoke(main, ["export", "latest", "--format", name])
    assert done.exit_code == 2
    assert re.fullmatch(
        rf"Error: An export to \w+ needs {module}: pip install 'cnnkit\[{name}\]' .*\.\n",
        done.output,
    )


def test_without_data_there_is_no_int8_and_no_accuracy(little, tmp_path):
    with pytest.raises(SettingError, match="calibrated on training .*--dataset"):
        deploy.export(little, "onnx", precision="int8", output=tmp_path)
    keras_row, row = deploy.export(little, "onnx", output=tmp_path)
    assert row.score is None
    assert "noise" in row.samples
    assert row.agreement.largest < 1e-5
    assert keras_row.agreement is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"formats": "savedmodel", "precision": "int8"}, "float32, not 'int8'; int8 is for onnx"),
        ({"precision": "float64"}, "precision is one of float32, float16, int8"),
        ({"samples": 0}, "samples is a whole number"),
        ({"formats": ()}, "at least one format"),
    ],
)
def test_settings_that_are_not_allowed(little, options, words, tmp_path):
    with pytest.raises(SettingError, match=re.escape(words)):
        deploy.export(little, **{"formats": "onnx", "output": tmp_path, **options})


def test_a_misspelt_format_names_the_nearest(little):
    with pytest.raises(UnknownNameError, match="did you mean 'onnx'"):
        deploy.export(little, "onnxx")


def test_data_of_other_shapes_or_classes_are_refused(little, tmp_path):
    with pytest.raises(SettingError, match=r"\(12, 12, 1\).*\(28, 28, 1\)"):
        deploy.export(little, "onnx", dataset="digits", output=tmp_path)
    cats = deploy.open_trained_model(little, class_names=["cat", "dog"])
    with pytest.raises(SettingError, match="knows no class 'X'"):
        named_by(shapes(), cats)


def test_classes_that_are_written_otherwise_are_the_same(little):
    turned = deploy.open_trained_model(little, class_names=["o", "x"])
    dataset = shapes()
    found = check_samples(dataset, named_by(dataset, turned), len(dataset.test))
    np.testing.assert_array_equal(found.labels, 1 - dataset.test.labels)


def test_several_classes_a_sample_are_scored_by_their_average_precision(tmp_path):
    rng = np.random.default_rng(0)
    labels = (rng.random((40, 3)) < 0.5).astype("float32")
    split = data.Split(pixels(40, (12, 12, 1)), labels)
    several = data.Dataset(
        name="several", train=split, validation=split, test=split, class_names=("a", "b", "c")
    )
    model = trained(several, activation="sigmoid")
    _, row = deploy.export(model, "onnx", dataset=several, output=tmp_path)
    ours = model.predict(split.inputs, verbose=0)
    theirs = metrics.average_precision_score(labels, ours, average="macro")
    assert row.score == pytest.approx(theirs, abs=1e-4)
    assert row.interval is None
