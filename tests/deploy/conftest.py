"""Finished runs that all tests of deploy share; copy one before you change it."""

import keras
import pytest

import cnnkit
from cnnkit import data, models


def shapes():
    """X and O, of values from -1 to 1."""
    return cnnkit.Experiment(
        data=data.xo(train=32, validation=16, test=8, image_size=12),
        model=models.mlp((12, 12, 1), 2, hidden_units=(4,)),
        optimizer=keras.optimizers.Adam(1e-2),
        epochs=1,
    )


def sounds():
    """Chirps at a rate that is not the default."""
    chirps = data.load("chirps", train=16, validation=8, test=8, seconds=0.25, sampling_rate=6400)
    return cnnkit.Experiment(
        data=chirps, model=models.mlp((1600,), 4, hidden_units=(4,)),
        optimizer=keras.optimizers.Adam(1e-2), epochs=1,
    )  # fmt: skip


def sentences():
    """Reviews of at most so many words."""
    reviews = data.load("sentences", train=32, validation=16, test=16)
    network = models.convnet(
        reviews.image_shape, 2, vocabulary_size=len(reviews.vocabulary), depths=(1,), widths=(4,)
    )
    return cnnkit.Experiment(
        data=reviews, model=network, optimizer=keras.optimizers.Adam(1e-2), epochs=1
    )


@pytest.fixture(scope="session")
def runs_dir(tmp_path_factory):
    """Tiny runs of pictures, sounds and texts: shapes/one, sounds/one and sentences/one."""
    folder = tmp_path_factory.mktemp("runs")
    for experiment in (shapes, sounds, sentences):
        cnnkit.run(experiment, runs_dir=folder, name="one")
    return folder
