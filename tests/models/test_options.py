"""What the options of networks do, and which are refused, with the way out."""

import inspect
from itertools import pairwise

import keras
import numpy as np
import pytest

from cnnkit import models
from cnnkit.errors import SettingError, UnknownNameError


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


@pytest.mark.once
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
