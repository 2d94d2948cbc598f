import importlib

import keras
import numpy as np
import pytest

from cnnkit import transfer
from cnnkit.errors import MissingDataError, SettingError, UnknownNameError

pytestmark = pytest.mark.filterwarnings("ignore:The backbone .* is untrained")
SMALLEST = {  # one of each family, the quickest to build
    "mobilenet_025": 32,
    "mobilenet_v2_035": 32,
    "mobilenet_v3_small": 32,
    "vgg16": 32,
    "resnet50": 32,
    "resnet50_v2": 32,
    "densenet121": 32,
    "xception": 71,
    "inception_v3": 75,
    "efficientnet_b0": 32,
    "efficientnet_v2_b0": 32,
    "convnext_tiny": 32,
}
MODULES = sorted({transfer.backbone_info(name).module for name in transfer.names()})


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype="uint8")


def a_step_saved_and_loaded(name, size, tmp_path):
    images = pixels(2, size, size, 3)
    model = transfer.classifier(
        transfer.backbone(name, (size, size, 3), weights="none"), 3, frozen=False
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(images, np.array([0, 2]))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        np.asarray(model.predict_on_batch(images)), np.asarray(again.predict_on_batch(images))
    )


@pytest.mark.once
@pytest.mark.parametrize(
    "name", ["mobilenet_025", pytest.param("vgg16", marks=pytest.mark.slow)]
)  # of either kind of preprocessing
def test_trains_a_step_and_gives_the_same_bits_after_loading(name, tmp_path):
    a_step_saved_and_loaded(name, SMALLEST[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", transfer.names())
def test_every_network_trains_a_step_and_gives_the_same_bits_after_loading(name, tmp_path):
    a_step_saved_and_loaded(name, transfer.backbone_info(name).min_size, tmp_path)


@pytest.mark.parametrize("module", MODULES)
def test_what_is_inside_is_the_familys_own_preprocessing(module):
    from cnnkit.transfer.backbones import with_preprocessing

    line = next(
        transfer.backbone_info(name)
        for name in transfer.names()
        if transfer.backbone_info(name).module == module
    )
    image = keras.Input((8, 8, 3))
    unchanged = keras.Model(image, keras.layers.Identity()(image))
    images = pixels(4, 8, 8, 3)
    if line.extra:
        expected = (images.astype("float32") - 127) / 128
    else:
        family = importlib.import_module(f"keras.applications.{module}")
        expected = family.preprocess_input(images.astype("float32"))
    found = with_preprocessing(unchanged, line, (8, 8, 3), "prepared").predict_on_batch(images)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


def test_published_weights_give_what_keras_gives_by_hand(cached_keras):
    images = pixels(2, 224, 224, 3)
    by_hand = keras.applications.MobileNetV2((224, 224, 3), alpha=0.35, include_top=False)
    expected = by_hand.predict_on_batch(
        keras.applications.mobilenet_v2.preprocess_input(images.astype("float32"))
    )
    found = transfer.backbone("mobilenet_v2_035", (224, 224, 3)).predict_on_batch(images)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.once
def test_weights_of_the_native_size_serve_any_other(cached_keras):
    small = transfer.backbone("mobilenet_v2_035", (96, 64, 3))
    native = keras.applications.MobileNetV2((224, 224, 3), alpha=0.35, include_top=False)
    assert small.output_shape == (None, 3, 2, 1280)
    for one, other in zip(small.get_weights(), native.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_grey_image_gives_what_its_three_equal_channels_give(cached_keras):
    grey = pixels(2, 64, 64, 1)
    one = transfer.backbone("mobilenet_v2_035", (64, 64, 1)).predict_on_batch(grey)
    three = transfer.backbone("mobilenet_v2_035", (64, 64, 3)).predict_on_batch(
        np.repeat(grey, 3, axis=-1)
    )
    np.testing.assert_allclose(one, three, rtol=0, atol=1e-5)


@pytest.mark.once
def test_feature_maps_are_taken_where_they_are_named():
    points = ["block_3_expand_relu", "block_13_expand_relu"]
    pyramid = transfer.backbone(
        "mobilenet_v2_035", (64, 64, 3), weights="none", output_layers=points
    )
    assert [shape[1:3] for shape in pyramid.output_shape] == [(16, 16), (4, 4)]
    one = transfer.backbone(
        "mobilenet_v2_035", (64, 64, 3), weights="none", output_layers=points[1]
    )
    assert one.output_shape == pyramid.output_shape[1]


def test_an_unknown_layer_gets_the_nearest_names():
    with pytest.raises(UnknownNameError, match="block_13_expand"):
        transfer.backbone(
            "mobilenet_v2_035", (32, 32, 3), weights="none", output_layers="block13_expand"
        )


@pytest.mark.parametrize("shape", [(31, 64, 3), (64, 64, 4), (64, 64)])
def test_a_shape_that_cannot_be_taken_is_refused_before_anything_is_built(shape):
    with pytest.raises(SettingError, match="mobilenet_v2|1 or 3 channels"):
        transfer.backbone("mobilenet_v2", shape)


def test_random_weights_are_never_silent():
    with pytest.warns(UserWarning, match="untrained"):
        model = transfer.backbone("mobilenet_025", (32, 32, 3), weights="none")
    assert model.name == "mobilenet_025_untrained"


def test_weights_that_cannot_be_fetched_are_named_with_their_place(cached_keras, monkeypatch):
    def offline(*arguments, **options):
        raise Exception(f"URL fetch failure on {arguments[1]}: None -- no network")

    from keras.src.applications import vgg16

    monkeypatch.setattr(vgg16.file_utils, "get_file", offline)
    with pytest.raises(MissingDataError, match=r"kernels_notop\.h5 are not .*models") as caught:
        transfer.backbone("vgg16", (32, 32, 3))
    assert transfer.backbone_info("vgg16").weights_file in str(caught.value)


@pytest.mark.once
def test_weights_of_another_network_name_the_first_layer_that_differs(cached_keras):
    file = cached_keras / "models" / transfer.backbone_info("mobilenet_v2_035").weights_file
    with pytest.raises(SettingError, match="'Conv1'"):
        transfer.backbone("mobilenet_v2", (32, 32, 3), weights=file)
