"""Weights from files: Keras' published layout, its present one, and what does not fit."""

import h5py
import keras
import numpy as np
import pytest

from cnnkit.errors import MissingDataError, SettingError
from cnnkit.keras_graph.deferred_variables import shapes_alone
from cnnkit.models.families import densenet, resnet, vgg
from cnnkit.models.weights import load_weights

pytestmark = pytest.mark.once

# The names of the files that keras.applications publishes, made before Keras had its present ones
# (keras-applications 1.0.8, densenet.py and resnet_common.py).
NAMES_OF_2018 = {"conv1_conv": "conv1/conv", "conv1_bn": "conv1/bn", "predictions": "fc1000"}
TOO_DEEP = "does not fit 'vgg19': the layer 'block3_conv4' needs shapes"


def write_published(model, path, names=NAMES_OF_2018):
    """Write weights in the HDF5 layout of the published files."""
    with h5py.File(path, "w") as file:
        layers = [(names.get(layer.name, layer.name), layer.weights) for layer in model.layers]
        file.attrs["layer_names"] = [name.encode() for name, _ in layers]
        for name, weights in layers:
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{w.name}:0".encode() for w in weights]
            for weight in weights:
                group[f"{name}/{weight.name}:0"] = np.asarray(weight)
    return path


def small(factory=vgg.vgg16, shape=(32, 32, 3), classes=5, **options):
    """A network with few weights."""
    if factory in (vgg.vgg16, vgg.vgg19):
        options = {"widths": (2, 3, 4, 5, 6), "hidden_units": (8,)} | options
    return factory(shape, classes, **options)


def assert_same_weights(one, other):
    for mine, yours in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, yours)


