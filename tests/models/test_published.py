"""The networks against Keras' own, and against the authors' published definitions."""

import json

import h5py
import keras
import numpy as np
import pytest

from cnnkit import models
from cnnkit.errors import MissingDataError, SettingError
from cnnkit.explain import anatomy

APPLICATIONS = {
    "vgg16": (keras.applications.VGG16, {}),
    "vgg19": (keras.applications.VGG19, {}),
    "resnet50": (keras.applications.ResNet50, {"use_bias": True}),
    "resnet101": (keras.applications.ResNet101, {"use_bias": True}),
    "resnet152": (keras.applications.ResNet152, {"use_bias": True}),
    "densenet121": (keras.applications.DenseNet121, {}),
    "densenet169": (keras.applications.DenseNet169, {}),
    "densenet201": (keras.applications.DenseNet201, {}),
}
FAST = ("vgg16", "resnet50", "densenet121")
CASES = [
    pytest.param(name, size, classes, marks=[] if name in FAST and size == 64 else pytest.mark.slow)
    for name in APPLICATIONS
    for size, classes in ((64, 1), (75, 1000))
]


def gradient(model, images):
    """Of the sum of squared outputs with respect to the images, on any backend."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tensor = tf.convert_to_tensor(images)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            total = keras.ops.sum(keras.ops.square(model(tensor)))
        return np.asarray(tape.gradient(total, tensor))
    import jax

    return np.asarray(jax.grad(lambda x: keras.ops.sum(keras.ops.square(model(x))))(images))


def copy(source, target, rename):
    for layer in target.layers:
        if layer.weights:
            layer.set_weights(source.get_layer(rename.get(layer.name, layer.name)).get_weights())


@pytest.mark.parametrize(("name", "size", "classes"), CASES)
def test_is_the_function_that_keras_has(name, size, classes):
    keras.utils.set_random_seed(0)
    factory, options = APPLICATIONS[name]
    small = {"hidden_units": ()} if name.startswith("vgg") else {}
    if small:  # Keras' dense layers of 4096 are the same Dense; its convolutions are the question
        head = keras.applications.VGG16 if name == "vgg16" else keras.applications.VGG19
        body = head(weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg")
        out = keras.layers.Dense(classes, name="predictions")(body.output)
        theirs = keras.Model(body.input, out)
        options = options | small | {"head": "global"}
    else:
        theirs = factory(
            weights=None, input_shape=(size, size, 3), classes=classes, classifier_activation=None
        )
    ours = models.create(name, (size, size, 3), classes, **options)
    copy(theirs, ours, {"logits": "predictions"})
    images = np.random.default_rng(1).normal(size=(2, size, size, 3)).astype("float32")
    for one, other in (
        (ours.predict(images, verbose=0), theirs.predict(images, verbose=0)),
        (gradient(ours, images), gradient(theirs, images)),
    ):
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()
    # And back: what ours became fits into theirs.
    copy(ours, theirs, {"predictions": "logits"})


def published(shared, part):
    path = shared / "data" / "reference" / "reference_architectures.json"
    return next(network for network in json.loads(path.read_text()) if part in network["name"])


@pytest.mark.parametrize(
    ("name", "part", "image_shape"),
    [
        ("alexnet_2012", "bvlc_alexnet", (227, 227, 3)),
        ("googlenet", "bvlc_googlenet, no", (224, 224, 3)),
        ("vgg16", "configuration D", (224, 224, 3)),
        ("vgg19", "configuration E", (224, 224, 3)),
        ("resnet50", "ResNet-50", (224, 224, 3)),
    ],
)
def test_every_layer_is_as_its_authors_published_it(name, part, image_shape, shared):
    reference = published(shared, part)
    kinds = ("CONVOLUTION", "INNERPRODUCT")
    wanted = [
        ((*layer["output_chw"][1:], layer["output_chw"][0]), layer["macs"])
        for layer in reference["layers"]
        if layer["type"] in kinds
    ]
    with keras.StatelessScope():
        found = anatomy(models.create(name, image_shape, 1000))
    rows = [row for row in found.rows if row.kind in ("Conv2D", "GroupedConv2D", "Dense")]
    ours = [(row.output_shape, row.multiply_adds) for row in rows]
    assert sorted(ours) == sorted(wanted)
    assert found.multiply_adds == reference["total_macs"]
    if name != "resnet50":  # whose batch normalisation the definition counts apart
        parameters = [layer["params"] for layer in reference["layers"] if layer["type"] in kinds]
        assert sorted(row.parameters for row in rows) == sorted(parameters)


@pytest.fixture
def trained(tmp_path):
    """A file of weights in the layout of keras.applications, and the model it came from."""
    keras.utils.set_random_seed(0)
    model = keras.applications.ResNet50(
        weights=None, include_top=True, classes=7, input_shape=(32, 32, 3)
    )
    path = tmp_path / "resnet50.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{index}" for index in range(len(layer.weights))]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, layer.get_weights(), strict=True):
                group[name] = array
    return path, model


def test_reads_the_layout_of_keras_published_files(trained):
    path, theirs = trained
    ours = models.resnet50(
        (32, 32, 3), 7, use_bias=True, weights=path, classifier_activation="softmax"
    )
    images = np.random.default_rng(1).random((2, 32, 32, 3), np.float32)
    np.testing.assert_allclose(
        ours.predict(images, verbose=0), theirs.predict(images, verbose=0), rtol=1e-4
    )


def test_reads_what_keras_saves_itself(tmp_path):
    one, other = (models.vgg_small((32, 32, 3), 5) for _ in range(2))
    one.save_weights(tmp_path / "vgg.weights.h5")
    models.load_weights(other, tmp_path / "vgg.weights.h5")
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_number_of_classes_replaces_the_head_alone_and_says_so(trained):
    path, theirs = trained
    with pytest.warns(UserWarning, match="'logits' stays untrained: .* has 7 classes .* 3"):
        ours = models.resnet50((32, 32, 3), 3, use_bias=True, weights=path)
    np.testing.assert_array_equal(
        ours.get_layer("conv5_block3_3_conv").get_weights()[0],
        theirs.get_layer("conv5_block3_3_conv").get_weights()[0],
    )


@pytest.mark.parametrize(
    ("name", "options", "layer"),
    [
        ("resnet50", {"widths": (32, 64, 128, 256), "use_bias": True}, "conv2_block1_1_conv"),
        ("resnet101", {"use_bias": True}, "conv4_block7_1_conv"),
        ("densenet121", {}, "conv1_conv"),
    ],
)
def test_a_file_for_another_network_is_refused_by_its_first_layer(trained, name, options, layer):
    with pytest.raises(SettingError, match=repr(layer)):
        models.create(name, (32, 32, 3), 7, weights=trained[0], **options)


@pytest.mark.parametrize("channels", [1, 4])
def test_a_first_convolution_adapts_to_other_channels_when_asked(trained, channels):
    path, theirs = trained
    ours = models.resnet50((32, 32, channels), 7, use_bias=True)
    with pytest.raises(SettingError, match="'conv1_conv' needs shapes"):
        models.load_weights(ours, path)
    models.load_weights(ours, path, adapt_channels=True)
    grey = np.random.default_rng(1).random((2, 32, 32, 1), np.float32)
    logits = keras.Model(theirs.input, theirs.get_layer("avg_pool").output)
    same = keras.Model(ours.input, ours.get_layer("avg_pool").output)
    np.testing.assert_allclose(
        same.predict(np.repeat(grey, channels, axis=-1), verbose=0),
        logits.predict(np.repeat(grey, 3, axis=-1), verbose=0),
        rtol=1e-3,
        atol=1e-6,
    )


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all"])
def test_what_is_no_weights_file_is_refused(tmp_path, content):
    path = tmp_path / "weights.h5"
    path.write_bytes(content)
    with pytest.raises(SettingError, match="not a file of Keras weights"):
        models.resnet50((32, 32, 3), 7, weights=path)


def test_a_weights_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"no weights file .*none\.h5"):
        models.resnet50((32, 32, 3), 7, weights=tmp_path / "none.h5")


def test_without_network_the_error_names_file_and_folder(tmp_path, monkeypatch):
    def unreachable(*arguments, **options):
        raise Exception("URL fetch failure on https://...: None -- unreachable")

    monkeypatch.setattr(keras.utils, "get_file", unreachable)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(MissingDataError) as caught:
        models.vgg16((32, 32, 3), 7, weights="imagenet", include_top=False)
    assert "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5" in str(caught.value)
    assert str(tmp_path / "models") in str(caught.value)


def test_a_network_without_published_weights_names_those_that_have_them():
    with pytest.raises(SettingError, match="no ImageNet weights for 'vgg13'; there are for vgg16"):
        models.vgg13((32, 32, 3), 7, weights="imagenet", include_top=False)


def test_asks_keras_for_the_files_and_hashes_that_keras_itself_asks_for(monkeypatch):
    asked = []

    def note(fname, origin, cache_subdir, file_hash):
        asked.append((fname, origin, cache_subdir, file_hash))
        raise Exception("not now")

    from keras.src.applications import densenet, resnet, vgg16, vgg19

    monkeypatch.setattr(keras.utils, "get_file", note)
    for module in (vgg16, vgg19, resnet, densenet):
        monkeypatch.setattr(module.file_utils, "get_file", note)
    for name, (factory, _) in APPLICATIONS.items():
        if name not in FAST:
            continue
        with pytest.raises(MissingDataError):
            models.create(name, (32, 32, 3), 1000, weights="imagenet", include_top=False)
        with pytest.raises(Exception, match="not now"):
            factory(weights="imagenet", include_top=False, input_shape=(32, 32, 3))
        assert asked[-1] == asked[-2]
