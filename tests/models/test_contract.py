"""What every network of the catalogue promises, and the numbers it is known by."""

import inspect
import math
from itertools import pairwise

import keras
import numpy as np
import pytest

from cnnkit import models
from cnnkit.errors import SettingError, UnknownNameError

# The smallest honest form of each: small images, and no dense layers of 4096.
SMALL = {
    "lenet5": ((28, 28, 1), {}),
    "vgg_small": ((32, 32, 3), {}),
    "convnet": ((28, 28, 1), {}),
    "mlp": ((28, 28, 1), {}),
} | {
    name: ((32, 32, 3), {"hidden_units": (16,), "widths": (4, 4, 8, 8, 8)})
    for name in ("vgg", "vgg11", "vgg13", "vgg16_1x1", "vgg16", "vgg19")
}


def multiply_adds(model):
    """Products of one forward pass: every output of a kernel reads its whole window once."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Dense)):
            outputs = math.prod(layer.output.shape[1:])
            total += outputs * math.prod(layer.kernel.shape[:-1])
    return total


def test_every_entry_is_tried():
    assert sorted(SMALL) == sorted(models.names())


@pytest.mark.parametrize("name", SMALL)
def test_goes_from_images_to_logits(name):
    image_shape, options = SMALL[name]
    model = models.create(name, image_shape, 7, **options)
    assert isinstance(model, keras.Model)
    assert not model.compiled
    assert model.layers[-1].name == "logits"
    logits = model(np.random.default_rng(0).random((2, *image_shape), np.float32))
    assert logits.shape == (2, 7)


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


@pytest.mark.parametrize("name", SMALL)
def test_layer_names_do_not_depend_on_what_was_built_before(name):
    image_shape, options = SMALL[name]
    first, second = (models.create(name, image_shape, 7, **options) for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]


@pytest.mark.parametrize("name", SMALL)
def test_documents_every_option(name):
    function = models.entry(name).load()
    documented = getattr(function, "func", function).__doc__
    for option in inspect.signature(function).parameters:
        if option != "name":
            assert option in documented, option


@pytest.mark.parametrize("name", models.names())
def test_has_the_published_numbers(name):
    facts = models.entry(name).facts
    # Keras' own count of weights that are never allocated.
    with keras.StatelessScope():
        model = models.create(name, facts["image_shape"], facts["num_classes"])
        parameters = sum(math.prod(weight.shape) for weight in model.weights)
        assert parameters == facts["parameters"]
        assert multiply_adds(model) == facts["multiply_adds"]


@pytest.mark.parametrize(
    ("name", "theirs"), [("vgg16", keras.applications.VGG16), ("vgg19", keras.applications.VGG19)]
)
def test_vgg_is_the_function_that_keras_has(name, theirs):
    theirs = theirs(weights=None, include_top=False, input_shape=(48, 64, 3))
    ours = models.create(name, (48, 64, 3), 10, head="global", hidden_units=())
    for layer in theirs.layers:
        if layer.weights:
            ours.get_layer(layer.name).set_weights(layer.get_weights())
    images = np.random.default_rng(0).random((2, 48, 64, 3), np.float32)
    maps = keras.Model(ours.input, ours.get_layer("block5_pool").output)
    np.testing.assert_allclose(
        maps.predict(images, verbose=0), theirs.predict(images, verbose=0), rtol=1e-5, atol=1e-7
    )


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


@pytest.mark.parametrize(
    ("name", "options", "too_small", "smallest"),
    [
        ("lenet5", {}, 8, 12),
        ("lenet5", {"padding": "valid"}, 15, 16),
        ("vgg16", {}, 28, 32),
        ("vgg_small", {}, 7, 8),
        ("convnet", {"padding": "valid", "kernel_size": 5}, 12, 16),
    ],
)
def test_too_small_an_image_names_the_smallest_that_fits(name, options, too_small, smallest):
    with pytest.raises(SettingError, match=f"{too_small} is too small, .* fits is {smallest}"):
        models.create(name, (too_small, 64, 1), 10, **options)
    if name != "vgg16":
        assert models.create(name, (smallest, smallest, 1), 10, **options).output_shape == (
            None,
            10,
        )


def test_a_global_head_takes_any_size():
    for name in ("vgg_small", "convnet"):
        model = models.create(name, (None, None, 3), 5, head="global")
        for size in (32, 45):
            assert model(np.zeros((1, size, size + 3, 3), np.float32)).shape == (1, 5)


def test_a_flat_head_names_the_way_out_of_an_open_size():
    with pytest.raises(SettingError, match="head='global'"):
        models.create("vgg16", (None, None, 3), 5)


def test_convnet_takes_sequences():
    model = models.convnet((100, 2), 5, depths=(2, 1), widths=(4, 8))
    assert model(np.zeros((3, 100, 2), np.float32)).shape == (3, 5)


def test_pooling_before_relu_gives_the_same():
    images = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype("float32")
    one = models.convnet((28, 28, 1), 10)
    other = models.convnet((28, 28, 1), 10, pool_before_activation=True)
    other.set_weights(one.get_weights())
    np.testing.assert_allclose(one(images), other(images), rtol=1e-5, atol=1e-6)


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
    ],
)
def test_options_that_make_no_sense_are_refused(name, options, words):
    with pytest.raises(SettingError, match=words):
        models.create(name, (32, 32, 3), 10, **options)


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
