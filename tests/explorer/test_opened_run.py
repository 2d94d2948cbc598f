"""What the explorer takes from a run's folder, and what it says where something is gone."""

import base64
import dataclasses
import io

import keras
import numpy as np
import pytest
from PIL import Image

import cnnkit
from cnnkit import data, models
from cnnkit.callbacks import Explain
from cnnkit.explorer.opened_run import open_run, preparation_of
from cnnkit.tensorboard.film import read_pictures

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a function that no file can give again, which drew pictures while it trained."""
    shapes = data.xo(train=32, validation=8, test=8, image_size=12)
    shapes = dataclasses.replace(shapes, name="invented", call=None)

    def experiment():
        return cnnkit.Experiment(
            data=shapes,
            model=models.convnet(shapes.image_shape, 2, widths=(4,), depths=(1,)),
            optimizer=keras.optimizers.Adam(0.01),
            epochs=2,
            batch_size=16,
            explain=Explain(),
        )

    return cnnkit.run(experiment, runs_dir=tmp_path_factory.mktemp("runs"), name="drawn")


def test_the_film_has_what_the_run_drew_each_epoch(run):
    film = open_run(run).document.network["film"]
    assert [frame["epoch"] for frame in film] == [1, 2]
    drawn = read_pictures(run.folder / "tensorboard" / "explain")
    for frame in film:
        content = base64.b64decode(frame["image"].removeprefix("data:image/png;base64,"))
        pixels = np.asarray(Image.open(io.BytesIO(content)))
        first = drawn["decisions"][frame["epoch"] - 1]
        np.testing.assert_array_equal(pixels[: first.shape[0], : first.shape[1]], first)


def test_data_that_are_gone_are_told_and_the_rest_is_there(run):
    opened = open_run(run)
    assert len(opened.notes) == 1
    assert opened.notes[0].startswith("Pictures of the data are left out: drawn was made by")
    network = opened.document.network
    assert network["samples"] == []
    assert network["classNames"] == ["X", "O"]


@pytest.mark.parametrize(
    ("decoding", "border", "fit", "light_on_dark"),
    [({}, 0.0, "crop", True), ({"fit": "stretch"}, 0.9, "stretch", False), ({"fit": "crop"}, None, "crop", False)],
)  # fmt: skip
def test_pictures_are_prepared_by_the_rule_of_training(decoding, border, fit, light_on_dark):
    recorded = {
        "image_shape": [8, 10, 1], "value_range": [0, 255], "decoding": decoding,
        "border_brightness": border,
    }  # fmt: skip
    found = preparation_of(recorded)
    assert (found.height, found.width, found.channels) == (8, 10, 1)
    assert (found.fit, found.light_on_dark) == (fit, light_on_dark)
