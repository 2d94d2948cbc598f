"""`cnnkit explain`: each view writes a picture and prints numbers that are the model's own."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cnnkit import data, explain as explanations, runs
from cnnkit.cli import main
from cnnkit.cli.explain import robustness as robustness_command
from cnnkit.cli.run_inputs import image_for

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained")
    options = ["--dataset", "xo", "--dataset-option", "train=96", "--dataset-option",
               "test=24", "--dataset-option", "image_size=12", "--epochs", 1]  # fmt: skip
    small = ["--model", "convnet", "--model-option", "widths=(4,)", "--model-option", "depths=(1,)"]
    cnnkit("run", *options, *small, "--name", "cnn", "--runs-dir", folder)
    cnnkit("run", *options, "--model", "mlp", "--name", "dense", "--runs-dir", folder)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def explain(runs_dir, *arguments):
    return cnnkit("explain", *arguments, "--runs-dir", runs_dir)


@pytest.mark.parametrize(
    ("view", "says"),
    [
        (["walkthrough", "cnn", "test:1"], r"products \S+ \+ bias"),
        (["features", "cnn", "test:1"], r"12 x 12\s+4"),
        (["fields", "cnn", "test:1"], r"Conv2D\s+3 x 3\s+1 x 1"),
        (["filters", "cnn"], r"4 filters of 3 x 3 x 1"),
        (["attribution", "cnn", "test:1", "--method", "grad_cam"], r"grad_cam\s+0\.\d+\s+0\.\d+"),
        (["robustness", "cnn", "dense", "--change", "noise", "--samples", "12"], r"noise\s+0\.4"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_each_view_writes_a_picture_and_a_table(runs_dir, here, view, says):
    result = explain(runs_dir, *view)
    assert result.exit_code == 0, result.output
    assert re.search(says, result.output)
    picture = np.asarray(Image.open(f"{view[0]}.png").convert("L"))
    assert picture.std() > 10


def test_the_numbers_are_the_models_own(runs_dir, here):
    result = explain(
        runs_dir, "walkthrough", "cnn", "test:3", "--class", "O", "--output", "one.png"
    )
    assert Path("one.png").exists()
    dataset = data.xo(train=96, test=24, image_size=12)
    model = runs.resolve("cnn", runs_dir).model
    probability = model.predict(dataset.test.inputs[3:4], verbose=0)[0, 1]
    loss = float(re.search(r"Loss for O: (\S+);", result.output)[1])
    assert loss == pytest.approx(-np.log(probability), rel=1e-3)
    table = explain(runs_dir, "robustness", "cnn", "--change", "noise", "--samples", "24").output
    answers = model.predict(dataset.test.inputs, verbose=0).argmax(axis=1)
    accuracy = np.mean(answers == dataset.test.labels)
    assert re.search(rf"noise\s+0\s+{accuracy:.1%}", table)


def test_an_image_file_is_brought_to_the_networks_size_and_range(runs_dir, here):
    Image.new("RGB", (40, 30), "white").save("white.png")
    result = explain(runs_dir, "walkthrough", "cnn", "white.png")
    assert "stretched to 12 x 12 pixels, grey" in result.output
    assert result.exit_code == 0, result.output


def test_an_image_file_is_cut_as_the_training_images_were(tmp_path, capsys):
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[:, 4:8] = 255  # the central square is white, and black is on both sides
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    run = runs.Run(tmp_path)
    decoding = {"image_size": [4, 4], "channels": 3, "fit": "crop"}
    run.write_json(
        "dataset.json", {"image_shape": [4, 4, 3], "value_range": [0, 255], "decoding": decoding}
    )
    image, _ = image_for(run, str(tmp_path / "wide.png"))
    assert (image == 255).all()
    assert "cut to its centre and resized to 4 x 4 pixels, in colour, as for training" in (
        capsys.readouterr().out
    )


def test_patches_and_preferred_images_come_on_request(runs_dir, here, monkeypatch):
    drawn, draw = [], explanations.figures.filters
    monkeypatch.setattr(
        explanations.figures, "filters", lambda images: drawn.append(images) or draw(images)
    )
    result = explain(runs_dir, "filters", "cnn", "--patches", "--preferred")
    assert "Dead on 96 training images" in result.output
    assert Path("filters-patches.png").exists()
    assert Path("filters-preferred.png").exists()
    _, preferred = drawn
    assert preferred.shape == (4, 12, 12, 1)
    assert (preferred.std(axis=(1, 2, 3)) > 0.25).all()  # of 0.5: patterns, none white on white


def test_kernels_need_no_run(here):
    Image.fromarray(np.tile(np.arange(60, dtype="uint8"), (40, 1))).save("ramp.png")
    result = cnnkit(
        "explain", "kernels", "ramp.png", "--kernel", "sobel_right", "--padding", "valid"
    )
    assert re.search(r"sobel_right\s+38 x 58\s+8\.0\s+8\.0\s+8\.0", result.output)
    assert "sobel_right at (0, 0): -1 x 0 +0 x 1 +1 x 2 -2 x 0" in result.output
    assert "+1 x 2 = 8" in result.output
    assert Path("kernels.png").exists()


@pytest.mark.parametrize(
    ("view", "says"),
    [
        (["features", "cnn", "gone.png"], "gone.png is not there; give an image file, or"),
        (["features", "cnn", "test:99"], "images 0 to 23, not 99"),
        (["features", "cnn", "test:0", "--layer", "convv"], "no layer in model"),
        (["attribution", "cnn", "test:0", "--class", "Q"], "no class 'Q'; there are X, O"),
        (["fields", "dense", "test:0"], "No layer of dense sees a part"),
        (["filters", "dense"], "has no 2D convolution"),
        (["robustness", "cnn", "--change", "nois"], "no perturbation named 'nois'; did you mean"),
    ],
)
def test_a_mistake_is_one_sentence(runs_dir, here, view, says):
    result = explain(runs_dir, *view)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_data_that_have_changed_are_not_taken_for_those_of_the_run(runs_dir, here):
    run = runs.resolve("dense", runs_dir)
    kept = run.dataset
    run.write_json("dataset.json", kept | {"content_hash": "0"})
    result = explain(runs_dir, "robustness", "dense")
    run.write_json("dataset.json", kept)
    assert "is no longer what dense was trained on" in result.output


def test_robustness_of_several_classes_a_sample_is_one_sentence(runs_dir, here, monkeypatch):
    task = type("Several", (), {"explains_answers": False})()
    several = type("Dataset", (), {"task": task})()
    monkeypatch.setattr(robustness_command, "dataset_of", lambda run: several)
    result = explain(runs_dir, "robustness", "cnn")
    assert result.exit_code == 2
    assert "cnn gives a sample several classes; robustness compares accuracies" in result.output


def test_a_dark_drawing_on_white_is_warned_of_and_inverted_on_request(runs_dir, here):
    # The xo pictures are light on dark: -1 at the border.
    assert runs.resolve("cnn", runs_dir).dataset["border_brightness"] < 0.25
    ring = Image.new("L", (12, 12), 255)
    ring.paste(0, (3, 3, 9, 9))
    ring.save("dark_on_white.png")
    Image.fromarray(255 - np.asarray(ring)).save("light_on_black.png")
    warned = explain(runs_dir, "walkthrough", "cnn", "dark_on_white.png").output
    assert (
        "dark_on_white.png is dark on light, and cnn learnt from images that are light on" in warned
    )
    inverted = explain(runs_dir, "walkthrough", "cnn", "dark_on_white.png", "--invert").output
    fitting = explain(runs_dir, "walkthrough", "cnn", "light_on_black.png").output
    assert "Warning" not in inverted + fitting
    answers = [re.search(r"Loss for .*", text)[0] for text in (inverted, fitting)]
    assert answers[0] == answers[1]
