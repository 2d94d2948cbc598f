"""A run in bfloat16 is shown in float32: its numbers are those of the same network in float32."""

import re
import shutil

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import cnnkit
from cnnkit import Experiment, explain
from cnnkit.cli import main
from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.input_scale import STORED_PIXELS
from cnnkit.explain.outputs import predict_probabilities
from cnnkit.runs import checksums

pytestmark = pytest.mark.once

NEAR = 0.04  # of the largest value: bfloat16 has 8 bits, 0.4 % a value, more after 12 layers
VIEWS = {
    "walkthrough": ["test:1", "--layer", "stem", "--filter", "0", "--position", "5", "5"],
    "features": ["test:1"],
    "fields": ["test:1"],
    "filters": [],
    "attribution": ["test:1", "--method", "grad_cam"],
    "robustness": ["--change", "noise", "--samples", "8"],
}


def bright(seed: int = 0):
    """MobileNetV2's blocks on pictures of two brightnesses, whose pixels NumPy sums to 100,000s."""
    rng = np.random.default_rng(seed)

    def split():
        labels = np.arange(16) % 2
        pixels = rng.integers(60, 120, (16, 32, 32, 3)) + 100 * labels[:, None, None, None]
        return Split(pixels.astype("uint8"), labels)

    pictures = Dataset(
        name="bright",
        train=split(),
        validation=split(),
        test=split(),
        class_names=("dark", "light"),
    )
    image = keras.Input((32, 32, 3), name=STORED_PIXELS)
    maps = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    maps = keras.layers.Conv2D(8, 3, strides=2, padding="same", name="stem")(maps)
    for name in ("expanded", "expanded_again"):
        inner = keras.layers.Conv2D(16, 1, activation="relu6", name=name)(maps)
        inner = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu6")(inner)
        inner = keras.layers.BatchNormalization()(keras.layers.Conv2D(8, 1)(inner))
        maps = keras.layers.Add()([maps, inner])
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    logits = keras.layers.Dense(2, name="logits")(pooled)
    return Experiment(
        data=pictures, model=keras.Model(image, logits), optimizer="adam", epochs=6, batch_size=8
    )


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    """Two runs with the same weights: "short" in bfloat16, and "long" in float32."""
    folder = tmp_path_factory.mktemp("runs")
    run = cnnkit.run(bright, runs_dir=folder, name="short", precision="mixed_bfloat16")
    shutil.copytree(run.folder, run.folder.with_name("long"))
    recipe = run.model.to_json()
    assert "mixed_bfloat16" in recipe
    long = keras.models.model_from_json(recipe.replace("mixed_bfloat16", "float32"))
    long.set_weights(run.model.get_weights())
    copy = run.folder.with_name("long")
    long.save(copy / "model.keras")
    checksums.write(copy, checksums.names_below(copy, ("status.json",)))
    return folder


@pytest.fixture(scope="module")
def models(runs_dir):
    return [cnnkit.runs.resolve(name, runs_dir).model for name in ("short", "long")]


PIXELS = bright().data.test.inputs[:4].astype("float32")
FUNCTIONS = {
    "probabilities": lambda model: predict_probabilities(model, PIXELS),
    "embeddings": lambda model: explain.embeddings(model, PIXELS),
    "filters": lambda model: explain.filters(model),
    "feature maps": lambda model: explain.feature_maps(model, PIXELS),
    "pixels": lambda model: explain.walkthrough(model, PIXELS[0]).steps[0].inputs[0],
    "outputs": lambda model: [step.output for step in explain.walkthrough(model, PIXELS[1]).steps],
    "logits": lambda model: explain.walkthrough(model, PIXELS[1]).logits,
    "top patches": lambda model: explain.top_patches(model, PIXELS, "stem").values,
    "preferred": lambda model: explain.activation_maximisation(model, "stem", 0, steps=2),
    "grad_cam": lambda model: explain.grad_cam(model, PIXELS, 1),
    "gradient": lambda model: explain.gradient(model, PIXELS, 1),
    "smooth_grad": lambda model: explain.smooth_grad(model, PIXELS, 1, samples=2),
    "integrated": lambda model: explain.integrated_gradients(model, PIXELS, 1, steps=4),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_number_is_float32_and_that_of_float32(models, name):
    short, long = ([*map(np.asarray, _flat(FUNCTIONS[name](model)))] for model in models)
    for ours, expected in zip(short, long, strict=True):
        assert ours.dtype == expected.dtype
        assert ours.dtype in ("float32", "float64")
        near = NEAR * float(np.abs(expected).max())
        assert np.abs(ours - expected).mean() <= near
        assert float(ours.mean()) == pytest.approx(float(expected.mean()), abs=near)


def _flat(values):
    if isinstance(values, dict):
        return list(values.values())
    return values if isinstance(values, list) else [values]


def cnnkit_says(runs_dir, *arguments):
    options = [*map(str, arguments), "--runs-dir", str(runs_dir)]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    "view",
    [v if v == "attribution" else pytest.param(v, marks=pytest.mark.slow) for v in VIEWS],
)
def test_every_view_draws_what_it_draws_in_float32(runs_dir, tmp_path, monkeypatch, view):
    monkeypatch.chdir(tmp_path)
    drawn = []
    for name in ("short", "long"):
        cnnkit_says(
            runs_dir, "explain", view, name, *VIEWS[view], "--output", tmp_path / f"{name}.png"
        )
        drawn.append(np.asarray(Image.open(f"{name}.png").convert("L"), "float32"))
    assert drawn[0].std() > 10
    assert drawn[0].mean() == pytest.approx(drawn[1].mean(), abs=4)
    assert drawn[0].std() == pytest.approx(drawn[1].std(), abs=4)


def test_means_of_feature_maps_are_those_of_float32(runs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    means = []
    for name in ("short", "long"):
        said = cnnkit_says(runs_dir, "explain", "features", name, "test:1", "--layer", "expanded")
        means.append(float(re.search(r"expanded +16 x 16 +16 +(\S+)", said)[1]))
    assert means[0] == pytest.approx(means[1], rel=0.05)


def test_the_report_has_the_pictures_and_results_of_float32(runs_dir, models):
    run = cnnkit.runs.resolve("short", runs_dir)
    pictures = bright().data.test
    right = models[1].predict(pictures.inputs, verbose=0).argmax(axis=1) == pictures.labels
    assert run.results["test"]["accuracy"] == pytest.approx(right.mean())
    page = (run.folder / "report.html").read_text()
    assert page.count("<img") > 3
    assert "nan" not in re.sub(r"base64,[^\"]*", "", page)
