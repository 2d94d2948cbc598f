"""What every network of the catalogue promises, and the numbers it is known by."""

import inspect
import math

import keras
import numpy as np
import pytest
from scipy.special import softmax

from cnnkit import models
from cnnkit.errors import SettingError
from cnnkit.keras_graph.deferred_variables import shapes_alone
from cnnkit.model_files import load_model
from cnnkit.models import anatomy

# The smallest honest form of each: small images, and no dense layers of 4096.
SMALL = {
    "lenet5": ((28, 28, 1), {}),
    "lenet5_1998": ((28, 28, 1), {}),
    "alexnet": ((63, 63, 3), {"hidden_units": (16,)}),
    "alexnet_2012": ((67, 67, 3), {"hidden_units": (16,)}),
    "googlenet": ((32, 32, 3), {}),
    "vgg_small": ((32, 32, 3), {}),
    "convnet": ((28, 28, 1), {}),
    "mlp": ((28, 28, 1), {}),
    "resnet18": ((32, 32, 3), {"widths": (4, 4, 8, 8)}),
    "resnet50": ((32, 32, 3), {"widths": (4, 4, 8, 8)}),
    "resnet20": ((32, 32, 3), {}),
    "resnet_cifar": ((16, 16, 3), {"depth": 8, "projection": True}),
    "densenet121": ((32, 32, 3), {"depths": (2, 2, 2, 2), "growth": 4}),
    "densenet_bc": ((16, 16, 3), {"depth": 16, "growth": 4}),
} | {
    name: ((32, 32, 3), {"hidden_units": (16,), "widths": (4, 4, 8, 8, 8)})
    for name in ("vgg", "vgg11", "vgg11_lrn", "vgg13", "vgg16_1x1", "vgg16", "vgg19")
}
# Deeper ones of a family above, which differ in a number alone and take long to build.
DEEP = (
    "resnet34", "resnet101", "resnet152", "resnet32", "resnet44", "resnet56", "resnet110",
    "densenet169", "densenet201", "densenet264",
)  # fmt: skip


def slow_if_deep(names):
    return [pytest.param(name, marks=pytest.mark.slow) if name in DEEP else name for name in names]


def test_every_entry_is_tried():
    assert sorted([*SMALL, *DEEP]) == sorted(models.names())


@pytest.fixture(scope="module", params=SMALL)
def small(request):
    """The name, image shape and options of a network; tests of one network follow each other."""
    return request.param, *SMALL[request.param]


@pytest.fixture(scope="module")
def model(small, give_random_weights):
    """That network, built once: no test may change it."""
    name, image_shape, options = small
    made = models.create(name, image_shape, 7, **options)
    give_random_weights(made)
    return made


@pytest.fixture(scope="module")
def images(small):
    return np.random.default_rng(0).random((2, *small[1]), np.float32)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model.save(path)
    return path


def assert_same_weights(one, other):
    for mine, yours in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, yours)


@pytest.mark.once
def test_goes_from_images_to_logits(model, images):
    assert isinstance(model, keras.Model)
    assert not model.compiled
    assert model.layers[-1].name == "logits"
    assert model(images).shape == (2, 7)


@pytest.mark.once
def test_its_file_opens_by_the_guarded_door(model, saved):
    again = load_model(saved)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert_same_weights(again, model)


@pytest.mark.once
def test_comes_back_from_a_file_with_the_same_bits(model, saved, images):
    loaded = keras.saving.load_model(saved)
    np.testing.assert_array_equal(model(images), loaded(images))


@pytest.mark.once
def test_gives_probabilities_of_its_logits_on_request(small, model, images):
    name, image_shape, options = small
    soft = models.create(name, image_shape, 7, classifier_activation="softmax", **options)
    soft.set_weights(model.get_weights())
    logits = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(soft(images), softmax(logits, axis=1), rtol=1e-4, atol=1e-6)


