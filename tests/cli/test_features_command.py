"""`cnnkit features`: its files as NumPy, pandas and TensorBoard read them."""

import io
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cnnkit import data, runs
from cnnkit.cli import main

pytestmark = pytest.mark.once

XO = {"train": 64, "validation": 16, "test": 24, "image_size": 12}
OF_XO = ["--dataset", "xo", *(f"--dataset-option={name}={value}" for name, value in XO.items())]


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def photo_shape():
    """The least that MobileNet takes."""
    return 32, 32, 3


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    result = cnnkit(
        "run", *OF_XO, "--epochs", 1, "--model", "lenet5", "--name", "one", "--runs-dir", folder
    )
    assert result.exit_code == 0, result.output
    return folder


def served(folder, path, **query):
    """What TensorBoard's projector answers about a folder."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
    from werkzeug.test import Client

    events = plugin_event_multiplexer.EventMultiplexer()
    events.AddRunsFromDirectory(str(folder)).Reload()
    provider = data_provider.MultiplexerDataProvider(events, str(folder))
    plugin = ProjectorPlugin(TBContext(logdir=str(folder), data_provider=provider))
    return Client(plugin.get_plugin_apps()[path]).get("/", query_string=query).data


def test_a_backbones_features_are_kerass_own_with_paths_and_labels(photos, cached_keras):
    options = ["--dataset", "photos", "--dataset-option", "image_size=32"]
    result = cnnkit(
        "features", *options, "--backbone", "mobilenet_v2_035", "--projector", "seen/it"
    )
    assert result.exit_code == 0, result.output
    assert "1,280" in result.output
    with np.load("photos-features.npz") as found:
        columns = dict(found)
    assert columns["class_names"].tolist() == ["o", "x"]
    assert dict(zip(*np.unique(columns["split"], return_counts=True), strict=True)) == {
        "train": 20, "validation": 2, "test": 2,
    }  # fmt: skip
    files = [photos / path for path in columns["path"]]
    assert sorted(files) == sorted(photos.glob("*/*.png"))
    assert [file.parent.name for file in files] == [
        str(columns["class_names"][label]) for label in columns["labels"]
    ]
    network = keras.applications.MobileNetV2((32, 32, 3), 0.35, include_top=False, weights=None)
    network.load_weights(
        cached_keras / "models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    )
    images = np.stack([np.asarray(Image.open(file), "float32") for file in files])
    prepared = keras.applications.mobilenet_v2.preprocess_input(images.copy())
    maps = network.predict_on_batch(prepared)
    np.testing.assert_allclose(columns["features"], maps.mean(axis=(1, 2)), atol=1e-4)

    options += ["--backbone", "mobilenet_v2_035", "--precision", "mixed_bfloat16"]
    result = cnnkit("features", *options, "--output", "rounded.npz")
    assert result.exit_code == 0, result.output
    assert keras.config.dtype_policy().name == "float32"
    with np.load("rounded.npz") as found:
        assert found["features"].dtype == "float32"
        gap = np.abs(found["features"] - columns["features"]).mean()
    assert 0 < gap < 0.2 * columns["features"].mean()  # 8 bits of mantissa, through 50 layers

    (run,) = json.loads(served("seen", "/runs"))
    (shown,) = json.loads(served("seen", "/info", run=run))["embeddings"]
    assert shown["tensorShape"] == [24, 1280]
    name = shown["tensorName"]
    points = np.frombuffer(served("seen", "/tensor", run=run, name=name), "float32")
    np.testing.assert_allclose(points.reshape(24, 1280), columns["features"], rtol=1e-4)
    lines = served("seen", "/metadata", run=run, name=name).decode().splitlines()
    assert lines[0].split("\t") == ["label", "split", "sample"]
    assert [line.split("\t")[2] for line in lines[1:]] == columns["path"].tolist()
    assert {tuple(line.split("\t")[::2]) for line in lines[1:]} == {
        (file.parent.name, f"{file.parent.name}/{file.name}") for file in files
    }
    sprite = np.asarray(Image.open(io.BytesIO(served("seen", "/sprite_image", run=run, name=name))))
    np.testing.assert_array_equal(sprite[32:64, 64:96], images[7])  # row 1, column 2 of five


def test_a_runs_features_are_what_its_last_layer_reads(runs_dir, tmp_path):
    file = tmp_path / "found.npz"
    result = cnnkit("features", "--run", "one", "--output", file, "--runs-dir", runs_dir)
    assert result.exit_code == 0, result.output
    model = runs.resolve("one", runs_dir).model
    network = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    kernel, bias = network.get_layer("logits").get_weights()
    with np.load(file) as found:
        logits = found["features"] @ kernel + bias
        assert found["index"].tolist() == [*range(64), *range(16), *range(24)]
    splits = data.xo(**XO).splits.values()
    expected = [model.predict_on_batch(split.inputs) for split in splits]
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances, np.concatenate(expected), atol=1e-5)


def test_pandas_reads_half_precision_and_classes_by_name(runs_dir, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    options = ["--run", "one", "--runs-dir", runs_dir, "--split", "test", "--half"]
    for ending in ("parquet", "npz"):
        result = cnnkit("features", *options, "--output", tmp_path / f"found.{ending}")
        assert result.exit_code == 0, result.output
    table = pandas.read_parquet(tmp_path / "found.parquet")
    test = data.xo(**XO).test
    assert table["label"].tolist() == ["XO"[label] for label in test.labels]
    values = table.filter(like="feature_").to_numpy()
    assert values.dtype == "float16"
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_array_equal(values, found["features"])
        np.testing.assert_array_equal(test.labels, found["labels"])


def test_views_are_rows_of_their_own_with_index_and_label_of_their_image(runs_dir, tmp_path):
    of_run = ["--run", "one", "--runs-dir", runs_dir, "--output", tmp_path / "found.npz"]
    assert cnnkit("features", *of_run).exit_code == 0
    with np.load(tmp_path / "found.npz") as found:
        plain = found["features"]
    result = cnnkit("features", *of_run, "--augment", "shift", "--cached-views", 3)
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "found.npz") as found:
        index, train = found["index"], found["split"] == "train"
        np.testing.assert_array_equal(np.bincount(index[train]), np.full(64, 3))
        np.testing.assert_array_equal(
            found["labels"][train], data.xo(**XO).train.labels[index[train]]
        )
        np.testing.assert_array_equal(found["features"][~train], plain[64:])
        assert len(np.unique(found["features"][train], axis=0)) > 150
        apart = np.linalg.norm(found["features"][train] - plain[index[train]], axis=1)
        others = np.linalg.norm(found["features"][train] - plain[index[train] - 1], axis=1)
    assert apart.mean() < 0.8 * others.mean()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name a --dataset, or a --run"),
        (["--dataset", "photos", "--backbone", "mobilnet_v2"], "did you mean 'mobilenet_v2'"),
        (["--dataset", "digit"], "did you mean 'digits'"),
        (["--dataset", "digits"], "at least 32 x 32 pixels, not 28 x 28"),
        (OF_XO, "takes pixels from 0 to 255"),
        (["--dataset", "digits", "--dataset-option", "sise=3"], "named 'sise'"),
        (["--dataset", "digits", "--dataset-option", "size"], "KEY=VALUE"),
        (["--dataset", "digits", "--output", "found.csv"], "FILE.npz or FILE.parquet"),
        (["--dataset", "digits", "--output", "no/found.npz"], "There is no folder no"),
        (["--dataset", "digits", "--backbone", "vgg16", "--run", "latest"], "not of both"),
        (["--dataset", "digits", "--augment", "shfit"], "did you mean 'shift'"),
        (["--dataset", "digits", "--cached-views", "2"], "need an --augment"),
        (["--dataset", "xo", "--run", "latest", "--precision", "half"], "'auto'"),
        (["--run", "latest"], "no run under runs"),
        (["--run", "latest", "--dataset-option", "train=3"], "needs a --dataset"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = cnnkit("features", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert result.output.count("Error: ") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_of_another_shape_than_the_runs_is_refused(runs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cnnkit("features", "--run", "one", "--dataset", "digits", "--runs-dir", runs_dir)
    assert result.exit_code == 2
    assert "takes inputs of shape (12, 12, 1)" in result.output
    assert list(Path().iterdir()) == []


def test_parquet_without_pyarrow_is_said_before_anything_is_computed(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    result = cnnkit("features", "--dataset", "digits", "--output", tmp_path / "found.parquet")
    assert result.exit_code == 2
    assert "needs pyarrow: pip install pyarrow, or name a .npz file" in result.output
