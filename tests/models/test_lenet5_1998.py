"""LeNet-5 of 1998 against the paper's own numbers."""

import keras
import numpy as np
import pytest

from cnnkit import models
from cnnkit.errors import SettingError
from cnnkit.losses import LeNet5Loss
from cnnkit.models.families.lenet5_1998 import bitmaps, connected_maps, squash

PARAMETERS = {"C1": 156, "S2": 12, "C3": 1_516, "S4": 32, "C5": 48_120, "F6": 10_164}
CONNECTIONS = {
    "C1": 122_304, "S2": 5_880, "C3": 151_600, "S4": 2_000, "C5": 48_120, "F6": 10_164,
    "logits": 840,
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return models.lenet5_1998()


@pytest.mark.parametrize("layer", PARAMETERS)
def test_a_layer_has_the_papers_weights(model, layer):
    assert model.get_layer(layer).count_params() == PARAMETERS[layer]


def test_connections_are_the_papers(model):
    # Each output has a connection a weight it reads and one to its bias (section II.B).
    places = {layer.name: int(np.prod(layer.output.shape[1:])) for layer in model.layers}
    reads = connected_maps()
    counted = {
        "C1": places["C1"] * (25 + 1),
        "S2": places["S2"] * (4 + 1),
        "C3": 10 * 10 * sum(25 * int(column.sum()) + 1 for column in reads.T),
        "S4": places["S4"] * (4 + 1),
        "C5": places["C5"] * (25 * 16 + 1),
        "F6": places["F6"] * (120 + 1),
        "logits": places["logits"] * 84,
    }
    assert counted == CONNECTIONS
    assert sum(counted.values()) == 340_908


def test_every_map_of_s2_is_read_ten_times():
    assert connected_maps().sum(axis=1).tolist() == [10] * 6


def test_c3_reads_the_connected_maps_alone(model):
    layer = model.get_layer("C3")
    maps = np.zeros((6, 14, 14, 6), np.float32)
    quiet = np.asarray(layer(maps[:1]))[0]
    for source in range(6):
        maps[source, ..., source] = np.random.default_rng(source).normal(size=(14, 14))
    changed = np.abs(np.asarray(layer(maps)) - quiet).max(axis=(1, 2)) > 1e-7
    np.testing.assert_array_equal(changed, connected_maps())


def test_c3_is_a_convolution_with_holes(model):
    from scipy.signal import correlate2d

    layer = model.get_layer("C3")
    kernel, bias = layer.get_weights()
    maps = np.random.default_rng(0).normal(size=(14, 14, 6)).astype("float32")
    windows = iter(np.moveaxis(kernel, -1, 0))
    total = np.tile(bias, (10, 10, 1)).astype(float)
    for source, target in np.argwhere(connected_maps()):
        total[..., target] += correlate2d(maps[..., source], next(windows), mode="valid")
    wanted = 1.7159 * np.tanh(2 / 3 * total)
    np.testing.assert_allclose(layer(maps[None])[0], wanted, rtol=1e-4, atol=1e-5)


def test_subsampling_weighs_the_sum_of_four(model):
    layer = model.get_layer("S2")
    layer.set_weights([np.arange(6) / 10, np.arange(6) - 2.0])
    maps = np.random.default_rng(0).normal(size=(1, 28, 28, 6)).astype("float32")
    four = maps.reshape(1, 14, 2, 14, 2, 6).sum(axis=(2, 4))
    wanted = 1.7159 * np.tanh(2 / 3 * (four * np.arange(6) / 10 + np.arange(6) - 2))
    np.testing.assert_allclose(layer(maps), wanted, rtol=1e-4, atol=1e-5)


def test_the_squashing_function_is_that_of_appendix_a():
    assert float(squash(np.float32(1))) == pytest.approx(1, abs=1e-4)
    assert float(squash(np.float32(-1))) == pytest.approx(-1, abs=1e-4)


def test_a_unit_that_draws_the_bitmap_is_its_class(model):
    layer = model.get_layer("logits")
    logits = np.asarray(layer(bitmaps()))
    assert logits.argmax(axis=1).tolist() == list(range(10))
    np.testing.assert_allclose(np.diag(logits), 0, atol=1e-4)
    wanted = -((bitmaps()[:, None] - bitmaps()[None]) ** 2).sum(-1)
    np.testing.assert_allclose(logits, wanted, rtol=1e-5, atol=1e-3)


def test_bitmaps_are_ten_different_pictures():
    assert bitmaps().shape == (10, 84)
    assert set(np.unique(bitmaps())) == {-1.0, 1.0}
    assert len({row.tobytes() for row in bitmaps()}) == 10


def test_the_loss_is_equation_nine():
    distances = np.random.default_rng(0).uniform(0, 50, (5, 10))
    labels = np.array([0, 3, 9, 2, 2])
    j = 0.1
    wanted = distances[np.arange(5), labels] + np.log(np.exp(-j) + np.exp(-distances).sum(axis=1))
    loss = LeNet5Loss(j=j, reduction="none")
    np.testing.assert_allclose(loss(labels, -distances.astype("float32")), wanted, rtol=1e-5)


def test_a_small_image_is_framed_and_a_large_one_is_not():
    large = models.lenet5_1998((32, 32, 1))
    small = models.lenet5_1998((28, 28, 1))
    small.set_weights(large.get_weights())
    digits = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    framed = np.pad(digits, [(0, 0), (2, 2), (2, 2), (0, 0)])
    np.testing.assert_allclose(small(digits), large(framed), rtol=1e-5)


@pytest.mark.parametrize(
    ("image_shape", "classes", "words"),
    [
        ((30, 30, 1), 10, r"not \(30, 30, 1\)"),
        ((32, 32, 3), 10, "lenet5 takes"),
        ((32, 32, 1), 11, "11"),
    ],
)
def test_what_the_paper_does_not_have_is_refused(image_shape, classes, words):
    with pytest.raises(SettingError, match=words):
        models.lenet5_1998(image_shape, classes)
