"""The walkthrough: every number by NumPy, and equal to the model's own."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnkit import explain, models
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.models.families import layers as families

# Between them, every kind of layer that our factories use.
SMALL = {
    "convnet": ((12, 12, 2), {"depths": (2, 1), "batch_normalization": True, "dropout": 0.5}),
    "convnet average": ((12, 12, 1), {"pool": "average", "head": "global", "strides": 2}),
    "convnet sequence": ((30, 2), {"pool_before_activation": True, "kernel_size": 4}),
    "lenet5_1998": ((28, 28, 1), {}),
    "mlp": ((8, 8, 1), {}),
    "resnet_cifar": ((16, 16, 3), {"depth": 8}),
}
LARGE = {
    "vgg11_lrn": ((32, 32, 3), {}),
    "alexnet_2012": ((67, 67, 3), {}),
    "googlenet": ((64, 64, 3), {}),
    "resnet18": ((33, 33, 3), {}),
    "densenet_bc": ((16, 16, 3), {"depth": 10}),
}


def untrained(name):
    image_shape, options = (SMALL | LARGE)[name]
    keras.utils.set_random_seed(1)
    model = models.create(name.split()[0], image_shape, 10, **options)
    rng = np.random.default_rng(2)
    for layer in model.layers:  # statistics and biases of zero and one would hide mistakes
        if layer.weights and not isinstance(layer, (layers.Conv2D, layers.Dense)):
            layer.set_weights([w + rng.uniform(0, 0.2, w.shape) for w in layer.get_weights()])
    return model, rng.uniform(-1, 1, image_shape).astype("float32")


@pytest.mark.parametrize(
    "name", [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]
)
def test_every_layer_by_numpy_equals_the_models_own(name):
    model, image = untrained(name)
    walk = explain.walkthrough(model, image)
    assert {step.path: step.error for step in walk.steps if not (step.error or 0) < 1e-4} == {}
    assert all(step.numpy_output is not None for step in walk.steps)
    own = model.predict(image[None], verbose=0)[0]
    np.testing.assert_allclose(walk.logits, own, rtol=1e-3, atol=1e-3 * np.abs(own).max())


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_kinds_of_layers_that_only_large_networks_have(padding):
    keras.utils.set_random_seed(2)
    image = keras.Input((11, 9, 4))
    maps = families.LocalResponseNormalization(size=3, alpha=0.3)(image)
    left = families.GroupedConv2D(6, 3, strides=2, padding=padding, groups=2)(maps)
    right = layers.DepthwiseConv2D(3, strides=2, padding=padding, depth_multiplier=2)(maps)
    both = layers.Concatenate()([left, right])
    pooled = layers.AveragePooling2D(3, 2, padding=padding)(both)
    scaled = layers.Multiply()([pooled, layers.Conv2D(14, 1, activation="sigmoid")(pooled)])
    framed = layers.ZeroPadding2D(((1, 0), (2, 1)))(scaled)
    spread = layers.Conv2D(3, 2, dilation_rate=2, padding=padding, activation="gelu")(framed)
    model = keras.Model(image, layers.Dense(3)(layers.GlobalMaxPooling2D()(spread)))
    walk = explain.walkthrough(model, np.random.default_rng(0).normal(size=(11, 9, 4)))
    assert max(step.error for step in walk.steps) < 1e-5


@pytest.mark.slow
def test_every_layer_of_a_pretrained_network_by_numpy(mobilenet, photographs):
    walk = explain.walkthrough(mobilenet, photographs[0])
    assert {step.path: step.error for step in walk.steps if not (step.error or 0) < 1e-4} == {}
    own = mobilenet.predict(photographs[:1], verbose=0)[0]
    np.testing.assert_allclose(walk.probabilities, own, atol=1e-4)
    assert walk.label == own.argmax()
    assert len(walk.steps) == len(mobilenet.layers) - 1  # all but the input


def two_filters():
    """A network one can do in one's head, and its image."""
    model = keras.Sequential(
        [
            keras.Input((5, 5, 1)),
            layers.Conv2D(2, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(2, name="logits"),
        ]
    )
    right = np.array([[-1, 0, 1]] * 3)
    model.get_layer("conv").set_weights(
        [np.stack([right, right.T], -1)[:, :, None], np.array([0.0, 1.0])]
    )
    model.get_layer("logits").set_weights(
        [np.array([[1.0, 0.0], [0.5, -2.0]]), np.array([0.0, 0.25])]
    )
    image = np.array(
        [
            [1, 1, 1, 0, 0],
            [0, 1, 1, 1, 0],
            [0, 0, 1, 1, 1],
            [0, 0, 1, 1, 0],
            [0, 1, 1, 0, 0],
        ]
    )  # the textbook's picture
    return model, image[..., None].astype("float32")


def test_a_unit_is_what_one_works_out_on_paper():
    model, image = two_filters()
    walk = explain.walkthrough(model, image, layer="conv", filter_index=1, position=(1, 0), label=1)
    unit = walk.unit
    # Rows 1 to 3, columns 0 to 2; the kernel subtracts the row above from the row below.
    np.testing.assert_array_equal(unit.patch[..., 0], [[0, 1, 1], [0, 0, 1], [0, 0, 1]])
    np.testing.assert_array_equal(unit.kernel[..., 0], [[-1, -1, -1], [0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(unit.products[..., 0], [[0, -1, -1], [0, 0, 0], [0, 0, 1]])
    assert (unit.weighted_sum, unit.bias, unit.pre_activation, unit.value) == (-1, 1, 0, 0)
    assert unit.activation == "relu"


def test_the_value_is_followed_through_pooling_into_the_flat_list():
    model, image = two_filters()
    walk = explain.walkthrough(model, image, layer="conv", filter_index=0, position=(1, 0))
    pool, flat = walk.path
    assert (pool.layer, pool.kind, pool.index) == ("pool", "MaxPooling2D", (0, 0, 0))
    # The four values of filter 0 by hand: right column minus left column.
    np.testing.assert_array_equal(pool.window, [[2, 0], [3, 2]])
    assert pool.value == pool.window.max()
    assert (flat.layer, flat.index, flat.value) == ("flatten", (0,), 3.0)


def test_a_value_on_the_border_that_pooling_leaves_out_goes_nowhere():
    model, image = two_filters()
    assert (
        explain.walkthrough(model, image, layer="conv", filter_index=0, position=(2, 2)).path == ()
    )


def test_votes_add_up_to_the_logits_and_name_the_strongest_inputs():
    model, image = two_filters()
    walk = explain.walkthrough(model, image, label=1)
    votes = walk.votes
    np.testing.assert_allclose(votes.contributions.sum(axis=0) + votes.bias, walk.logits)
    np.testing.assert_array_equal(votes.contributions[:, 1], [0, votes.inputs[1] * -2])
    in_favour, against = votes.strongest(1)
    assert in_favour.tolist() == []
    assert against.tolist() == [1]
    assert votes.origin(1) == (0, 0, 1)


def test_softmax_and_cross_entropy_are_those_of_keras(digits_model, digits):
    images, labels = digits
    walk = explain.walkthrough(digits_model, images[1500], label=int(labels[1500]))
    logits = digits_model.predict(images[1500:1501], verbose=0)
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert walk.loss == pytest.approx(float(crossentropy(labels[1500:1501], logits)), rel=1e-3)
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0]
    np.testing.assert_allclose(walk.probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "logits"])
def test_the_gradient_is_that_of_finite_differences(digits_model, digits, layer):
    images, labels = digits
    label = int(labels[7] + 1) % 10  # a wrong one, for a large gradient
    walk = explain.walkthrough(digits_model, images[7], label=label, layer=layer)
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = digits_model.get_layer(layer).get_weights()
    rng = np.random.default_rng(0)
    for place in [tuple(rng.integers(0, walk.unit.kernel.shape)) for _ in range(3)]:
        losses = []
        for change in (-5e-4, 5e-4):
            changed = [weight.copy() for weight in weights]
            changed[0][(*place, walk.unit.filter_index)] += change
            digits_model.get_layer(layer).set_weights(changed)
            logits = digits_model.predict_on_batch(images[7:8])
            losses.append(float(crossentropy(np.array([label]), logits)))
        digits_model.get_layer(layer).set_weights(weights)
        slope = (losses[1] - losses[0]) / 1e-3
        assert walk.gradient_step.kernel_gradient[place] == pytest.approx(slope, rel=2e-2, abs=5e-3)


def test_one_step_back_is_one_step_of_keras_sgd_on_that_filter(digits_model, digits):
    images, labels = digits
    wrong = int(labels[7] + 1) % 10
    walk = explain.walkthrough(
        digits_model, images[7], label=wrong, layer="conv2", learning_rate=0.1
    )
    copy = keras.models.clone_model(digits_model)
    copy.set_weights(digits_model.get_weights())
    copy.compile(
        keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    copy.train_on_batch(images[7:8], np.array([wrong]))
    kernel, bias = copy.get_layer("conv2").get_weights()
    chosen = walk.unit.filter_index
    np.testing.assert_allclose(walk.gradient_step.updated_kernel, kernel[..., chosen], atol=1e-5)
    assert walk.gradient_step.updated_bias == pytest.approx(bias[chosen], abs=1e-5)
    assert walk.gradient_step.loss_after < walk.loss


def test_the_loss_of_a_model_that_is_sure_is_not_rounded_away(digits_model, digits):
    images, labels = digits
    sure = keras.models.clone_model(digits_model)
    *features, kernel, bias = digits_model.get_weights()
    sure.set_weights([*features, 3 * kernel, 3 * bias])
    walk = explain.walkthrough(sure, images[7], label=int(labels[7]), learning_rate=0)
    assert 0 < walk.loss < 1e-4
    # What float32 rounds in logits of a hundred or more is a factor here.
    assert walk.gradient_step.loss_after == pytest.approx(walk.loss, rel=0.02)


def test_the_model_is_left_as_it_was(digits_model, digits):
    before = digits_model.get_weights()
    explain.walkthrough(digits_model, digits[0][0])
    for one, other in zip(before, digits_model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert digits_model.get_layer("conv1").activation is keras.activations.relu


@pytest.mark.parametrize("ending", ["softmax", "sigmoid", "softmax layer", "operation", "logit"])
def test_any_ending_of_a_classifier_is_understood(ending):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 1))
    flat = layers.Flatten()(layers.Conv2D(3, 3)(inputs))
    one = ending in ("sigmoid", "logit")
    logits = layers.Dense(1 if one else 4)(flat)
    endings = {
        "softmax": lambda: layers.Activation("softmax")(logits),
        "sigmoid": lambda: layers.Activation("sigmoid")(logits),
        "softmax layer": lambda: layers.Softmax()(logits),
        "operation": lambda: keras.ops.softmax(logits),
        "logit": lambda: logits,
    }
    model = keras.Model(inputs, endings[ending]())
    image = np.random.default_rng(0).uniform(size=(6, 6, 1)).astype("float32")
    walk = explain.walkthrough(model, image)
    own = keras.Model(inputs, logits).predict(image[None], verbose=0)[0]
    if one:
        assert walk.logits[1] - walk.logits[0] == pytest.approx(own[0], abs=1e-5)
        assert walk.probabilities[1] == pytest.approx(1 / (1 + np.exp(-own[0])), abs=1e-5)
    else:
        np.testing.assert_allclose(walk.logits, own, atol=1e-5)
    assert walk.label == walk.probabilities.argmax()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layer": "pool1"}, "'pool1' cannot be used here; use one of conv1, conv2, logits"),
        ({"filter_index": 8}, "filters 0 to 7, not 8"),
        ({"position": (8, 0)}, r"maps of \(8, 8\), with no position \(8, 0\)"),
        ({"label": 10}, "There is no class 10: model 'digits_model' has 10, from 0 to 9"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(digits_model, digits, options, sentence):
    with pytest.raises(SettingError, match=sentence):
        explain.walkthrough(digits_model, digits[0][0], **options)


def test_a_misspelt_layer_is_answered_with_the_nearest(digits_model, digits):
    with pytest.raises(UnknownNameError, match="did you mean 'conv1'"):
        explain.walkthrough(digits_model, digits[0][0], layer="conf1")


def test_an_image_of_another_size_is_answered_with_the_right_one(digits_model):
    with pytest.raises(SettingError, match=r"takes images of shape \(8, 8, 1\), not \(28, 28, 1\)"):
        explain.walkthrough(digits_model, np.zeros((28, 28, 1)))


def test_several_inputs_are_refused():
    inputs = [keras.Input((4, 4, 1)), keras.Input((4, 4, 1))]
    model = keras.Model(inputs, layers.Flatten()(layers.Add()(inputs)))
    with pytest.raises(SettingError, match="has 2 inputs"):
        explain.walkthrough(model, np.zeros((4, 4, 1)))