@pytest.mark.once
@pytest.mark.parametrize("small", [name for name in SMALL if name != "mlp"], indirect=True)
def test_without_its_top_it_gives_maps_or_their_means(small, images):
    name, image_shape, options = small
    headless = models.create(name, image_shape, 7, include_top=False, **options)
    pooled = models.create(name, image_shape, 7, include_top=False, pooling="avg", **options)
    pooled.set_weights(headless.get_weights())
    maps = keras.ops.convert_to_numpy(headless(images))
    assert maps.ndim == 4
    np.testing.assert_allclose(pooled(images), maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


@pytest.mark.once
def test_takes_the_weights_of_a_file_and_names_its_layers_as_before(small, model, tmp_path):
    name, image_shape, options = small
    model.save_weights(tmp_path / "its.weights.h5")
    again = models.create(name, image_shape, 7, weights=tmp_path / "its.weights.h5", **options)
    assert_same_weights(again, model)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_refuses_options_of_a_top_without_it_and_the_other_way_round(name):
    image_shape, options = SMALL[name]
    with pytest.raises(SettingError, match="'softmax' is for a network with its top: leave it out"):
        models.create(
            name, image_shape, 7, include_top=False, classifier_activation="softmax", **options
        )
    if name != "mlp":  # which has no maps to pool
        with pytest.raises(SettingError, match="pooling='avg' .*: give include_top=False, too"):
            models.create(name, image_shape, 7, pooling="avg", **options)


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_documents_every_option(name):
    function = models.entry(name).load()
    documented = inspect.getdoc(function)
    for option in inspect.signature(function).parameters:
        if option != "name":
            assert option in documented, option


@pytest.mark.once
@pytest.mark.parametrize("name", slow_if_deep(models.names()))
def test_has_the_published_numbers(name):
    facts = models.entry(name).facts
    # Keras' own count of weights that are never allocated.
    with shapes_alone():
        model = models.create(name, facts["image_shape"], facts["num_classes"])
        assert sum(math.prod(weight.shape) for weight in model.weights) == facts["parameters"]
        assert anatomy(model).multiply_adds == facts["multiply_adds"]


TRAINABLE = {  # He et al. and Huang et al. count the weights that training changes
    "resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032,
    "resnet101": 44_549_160, "resnet152": 60_192_808, "resnet20": 269_722, "resnet32": 464_154,
    "resnet44": 658_586, "resnet56": 853_018, "resnet110": 1_727_962, "densenet121": 7_978_856,
    "densenet169": 14_149_480, "densenet201": 20_013_928, "densenet264": 33_337_704,
    "densenet_bc": 769_162,
}  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("name", slow_if_deep(TRAINABLE))
def test_has_the_published_trainable_weights(name):
    facts = models.entry(name).facts
    with shapes_alone():
        model = models.create(name, facts["image_shape"], facts["num_classes"])
        assert sum(math.prod(w.shape) for w in model.trainable_weights) == TRAINABLE[name]


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "options", "image_shape", "classes", "parameters", "multiply_adds"),
    [
        ("resnet50", {"use_bias": True}, (224, 224, 3), 1000, 25_636_712, 3_857_973_248),
        ("resnet50", {"stride_in_3x3": True}, (224, 224, 3), 1000, 25_610_152, 4_089_184_256),
        ("resnet20", {"projection": True}, (32, 32, 3), 10, 274_042, None),
        ("googlenet", {"auxiliary_heads": True}, (224, 224, 3), 1000, 13_378_280, None),
        pytest.param(
            "densenet_bc",
            {"depth": 40, "bottleneck": False},
            (32, 32, 3),
            10,
            1_037_818,
            None,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_options_count_as_published(name, options, image_shape, classes, parameters, multiply_adds):
    with shapes_alone():
        model = models.create(name, image_shape, classes, **options)
        assert sum(math.prod(w.shape) for w in model.weights) == parameters
        if multiply_adds:
            assert anatomy(model).multiply_adds == multiply_adds


def test_lenet5_has_the_layers_of_the_paper():
    model = models.lenet5((32, 32, 1), 10)
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in model.layers}
    assert shapes["C1"] == (28, 28, 6)
    assert shapes["S2"] == (14, 14, 6)
    assert shapes["C3"] == (10, 10, 16)
    assert shapes["S4"] == (5, 5, 16)
    assert shapes["C5"] == (120,)
    assert shapes["F6"] == (84,)


@pytest.mark.parametrize(
    ("image_shape", "padding", "parameters"),
    [((32, 32, 1), None, 61_706), ((28, 28, 1), "valid", 44_426), ((32, 32, 3), None, 62_006)],
)
def test_lenet5_counts_as_in_other_forms(image_shape, padding, parameters):
    assert models.lenet5(image_shape, 10, padding=padding).count_params() == parameters
