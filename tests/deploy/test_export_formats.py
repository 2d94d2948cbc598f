"""Each format of `cnnkit export`, opened by its own runtime and by nothing of cnnkit."""

import json
import runpy
import sys
import zipfile

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from exports import shapes
from PIL import Image
from runtimes import by_litert, by_onnx
from scipy import special, stats
from sklearn import metrics

from cnnkit import deploy, models
from cnnkit.cli import main

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="see test_export_process"),
]

onnx = pytest.importorskip("onnx", reason="comes with the extra `onnx`")
sys.modules.setdefault("openvino_telemetry", None)  # it reports to a server
openvino = pytest.importorskip("openvino", reason="comes with the extra `openvino`")

CHOICES = ("onnx", "litert", "openvino", "savedmodel")


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run in bfloat16, in runs, and what the command line makes of it, in out."""
    folder = tmp_path_factory.mktemp("exported")
    runs = folder / "runs"
    made = cnnkit(
        "run", "--dataset", "xo", "--dataset-option", "train=64", "--dataset-option", "test=120",
        "--dataset-option", "image_size=12", "--epochs", 4, "--model", "convnet", "--model-option",
        "widths=(4,)", "--model-option", "depths=(1,)", "--name", "bf", "--precision",
        "mixed_bfloat16", "--learning-rate", 0.02, "--runs-dir", runs,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnnkit.deploy.speed.SECONDS", 0.02)
        done = cnnkit(
            "export", "bf", *(f"--format={each}" for each in CHOICES), "--runs-dir", runs,
            "--output", folder / "out",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        (folder / "printed.txt").write_text(done.output)
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    """Raw pixels, and what the run's network says of them in float32."""
    run = deploy.open_trained_model(folder / "runs" / "xo-convnet" / "bf").model
    assert "bfloat16" in {layer.compute_dtype for layer in run._flatten_layers()}
    network = models.create("convnet", (12, 12, 1), 2, widths=(4,), depths=(1,))
    network.set_weights(run.get_weights())
    pixels = shapes().test.inputs.astype("float32")
    return pixels, special.softmax(network.predict(pixels, verbose=0), axis=1)


def by_openvino(folder, pixels):
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(folder / "openvino" / "model.xml", "CPU", options)
    return compiled({"inputs": pixels})["probabilities"]


def by_tensorflow(folder, pixels):
    import tensorflow as tf

    loaded = tf.saved_model.load(folder / "savedmodel")
    return loaded.signatures["serving_default"](inputs=tf.constant(pixels))["probabilities"].numpy()


RUNTIMES = {
    "onnx": by_onnx,
    "litert": by_litert,
    "openvino": by_openvino,
    "savedmodel": by_tensorflow,
}


@pytest.mark.parametrize("name", CHOICES)
def test_its_runtime_says_in_float32_what_the_network_says(folder, expected, name):
    pixels, ours = expected
    found = RUNTIMES[name](folder / "out", pixels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, ours, atol=1e-5)


@pytest.mark.parametrize("name", CHOICES)
def test_the_figures_are_those_of_scikit_learn_and_scipy(folder, expected, name):
    checked = json.loads((folder / "out" / name / "export.json").read_text())["checked"]
    labels = shapes().test.labels
    answers = RUNTIMES[name](folder / "out", expected[0]).argmax(axis=1)
    right = metrics.accuracy_score(labels, answers, normalize=False)
    assert checked["score"] == pytest.approx(right / len(labels))
    wilson = stats.binomtest(int(right), len(labels)).proportion_ci(method="wilson")
    assert checked["interval"] == pytest.approx([wilson.low, wilson.high], abs=1e-6)
    assert checked["agreement"]["largest"] < 1e-5
    assert checked["samples"] == "120 test samples of xo"


def test_one_table_has_a_row_for_keras_and_each_format(folder):
    printed = (folder / "printed.txt").read_text()
    for name in ("keras", *CHOICES):
        row = next(line for line in printed.splitlines() if line.strip().startswith(name))
        assert " MB " in row
        assert " ms " in row
        assert row.count("%") == 3
    assert f"Export     {folder / 'out' / 'onnx'}" in printed.replace("\n", "")


def test_onnx_is_valid_whatever_the_precision_of_the_run(folder):
    model = onnx.load(folder / "out" / "onnx" / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    floats = {each.data_type for each in model.graph.initializer} & {
        onnx.TensorProto.BFLOAT16, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE,
    }  # fmt: skip
    assert not floats


def card_of_onnx(folder):
    model = onnx.load(folder / "onnx" / "model.onnx")
    return json.loads({each.key: each.value for each in model.metadata_props}["cnnkit"])


def card_of_litert(folder):
    with zipfile.ZipFile(folder / "litert" / "model.tflite") as archive:
        assert archive.read("labels.txt").decode().split() == ["X", "O"]
        return json.loads(archive.read("cnnkit.json"))


def card_of_openvino(folder):
    model = openvino.Core().read_model(folder / "openvino" / "model.xml")
    return json.loads(model.get_rt_info(["cnnkit", "card"]).astype(str))


def card_of_savedmodel(folder):
    return json.loads((folder / "savedmodel" / "assets.extra" / "cnnkit.json").read_text())


@pytest.mark.parametrize(
    "read", [card_of_onnx, card_of_litert, card_of_openvino, card_of_savedmodel]
)
def test_the_file_carries_class_names_and_preprocessing(folder, read):
    card = read(folder / "out")
    assert card["class_names"] == ["X", "O"]
    assert card["input"]["shape"] == [12, 12, 1]
    assert card["input"]["value_range"] == [-1, 1]
    assert card["task"] == "single-label"


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A grey picture of the test split, larger and in colour, as users have them."""
    path = tmp_path_factory.mktemp("photo") / "x.png"
    values = (shapes().test.inputs[3, :, :, 0] + 1) * 127.5
    sample = Image.fromarray(values.round().astype("uint8"))
    sample.resize((48, 48), Image.Resampling.NEAREST).convert("RGB").save(path)
    return path


@pytest.mark.parametrize("name", CHOICES)
def test_the_script_beside_it_says_what_the_run_says(folder, photo, name, monkeypatch, capsys):
    script = folder / "out" / name / "predict.py"
    assert not {"cnnkit", "keras"} & set(script.read_text().replace(".", " ").split("import")[1:])
    monkeypatch.setattr(sys, "argv", [str(script), str(photo)])
    runpy.run_path(str(script), run_name="__main__")
    percent, label = capsys.readouterr().out.splitlines()[0].split()
    trained = deploy.open_trained_model(folder / "runs" / "xo-convnet" / "bf")
    inputs = trained.inputs.batch([trained.inputs.decode(photo.read_bytes())])
    (ours,) = trained.model.predict(inputs.astype("float32"), verbose=0)
    assert label == trained.class_names[ours.argmax()]
    assert float(percent.rstrip("%")) / 100 == pytest.approx(ours.max(), abs=0.02)  # in bfloat16
