"""What a real TensorBoard server answers about the pictures that Explain wrote."""

import io
import itertools
import json
import re
from dataclasses import replace

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageSequence

import cnnkit
from cnnkit import Experiment, data, explain
from cnnkit.callbacks import Explain
from cnnkit.cli import main
from cnnkit.errors import SettingError
from cnnkit.runs import checkpoints
from cnnkit.training.checkpointing import state

pytestmark = pytest.mark.once

RUN = "seen/one/explain"
EPOCHS = 5


def seen(epochs: int = EPOCHS):
    """A run whose network is looked into."""
    digits = data.digits(image_size=12)
    few = replace(digits, train=data.Split(digits.train.inputs[:256], digits.train.labels[:256]))
    image = keras.Input((12, 12, 1))
    maps = keras.layers.Conv2D(6, 3, activation="relu", name="conv1")(image)
    maps = keras.layers.MaxPooling2D(2, name="pool")(maps)
    maps = keras.layers.Conv2D(8, 3, activation="relu", name="conv2")(maps)
    flat = keras.layers.Dense(7, activation="relu")(keras.layers.Flatten()(maps))
    return Experiment(
        data=few,
        model=keras.Model(image, keras.layers.Dense(10, name="logits")(flat), name="small"),
        optimizer=keras.optimizers.Adam(1e-2),
        epochs=epochs,
        explain=Explain(every=2, images=5, embedded=40),
    )


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    cnnkit.run(seen, runs_dir=folder, name="one")
    return folder


@pytest.fixture(scope="module")
def ask(runs_dir, tensorboard_of):
    """A function from a path of the server's to its answer."""

    def is_whole(ask):  # the last tag that is written comes last
        return len(ask("plugin/images/tags").get(RUN, {})) >= 5

    with tensorboard_of(runs_dir, is_whole) as get:
        yield get


def pictures(ask, tag):
    """{epoch: picture} of a tag."""
    entries = json.loads(ask("plugin/images/images", run=RUN, tag=tag, sample=0))
    return {
        entry["step"]: Image.open(
            io.BytesIO(ask(f"plugin/images/individualImage?{entry['query']}&_="))
        )
        for entry in entries
    }


@pytest.mark.parametrize(
    "tag",
    ["filters", "feature_maps/conv1", "feature_maps/pool", "grad_cam", "decisions"],
)
def test_pictures_are_of_the_first_the_last_and_every_second_epoch(ask, tag):
    found = pictures(ask, tag)
    assert list(found) == [0, 1, 3, 4]
    arrays = [np.asarray(picture.convert("L"), float) for picture in found.values()]
    assert min(array.std() for array in arrays) > 10
    assert (arrays[0] != arrays[-1]).any()


def test_a_walkthrough_and_the_robustness_stand_beside_the_results(ask, runs_dir):
    assert {"test/walkthrough", "test/robustness"} <= set(
        json.loads(ask("plugin/images/tags"))["seen/one"]
    )
    page = (cnnkit.runs.resolve("one", runs_dir).folder / "report.html").read_text()
    assert "An unsure picture, number by number" in page
    assert "What it survives" in page


def test_the_projector_serves_the_embeddings_with_their_labels(ask, runs_dir):
    assert json.loads(ask("plugin/projector/runs")) == [RUN]
    (found,) = json.loads(ask("plugin/projector/info", run=RUN))["embeddings"]
    assert found["tensorName"] == f"validation images after epoch {EPOCHS}"
    assert found["tensorShape"] == [40, 7]
    served = ask("plugin/projector/tensor", run=RUN, name=found["tensorName"])
    points = np.frombuffer(served, "float32").reshape(40, 7)
    digits = data.digits(image_size=12)
    table = (
        ask("plugin/projector/metadata", run=RUN, name=found["tensorName"]).decode().splitlines()
    )
    assert table[0].split("\t") == ["label", "predicted", "right"]
    assert [row.split("\t")[0] for row in table[1:]] == [
        digits.class_names[label] for label in digits.validation.labels[:40]
    ]
    last = seen().model
    checkpoint, _ = checkpoints.latest(runs_dir / "seen" / "one" / "checkpoints")
    state.assign("model", last.variables, checkpoint.arrays)
    images = digits.validation.inputs[:40] * digits.scale
    np.testing.assert_allclose(points, explain.embeddings(last, images), rtol=1e-4, atol=1e-5)
    weights, bias = last.get_layer("logits").get_weights()
    guesses = [row.split("\t")[1] for row in table[1:]]
    assert guesses == [digits.class_names[i] for i in (points @ weights + bias).argmax(axis=1)]


def test_the_projectors_thumbnails_are_the_images(ask):
    (found,) = json.loads(ask("plugin/projector/info", run=RUN))["embeddings"]
    assert found["sprite"]["singleImageDim"] == [12, 12]
    served = ask("plugin/projector/sprite_image", run=RUN, name=found["tensorName"])
    sprite = np.asarray(Image.open(io.BytesIO(served)))
    assert sprite.shape == (84, 84, 3)
    ninth = sprite[12:24, 24:36, 0]  # row 1, column 2 of seven
    digits = data.digits(image_size=12)
    np.testing.assert_array_equal(ninth, digits.validation.inputs[9, ..., 0])


def test_a_film_shows_the_epochs_that_were_written(runs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        main, ["explain", "film", "one", "--runs-dir", str(runs_dir), "--output", "film.gif"]
    )
    assert "1, 2, 4, 5" in result.output
    with Image.open("film.gif") as film:
        frames = [np.asarray(frame.convert("L"), float) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 4
    assert all((one != other).any() for one, other in itertools.pairwise(frames))
    page = (cnnkit.runs.resolve("one", runs_dir).folder / "report.html").read_text()
    assert re.findall(r"by the end of epoch (\d+)", page) == ["1", "2", "4", "5"]
    wrong = CliRunner().invoke(
        main, ["explain", "film", "one", "--runs-dir", str(runs_dir), "--tag", "filter"]
    )
    assert "has no pictures 'filter', only decisions, feature_maps/conv1" in wrong.output


@pytest.mark.slow
def test_training_is_the_same_with_and_without_explain(runs_dir, tmp_path):
    def unseen(epochs: int = EPOCHS):
        return replace(seen(epochs), explain=None)

    without = cnnkit.run(unseen, runs_dir=tmp_path, name="one")
    for one, other in zip(
        without.model.get_weights(),
        cnnkit.runs.resolve("one", runs_dir).model.get_weights(), strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one, other)


def test_a_network_without_convolutions_shows_its_decisions(tmp_path):
    shapes = data.xo(train=32, validation=8, test=8, image_size=9)
    model = keras.Sequential(
        [keras.Input((9, 9, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callback = Explain(embedded=4).callback(shapes, tmp_path)
    model.fit(shapes.train.inputs, shapes.train.labels, verbose=0, callbacks=[callback])
    assert len(callback.seconds) == 1
    assert (tmp_path / "projector_config.pbtxt").exists()


def test_what_cannot_be_shown_is_one_sentence():
    shapes = data.xo(train=8, validation=8, test=8, image_size=9)
    with pytest.raises(SettingError, match="every is a whole number of at least 1, not 0"):
        Explain(every=0)
    flat = {
        name: data.Split(split.inputs[:, :, 0, 0], split.labels)
        for name, split in shapes.splits.items()
    }
    with pytest.raises(SettingError, match=r"inputs of shape \(9,\)"):
        Explain().expect_images(replace(shapes, **flat))
