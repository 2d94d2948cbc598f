import keras
import numpy as np
import pytest

from cnnkit import transfer
from cnnkit.data.input_scale import STORED_PIXELS
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.keras_graph.splitting import split_frozen

pytestmark = pytest.mark.filterwarnings("ignore:The backbone .* is untrained")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype="uint8")


def trained_by_a_step(frozen, images):
    body = transfer.backbone("mobilenet_025", (32, 32, 3), weights="none")
    model = transfer.classifier(body, 2, frozen=frozen)
    model.compile(
        keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    before = body.get_weights()
    model.train_on_batch(images, np.arange(8) % 2)
    return before, body.get_weights()


def test_a_frozen_backbone_and_its_statistics_do_not_change_by_a_bit(images):
    for before, after in zip(*trained_by_a_step(True, images), strict=True):
        np.testing.assert_array_equal(before, after)


def test_an_unfrozen_backbone_changes(images):
    pairs = zip(*trained_by_a_step(False, images), strict=True)
    assert sum(not np.array_equal(before, after) for before, after in pairs) > 50


def test_dropout_inside_a_frozen_backbone_is_off_and_all_of_it_is_frozen_features(images):
    pixels = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(4, 3, strides=4)(pixels)
    maps = keras.layers.Dropout(0.5, noise_shape=(None, 1, 1, 1), name="stochastic_depth")(maps)
    maps = keras.layers.Conv2D(4, 3)(maps)
    model = transfer.classifier(keras.Model(pixels, maps), 2)
    scaled = images.astype("float32") / 255
    np.testing.assert_array_equal(model(scaled, training=True), model(scaled, training=False))
    frozen, rest = split_frozen(model)
    assert frozen.output.shape == (None, 4)
    assert [layer.name for layer in rest.layers if layer.weights] == ["logits"]


def test_a_network_for_an_experiment_takes_pixels_as_they_are_stored(images):
    keras.utils.set_random_seed(0)
    made = transfer.create("mobilenet_025", (32, 32, 3), 2, weights="none")
    raw = transfer.classifier(transfer.backbone("mobilenet_025", (32, 32, 3), weights="none"), 2)
    raw.set_weights(made.get_weights())
    np.testing.assert_allclose(
        made.predict_on_batch(images.astype("float32")),
        raw.predict_on_batch(images),
        rtol=0,
        atol=1e-4,
    )


def test_the_name_of_a_backbone_is_enough_for_an_experiment():
    experiment = built_in_experiment(
        "digits", {"image_size": 32}, model="mobilenet_025", model_options={"weights": "none"}
    )
    assert experiment.model.input_shape == (None, 32, 32, 1)
    assert [v.path for v in experiment.model.trainable_variables] == [
        "logits/kernel",
        "logits/bias",
    ]


@pytest.mark.once
def test_images_that_are_not_stored_as_pixels_are_refused():
    with pytest.raises(SettingError, match="0 to 255"):
        built_in_experiment("xo", {"image_size": 32}, model="mobilenet_025")


@pytest.mark.once
def test_an_unknown_model_gets_backbones_among_the_nearest_names():
    with pytest.raises(UnknownNameError, match="'mobilenet_v2'"):
        built_in_experiment("xo", model="mobilnet_v2")


@pytest.mark.parametrize(
    "options", [{"num_classes": 1}, {"dropout": 1.0}, {"pooling": "mean"}], ids=str
)
def test_a_head_that_cannot_be_is_refused(options):
    body = transfer.backbone("mobilenet_025", (32, 32, 3), weights="none")
    with pytest.raises(SettingError, match=r"classes|dropout|pooling"):
        transfer.classifier(body, **{"num_classes": 2} | options)


def test_its_graph_for_tensorboard_has_the_preprocessing_between_its_layers():
    from cnnkit.tensorboard.event_files import graph_of

    model = transfer.create("mobilenet_025", (32, 32, 3), 2, weights="none")
    names = [node.name for node in graph_of(model).node]
    between = names[names.index(STORED_PIXELS) + 1 : names.index("conv1")]
    assert between
    assert not {layer.name for layer in model.layers} & set(between)
