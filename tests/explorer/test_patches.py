"""The patches that excite each filter, against a search by hand."""

import base64
import io

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from cnnkit import explorer

pytestmark = pytest.mark.once


def _opened(entry):
    kind, content = entry["image"].split(";base64,")
    return kind, np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def _network(shape, *steps):
    keras.utils.set_random_seed(4)
    return keras.Sequential([keras.Input(shape), *steps])


def test_row_of_a_filter_has_the_patches_of_its_largest_values():
    pictures = np.random.default_rng(0).integers(0, 256, (12, 8, 9, 1), dtype=np.uint8)
    network = _network(
        (8, 9, 1),
        layers.Conv2D(5, 3, name="edges"),
        layers.MaxPooling2D(2),
        layers.Conv2D(2, 2, name="corners"),
    )
    found = explorer.exciting_patches(network, pictures, count=4)
    assert list(found) == ["edges", "corners"]
    entry = found["edges"]
    kind, sheet = _opened(entry)
    assert kind == "data:image/png"
    assert (entry["tile"], entry["count"], entry["filters"]) == ([3, 3], 4, 5)
    assert sheet.shape == (5 * 3, 4 * 3)

    maps = network.get_layer("edges")(pictures.astype("float32")).numpy()
    for number in range(5):
        values = maps[..., number].reshape(12, -1)
        for place, picture in enumerate(np.argsort(-values.max(axis=1))[:4]):
            row, column = divmod(values[picture].argmax(), maps.shape[2])
            expected = pictures[picture, row : row + 3, column : column + 3, 0]
            tile = sheet[3 * number : 3 * number + 3, 3 * place : 3 * place + 3]
            np.testing.assert_array_equal(tile, expected)


def test_stored_values_of_another_range_are_drawn_from_black_to_white():
    pictures = np.random.default_rng(1).uniform(0, 1, (3, 4, 4, 3)).astype("float32")
    pictures[0, 0, 0], pictures[0, 0, 1] = 0, 1
    network = _network((4, 4, 3), layers.Conv2D(1, (4, 3), name="wide"))
    (entry,) = explorer.exciting_patches(network, pictures, value_range=(0, 1)).values()
    _, sheet = _opened(entry)
    values = network(pictures).numpy()[:, 0, :, 0]
    expected = [
        pictures[n][:, values[n].argmax() :][:, :3] * 255 for n in np.argsort(-values.max(axis=1))
    ]
    np.testing.assert_array_equal(sheet, np.rint(np.concatenate(expected, axis=1)))


def test_large_patches_are_shrunk_and_fewer():
    pictures = np.random.default_rng(2).integers(0, 256, (9, 96, 96, 3), dtype=np.uint8)
    network = _network((96, 96, 3), layers.Conv2D(40, 80, strides=8, name="wide"))
    (entry,) = explorer.exciting_patches(network, pictures).values()
    kind, sheet = _opened(entry)
    assert kind == "data:image/jpeg"
    assert entry["tile"] == [32, 32]
    assert entry["filters"] == 200_000 // (9 * 32 * 32)
    assert sheet.shape == (entry["filters"] * 32, 9 * 32, 3)


def test_deep_networks_show_layers_from_the_first_to_the_last():
    steps = [layers.Conv2D(2, 3, padding="same", name=f"conv{n}") for n in range(9)]
    pictures = np.zeros((2, 6, 6, 1), np.uint8)
    found = explorer.exciting_patches(_network((6, 6, 1), *steps), pictures, most_layers=3)
    assert list(found) == ["conv0", "conv4", "conv8"]


def test_layers_without_places_are_left_out():
    pictures = np.zeros((2, 6, 6, 1), np.uint8)
    dense = _network((6, 6, 1), layers.Flatten(), layers.Dense(2))
    assert explorer.exciting_patches(dense, pictures) == {}
    whole = _network((6, 6, 1), layers.Conv2D(2, 3, name="first"), layers.Conv2D(3, 4))
    assert list(explorer.exciting_patches(whole, pictures)) == ["first"]
