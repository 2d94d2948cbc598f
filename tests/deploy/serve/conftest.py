"""A server on a port of its own, with a model whose answers NumPy can check."""

import contextlib
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from linear_server import NAMES, SIDE, serving, weights

from cnnkit.deploy import open_trained_model
from cnnkit.deploy.serve.limits import Limits
from cnnkit.deploy.serve.service import Service

sys.path.append(str(Path(__file__).parents[2] / "data"))  # for zoo, the odd image files


@pytest.fixture(scope="session")
def linear_model():
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(len(NAMES), activation="softmax"),
        ]
    )
    model.layers[-1].set_weights([weights().astype("float32"), np.zeros(len(NAMES), "float32")])
    return model


@pytest.fixture(scope="session")
def serve(linear_model):
    """A context (limits) -> a server with the linear model."""

    @contextlib.contextmanager
    def with_limits(**limits):
        trained = open_trained_model(linear_model, class_names=NAMES)
        with serving(Service(trained, Limits(**limits))) as server:
            yield server

    return with_limits


@pytest.fixture(scope="module")
def server(serve):
    """A server with the usual limits, which the tests of a file share."""
    with serve() as found:
        yield found


@pytest.fixture
def client(server):
    return server.client()
