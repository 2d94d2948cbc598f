"""What every network of the catalogue promises, and the numbers it is known by."""

import inspect
import math
from itertools import pairwise

import keras
import numpy as np
import pytest

from cnnkit import models
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.explain import anatomy

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


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_goes_from_images_to_logits(name):
    image_shape, options = SMALL[name]
    model = models.create(name, image_shape, 7, **options)
    assert isinstance(model, keras.Model)
    assert not model.compiled
    assert model.layers[-1].name == "logits"
    logits = model(np.random.default_rng(0).random((2, *image_shape), np.float32))
    assert logits.shape == (2, 7)


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_gives_probabilities_of_its_logits_on_request(name):
    image_shape, options = SMALL[name]
    images = np.random.default_rng(0).random((3, *image_shape), np.float32)
    plain = models.create(name, image_shape, 7, **options)
    soft = models.create(name, image_shape, 7, classifier_activation="softmax", **options)
    soft.set_weights(plain.get_weights())
    logits = keras.ops.convert_to_numpy(plain(images))
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(soft(images), wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.once
@pytest.mark.parametrize("name", [name for name in SMALL if name != "mlp"])
def test_without_its_top_it_gives_maps_or_their_means(name):
    image_shape, options = SMALL[name]
    images = np.random.default_rng(0).random((2, *image_shape), np.float32)
    headless = models.create(name, image_shape, 7, include_top=False, **options)
    pooled = models.create(name, image_shape, 7, include_top=False, pooling="avg", **options)
    pooled.set_weights(headless.get_weights())
    maps = keras.ops.convert_to_numpy(headless(images))
    assert maps.ndim == 4
    np.testing.assert_allclose(pooled(images), maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_comes_back_from_a_file_with_the_same_bits(name, tmp_path):
    image_shape, options = SMALL[name]
    model = models.create(name, image_shape, 7, **options)
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).random((2, *image_shape), np.float32)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), loaded.predict(images, verbose=0)
    )


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_takes_the_weights_of_a_file(name, tmp_path):
    image_shape, options = SMALL[name]
    model = models.create(name, image_shape, 7, **options)
    model.save_weights(tmp_path / "its.weights.h5")
    again = models.create(name, image_shape, 7, weights=tmp_path / "its.weights.h5", **options)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


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
def test_layer_names_do_not_depend_on_what_was_built_before(name):
    image_shape, options = SMALL[name]
    first, second = (models.create(name, image_shape, 7, **options) for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]


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
    with keras.StatelessScope():
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
    with keras.StatelessScope():
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
    with keras.StatelessScope():
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


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "options", "too_small", "smallest"),
    [
        ("lenet5", {}, 8, 12),
        ("lenet5", {"padding": "valid"}, 15, 16),
        ("vgg16", {}, 28, 32),
        ("vgg_small", {}, 7, 8),
        ("convnet", {"padding": "valid", "kernel_size": 5}, 12, 16),
        ("alexnet", {}, 40, 63),
        ("densenet121", {}, 8, 29),
    ],
)
def test_too_small_an_image_names_the_smallest_that_fits(name, options, too_small, smallest):
    with pytest.raises(SettingError, match=f"{too_small} is too small, .* fits is {smallest}"):
        models.create(name, (too_small, 64, 1), 10, **options)
    if name not in ("vgg16", "alexnet"):  # whose dense layers are huge
        assert models.create(name, (smallest, smallest, 1), 10, **options).output_shape == (
            None,
            10,
        )


@pytest.mark.once
def test_a_global_head_takes_any_size():
    heads = {key: {"head": "global"} for key in ("vgg_small", "convnet")}
    heads |= {"resnet20": {}, "densenet_bc": {"depth": 16}, "googlenet": {}}
    for name, options in heads.items():
        model = models.create(name, (None, None, 3), 5, **options)
        for size in (32, 45):
            assert model(np.zeros((1, size, size + 3, 3), np.float32)).shape == (1, 5)


def test_a_flat_head_names_the_way_out_of_an_open_size():
    with pytest.raises(SettingError, match="head='global'"):
        models.create("vgg16", (None, None, 3), 5)