@pytest.mark.parametrize(
    ("ours", "theirs", "options", "head"),
    [
        pytest.param(
            densenet.densenet121,
            keras.applications.DenseNet121,
            {},
            "fc1000",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            resnet.resnet50,
            keras.applications.ResNet50,
            {"use_bias": True},
            "probs",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_reads_a_published_file_that_keras_reads(
    ours, theirs, options, head, give_random_weights, tmp_path
):
    original = theirs(weights=None, input_shape=(32, 32, 3), classes=5)
    give_random_weights(original)
    path = write_published(original, tmp_path / "w.h5", NAMES_OF_2018 | {"predictions": head})
    again = theirs(weights=str(path), input_shape=(32, 32, 3), classes=5)
    assert_same_weights(again, original)  # so it is a file as Keras wants it
    assert_same_weights(ours((32, 32, 3), 5, weights=path, **options), original)


def test_reads_a_file_of_save_weights(give_random_weights, tmp_path):
    model = small()
    give_random_weights(model)
    model.save_weights(tmp_path / "model.weights.h5")
    assert_same_weights(small(weights=tmp_path / "model.weights.h5"), model)


def test_a_network_without_its_top_reads_a_file_that_has_one(tmp_path):
    model = small()
    path = write_published(model, tmp_path / "w.h5")
    backbone = small(include_top=False, weights=path)
    for mine, yours in zip(backbone.get_weights(), model.get_weights(), strict=False):
        np.testing.assert_array_equal(mine, yours)


@pytest.mark.parametrize(
    ("in_file", "wanted", "words"),
    [
        ({}, {"factory": vgg.vgg19}, TOO_DEEP),
        ({"factory": vgg.vgg19}, {}, "does not fit 'vgg16': the layer 'block4_conv1' needs"),
        ({"widths": (2, 3, 4, 5, 7)}, {}, "the layer 'block5_conv1' needs shapes"),
        ({"hidden_units": (8, 8)}, {}, "weights of a layer 'logits' that the model lacks"),
        ({}, {"hidden_units": (8, 8)}, "the layer 'fc2' needs shapes"),
        ({"include_top": False}, {}, "has no weights for the layer 'fc1'"),
        ({"shape": (32, 32, 1)}, {}, "the layer 'block1_conv1' needs .* adapt_channels=True"),
    ],
)
def test_a_file_of_another_network_is_refused_by_the_first_layer_that_differs(
    in_file, wanted, words, tmp_path
):
    model = small(**wanted)
    before = model.get_weights()
    path = write_published(small(**in_file), tmp_path / "w.h5")
    with pytest.raises(SettingError, match=words):
        load_weights(model, path)
    for mine, yours in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, yours)  # nothing is half loaded


def test_a_different_number_of_classes_leaves_the_head_as_it_was_and_says_so(tmp_path):
    model = small()
    path = write_published(model, tmp_path / "w.h5")
    with pytest.warns(UserWarning, match="'logits' stays untrained: w.h5 has 5 classes .* 7"):
        other = small(classes=7, weights=path)
    for mine, yours in zip(other.get_weights()[:-2], model.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(mine, yours)


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_an_adapted_convolution_sees_grey_images_as_before(channels, tmp_path):
    model = small()
    path = write_published(model, tmp_path / "w.h5")
    other = small(shape=(32, 32, channels))
    load_weights(other, path, adapt_channels=True)
    grey = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)
    np.testing.assert_allclose(
        other.predict(np.repeat(grey, channels, axis=-1), verbose=0),
        model.predict(np.repeat(grey, 3, axis=-1), verbose=0),
        rtol=1e-4,
        atol=1e-6,
    )


def test_without_network_it_says_where_to_put_the_file(monkeypatch, tmp_path):
    def offline(*arguments, **options):
        raise Exception("URL fetch failure")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(MissingDataError, match="put that file into") as caught:
        small(weights="imagenet")
    assert "vgg16_weights_tf_dim_ordering_tf_kernels.h5" in str(caught.value)
    assert str(tmp_path / "models") in str(caught.value)


@pytest.mark.parametrize("include_top", [True, False])
@pytest.mark.parametrize(
    ("ours", "theirs", "module"),
    [
        (vgg.vgg16, keras.applications.VGG16, "vgg16"),
        (resnet.resnet50, keras.applications.ResNet50, "resnet"),
        (densenet.densenet121, keras.applications.DenseNet121, "densenet"),
    ],
)
def test_asks_for_the_file_and_hash_that_keras_asks_for(
    ours, theirs, module, include_top, monkeypatch
):
    import importlib

    asked = []

    def get_file(name, origin, **options):
        asked.append((name, origin, options["file_hash"], options["cache_subdir"]))
        raise OSError("no network")

    place = importlib.import_module(f"keras.src.applications.{module}")
    monkeypatch.setattr(place.file_utils, "get_file", get_file)
    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(MissingDataError):
        small(ours, classes=1000, include_top=include_top, weights="imagenet")
    with shapes_alone(), pytest.raises(OSError, match="no network"):
        theirs(include_top=include_top)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", None])
def test_a_file_that_is_not_one_of_weights_is_refused(content, tmp_path):
    path = tmp_path / "w.h5"
    if content is None:
        with h5py.File(path, "w") as file:
            file["numbers"] = [1, 2]
    else:
        path.write_bytes(content)
    with pytest.raises(SettingError, match="is not a file of Keras weights"):
        small(weights=path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"There is no weights file .*missing\.h5"):
        small(weights=tmp_path / "missing.h5")


def test_networks_without_published_weights_name_those_that_have():
    with pytest.raises(SettingError, match=r"no ImageNet weights for 'resnet18'.* resnet50"):
        resnet.resnet18((32, 32, 3), 5, weights="imagenet")


def test_adapts_when_the_factory_is_asked_to(tmp_path):
    path = write_published(small(), tmp_path / "w.h5")
    kernel = small(shape=(32, 32, 1), weights=path, adapt_channels=True).get_weights()[0]
    assert kernel.shape == (3, 3, 1, 2)
