"""VGG, ResNet and DenseNet are the functions that keras.applications has: an independent oracle."""

import keras
import numpy as np
import pytest

from cnnkit.keras_graph.deferred_variables import shapes_alone
from cnnkit.models.families import densenet, resnet, vgg

with_bias = {"use_bias": True}
# ours, theirs, our options
PAIRS = {
    "vgg16": (vgg.vgg16, keras.applications.VGG16, {}),
    "vgg19": (vgg.vgg19, keras.applications.VGG19, {}),
    "resnet50": (resnet.resnet50, keras.applications.ResNet50, with_bias),
    "resnet101": (resnet.resnet101, keras.applications.ResNet101, with_bias),
    "resnet152": (resnet.resnet152, keras.applications.ResNet152, with_bias),
    "densenet121": (densenet.densenet121, keras.applications.DenseNet121, {}),
    "densenet169": (densenet.densenet169, keras.applications.DenseNet169, {}),
    "densenet201": (densenet.densenet201, keras.applications.DenseNet201, {}),
}
FAST = {"vgg16": ()}  # the others compile for long
QUICK = ("vgg16", "resnet50")  # where nothing is computed
CASES = [
    pytest.param(
        name, shape, classes,
        marks=FAST[name] if (name in FAST and classes == 1) else pytest.mark.slow,
    )
    for name in PAIRS
    for shape, classes in (((32, 48, 3), 1), ((64, 32, 3), 1000))
]  # fmt: skip


def _pair(name, shape, classes):
    ours, theirs, options = PAIRS[name]
    return (
        ours(shape, classes, **options),
        theirs(weights=None, input_shape=shape, classes=classes, classifier_activation=None),
    )


def _difference(one, other):
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape
    return np.abs(one - other).max() / np.abs(other).max()


@pytest.mark.once
@pytest.mark.parametrize(("name", "shape", "classes"), CASES)
def test_gives_the_outputs_and_gradients_that_keras_gives(
    name, shape, classes, give_random_weights, gradients
):
    ours, theirs = _pair(name, shape, classes)
    give_random_weights(theirs)
    ours.set_weights(theirs.get_weights())
    random = np.random.default_rng(1)
    images = random.normal(size=(2, *shape)).astype("float32")
    wanted = theirs.predict(images, verbose=0)
    assert np.ptp(wanted) > 0
    assert _difference(ours.predict(images, verbose=0), wanted) < 1e-5
    direction = random.normal(size=wanted.shape).astype("float32")
    pairs = zip(
        gradients(ours, images, direction), gradients(theirs, images, direction), strict=True
    )
    assert max(_difference(one, other) for one, other in pairs) < 1e-5


@pytest.mark.once
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in PAIRS]
)
def test_has_the_weights_that_keras_has_in_their_order_and_under_their_names(name):
    # In this order Keras reads its published files, whatever the names in them.
    with shapes_alone():
        ours, theirs = _pair(name, (32, 32, 3), 1000)
        found, wanted = (
            [
                (weight.path.replace("predictions", "logits"), tuple(weight.shape))
                for weight in model.weights
            ]
            for model in (ours, theirs)
        )
    assert found == wanted