def test_convnet_takes_sequences():
    model = models.convnet((100, 2), 5, depths=(2, 1), widths=(4, 8))
    assert model(np.zeros((3, 100, 2), np.float32)).shape == (3, 5)


def test_pooling_before_relu_gives_the_same_bits_and_learns_the_same():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(8, 16, 16, 1)).astype("float32")
    images[:, :8] = 0.5  # whole windows of equal values, above 0 and below it
    labels = rng.integers(0, 10, 8)
    one, other = (
        models.convnet((16, 16, 1), 10, depths=(2, 1), pool_before_activation=first)
        for first in (False, True)
    )
    weights = [rng.normal(0, 0.3, weight.shape).astype("float32") for weight in one.weights]
    for model in (one, other):
        model.set_weights(weights)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss)
    np.testing.assert_array_equal(one(images), other(images))
    for model in (one, other):
        model.train_on_batch(images, labels)
    for ours, theirs, before in zip(one.get_weights(), other.get_weights(), weights, strict=True):
        assert np.abs(ours - before).max() > 0
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.once
@pytest.mark.parametrize("parameters", [10_000, 61_706, 1_000_000])
def test_mlp_fills_its_budget(parameters):
    unit = 28 * 28 + 1 + 10
    made = models.mlp((28, 28, 1), 10, parameters=parameters).count_params()
    assert parameters - unit < made <= parameters


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("vgg", {"depths": (1,), "widths": (1, 2)}, "differ in length"),
        ("vgg", {"head": "middle"}, "'flatten', 'global', not 'middle'"),
        ("convnet", {"pool": "min"}, "'max', 'average', not 'min'"),
        ("mlp", {"parameters": 100}, "one hidden unit takes 3093"),
        ("lenet5", {"padding": "some"}, "'same', 'valid', not 'some'"),
        ("resnet_cifar", {"depth": 21}, "6 n . 2 layers, .* not 21; the nearest depth is 20"),
        ("densenet_bc", {"depth": 99}, "6 n . 4 layers, not 99; the nearest depth is 100"),
        ("resnet18", {"depths": (1,)}, "differ in length"),
        ("resnet18", {"include_top": False, "pooling": "mean"}, "None, 'avg', 'max', not 'mean'"),
        ("lenet5_1998", {}, "lenet5 takes other shapes"),
    ],
)
def test_options_that_make_no_sense_are_refused(name, options, words):
    with pytest.raises(SettingError, match=words):
        models.create(name, (32, 32, 3), 10, **options)


def test_mlp_without_its_top_gives_its_last_hidden_layer():
    assert models.mlp((8, 8, 1), 10, hidden_units=(20, 5), include_top=False).output_shape == (
        None,
        5,
    )


def test_a_member_of_a_family_says_what_it_is():
    assert models.vgg16.__name__ == "vgg16"
    first = inspect.getdoc(models.vgg16).splitlines()[0]
    assert first == "`vgg` with depths=(2, 2, 3, 3, 3)."


def test_no_class_at_all_is_refused():
    with pytest.raises(SettingError, match="at least 1, not 0"):
        models.lenet5((28, 28, 1), 0)


def test_an_unknown_network_gives_the_nearest():
    with pytest.raises(UnknownNameError, match="'lenet5'"):
        models.create("lenet", (28, 28, 1), 10)


def test_an_unknown_option_gives_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'pool'"):
        models.create("lenet5", (28, 28, 1), 10, pol="max")


def test_a_pattern_lists_what_matches():
    assert models.names("vgg1?") == ["vgg11", "vgg13", "vgg16", "vgg19"]
    with pytest.raises(SettingError, match="vgg11, vgg13, vgg16, vgg19"):
        models.create("vgg1?", (32, 32, 3), 10)


def test_sizes_shrink_as_the_formula_says():
    # (W - F + 2 P) / S + 1, for 5 x 5 windows without padding, and halved by pooling.
    sizes = [28]
    for _ in range(2):
        sizes.append((sizes[-1] - 5) // 1 + 1)
    model = models.convnet(
        (28, 28, 1), 10, padding="valid", kernel_size=5, depths=(2,), widths=(4,)
    )
    built = [layer.output.shape[1] for layer in model.layers if layer.name.startswith("conv")]
    assert built == sizes[1:]
    assert all(one > other for one, other in pairwise(sizes))
