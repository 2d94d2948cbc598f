"""Which part of an input each value of a network sees: against gradients and published numbers."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from cnnkit import models, transfer
from cnnkit.keras_graph.deferred_variables import shapes_alone
from cnnkit.models import anatomy

pytestmark = pytest.mark.once


def impulse_reach(model, layer, position):
    """First and last input pixel an axis that one value of a feature map depends on, by gradient."""
    maps = keras.Model(model.inputs[0], model.get_layer(layer).output)
    shape = tuple(model.inputs[0].shape[1:])
    # Random inputs and positive weights: nothing that is connected cancels.
    for weight in maps.weights:
        weight.assign(np.random.default_rng(0).uniform(0.5, 1, weight.shape))
    image = np.random.default_rng(1).uniform(0.5, 1, (1, *shape)).astype("float32")
    where = (0, *position, 0)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # In a graph, which leaves out what nobody asks for: TensorFlow 2.21 crashes on CPUs in the
        # kernel's gradient of a 1 x 1 convolution with strides over a single map.
        @tf.function
        def gradient(tensor):
            return tf.gradients(maps(tensor)[where], tensor)[0]

        found = np.asarray(gradient(tf.convert_to_tensor(image)))
    else:
        import jax

        found = np.asarray(jax.grad(lambda x: maps(x)[where])(image))
    touched = np.argwhere(np.abs(found[0]).sum(axis=-1) > 0)
    return [(int(low), int(high)) for low, high in zip(touched.min(0), touched.max(0), strict=True)]


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(9, 24),
    kernel=st.integers(1, 5),
    strides=st.integers(1, 3),
    padding=st.sampled_from(["same", "valid"]),
    dilation=st.integers(1, 2),
    pool=st.integers(1, 3),
    channels=st.integers(1, 3),
    filters=st.integers(1, 4),
)
def test_counts_and_fields_are_those_of_brute_force(
    size, kernel, strides, padding, dilation, pool, channels, filters
):
    assume(strides == 1 or dilation == 1)  # Keras allows only one of them
    assume(padding == "same" or (size - (kernel - 1) * dilation - 1) // strides + 1 >= pool + 1)
    image = keras.Input((size, size, channels))
    maps = keras.layers.Conv2D(
        filters, kernel, strides, padding, dilation_rate=dilation, name="conv"
    )(image)
    assume(maps.shape[1] >= pool)
    maps = keras.layers.AveragePooling2D(pool, 1, name="pool")(maps)
    maps = keras.layers.Conv2D(2, 2, padding="same", name="last")(maps)
    model = keras.Model(image, maps)
    found = anatomy(model)

    convolution = found.row("conv")
    height, width, _ = convolution.output_shape
    places = itertools.product(range(height), range(width), range(filters))
    window = kernel * kernel * channels
    assert convolution.multiply_adds == sum(window for _ in places)
    assert convolution.parameters == window * filters + filters
    assert found.parameters == model.count_params()
    assert convolution.activation_bytes(3) == 3 * 4 * height * width * filters

    middle = tuple(n // 2 for n in found.row("last").output_shape[:2])
    for layer in ("conv", "pool", "last"):
        row = found.row(layer)
        position = tuple(min(n - 1, m) for n, m in zip(row.output_shape, middle, strict=False))
        touched = impulse_reach(model, layer, position)
        for (low, high), (first, last) in zip(touched, row.field.of_unit(*position), strict=True):
            # Where a field reaches over the border, zeros inside the network may hide more of it.
            assert first <= low <= high <= last
            assert (low, high) == (first, last) or first < 0 or last >= size


@pytest.mark.parametrize(
    ("name", "layer", "size"),
    [
        ("vgg11", "block5_pool", 150),
        ("vgg13", "block5_pool", 156),
        ("vgg16", "block5_pool", 212),
        ("vgg19", "block5_pool", 268),
        ("alexnet", "pool5", 195),
        ("googlenet", "inception_5b_output", 715),
        ("resnet18", "conv5_block2_out", 435),
        ("resnet50", "conv5_block3_out", 483),
        ("densenet121", "relu", 2071),
    ],
)
def test_receptive_fields_are_the_published_ones(name, layer, size):
    facts = models.entry(name).facts
    with shapes_alone():
        found = anatomy(models.create(name, facts["image_shape"], 10, include_top=False))
    assert found.row(layer).field.size == (size, size)


@pytest.mark.filterwarnings("ignore:.*is untrained")
@pytest.mark.parametrize(
    ("name", "size"),  # Araujo et al. 2019, https://distill.pub/2019/computing-receptive-fields
    [("mobilenet", 315), ("vgg16", 212), ("inception_v3", 1311), ("mobilenet_v2", 491)],
)
def test_the_field_of_a_backbone_survives_its_preprocessing(name, size):
    # 491 by hand: 1 + 2 (3 x 3 convolutions: 1 at stride 1, 2 at 2, 2 at 4, 3 at 8, 7 at 16, 3 at 32).
    assert 1 + 2 * (1 + 2 * 2 + 2 * 4 + 3 * 8 + 7 * 16 + 3 * 32) == 491
    with shapes_alone():
        backbone = transfer.backbone(name, (224, 224, 3), weights="none")
    image = keras.Input((224, 224, 3))
    nested = keras.Model(image, backbone(image))  # as in a run's model
    assert anatomy(nested).rows[-1].field.size == (size, size)


@pytest.mark.parametrize("mode", ["tf", "caffe", "torch"])
def test_preprocessing_of_keras_applications_keeps_the_field_where_the_gradient_is(mode):
    image = keras.Input((9, 9, 3))
    pixels = keras.applications.imagenet_utils.preprocess_input(image, mode=mode)
    model = keras.Model(image, keras.layers.Conv2D(1, 3, name="conv")(pixels))
    field = anatomy(model).row("conv").field
    assert impulse_reach(model, "conv", (2, 4)) == [tuple(ends) for ends in field.of_unit(2, 4)]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: keras.ops.pad(x, ((0, 0), (2, 1), (0, 3), (0, 0))),
        lambda x: keras.ops.stack([x[..., 1], x[:, :, :, 0]], axis=3),
        lambda x: keras.ops.flip(x, axis=-1),
        lambda x: keras.ops.concatenate([x, x**2], axis=-1),
        lambda x: keras.ops.cast(keras.ops.clip(x, 0, 1), "float32"),
        lambda x: keras.layers.CenterCrop(6, 8)(x),
        lambda x: keras.layers.RandomGrayscale()(x),
    ],
)
def test_a_function_that_leaves_places_apart_keeps_the_field(change):
    image = keras.Input((9, 9, 3))
    maps = keras.layers.Conv2D(1, 3, name="conv")(change(image))
    model = keras.Model(image, maps)
    field = anatomy(model).row("conv").field
    assert impulse_reach(model, "conv", (3, 3)) == [tuple(ends) for ends in field.of_unit(3, 3)]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[:, ::-1],
        lambda x: x[:, 0],
        lambda x: x[:, None],
        lambda x: keras.ops.flip(x, axis=1),
        lambda x: keras.ops.flip(x),
        lambda x: keras.ops.concatenate([x, x], axis=2),
        lambda x: keras.ops.stack([x, x], axis=-3),
        lambda x: keras.ops.transpose(x, (0, 2, 1, 3)),
        lambda x: keras.ops.mean(x, axis=1, keepdims=True),
        lambda x: keras.layers.Resizing(7, 7)(x),
        lambda x: keras.layers.CenterCrop(12, 12)(x),
    ],
)
def test_a_function_that_moves_places_makes_the_field_unknown(change):
    image = keras.Input((9, 9, 3))
    model = keras.Model(image, keras.layers.Activation("relu", name="last")(change(image)))
    assert anatomy(model).row("last").field is None


def test_lenet5s_fields_grow_as_the_paper_says():
    found = anatomy(models.lenet5_1998())
    sizes = [found.row(name).field.size[0] for name in ("C1", "S2", "C3", "S4", "C5")]
    assert sizes == [5, 6, 14, 16, 32]


def test_the_field_of_lenet5_is_where_the_gradient_is():
    model = models.lenet5((32, 32, 1), 10, activation="linear")
    field = anatomy(model).row("S4").field
    assert impulse_reach(model, "S4", (2, 1)) == [tuple(ends) for ends in field.of_unit(2, 1)]


def test_what_a_place_in_a_spectrogram_sees_is_not_known():
    image = keras.Input((4000,), name="sound")
    maps = keras.layers.MelSpectrogram(name="mel")(image)
    found = anatomy(keras.Model(image, keras.layers.Conv1D(2, 3, name="conv")(maps)))
    assert found.row("mel").field is None
    assert found.row("conv").field is None


def test_branches_meet_in_the_larger_field():
    image = keras.Input((16, 16, 3), name="image")
    near = keras.layers.Conv2D(4, 1, name="near")(image)
    far = keras.layers.Conv2D(4, 5, padding="same", name="far")(image)
    model = keras.Model(image, keras.layers.Concatenate(name="both")([near, far]))
    row = anatomy(model).row("both")
    assert row.field.size == (5, 5)
    assert row.reads == ("near", "far")


@pytest.mark.parametrize(
    ("layers", "shape", "position"),
    [
        ([keras.layers.Conv1D(1, 3, padding="causal", dilation_rate=2)], (12, 1), (7,)),
        ([keras.layers.Dense(2), keras.layers.Conv1D(1, 3)], (12, 1), (4,)),
        ([keras.layers.Cropping2D(((1, 2), (3, 0))), keras.layers.Conv2D(1, 2)], (9, 9, 1), (2, 3)),
        (
            [keras.layers.ZeroPadding2D(((2, 0), (1, 1))), keras.layers.Conv2D(1, 3, 2)],
            (9, 9, 1),
            (2, 3),
        ),
        ([keras.layers.AveragePooling3D(2), keras.layers.Conv3D(1, 2)], (8, 8, 8, 1), (1, 2, 0)),
        ([keras.layers.SeparableConv2D(1, 3, padding="same")], (7, 7, 2), (3, 3)),
    ],
)
def test_each_kind_of_layer_sees_what_its_gradient_sees(layers, shape, position):
    model = keras.Sequential([keras.Input(shape), *layers])
    last = layers[-1].name
    seen = anatomy(model).row(last).field.of_unit(*position)
    clipped = [(max(a, 0), min(b, n - 1)) for (a, b), n in zip(seen, shape, strict=False)]
    assert impulse_reach(model, last, position) == clipped


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.UpSampling2D(2),
        keras.layers.Conv2DTranspose(2, 3, 2),
        keras.layers.Permute((2, 1, 3)),
        keras.layers.Reshape((4, 16, 2)),
        keras.layers.Concatenate(axis=1),
    ],
)
def test_a_field_it_cannot_compute_is_unknown_and_not_guessed(layer):
    image = keras.Input((8, 8, 2))
    many = isinstance(layer, keras.layers.Concatenate)
    maps = layer([image, image] if many else image)
    last = anatomy(keras.Model(image, keras.layers.Conv2D(1, 3, name="last")(maps))).row("last")
    assert last.field is None


@pytest.mark.parametrize("product", ["layer", "operator"])
def test_squeeze_and_excitation_leaves_the_field_of_the_maps(product):
    image = keras.Input((24, 24, 2))
    maps = keras.layers.Conv2D(3, 3, strides=2, padding="same")(image)
    factors = keras.layers.GlobalAveragePooling2D(keepdims=True)(maps)
    factors = keras.layers.Conv2D(3, 1, activation="hard_sigmoid")(factors)
    factors = keras.ops.stop_gradient(factors)  # the gradient below goes through the maps alone
    scaled = keras.layers.Multiply()([maps, factors]) if product == "layer" else factors * maps
    model = keras.Model(image, keras.layers.Conv2D(2, 5, padding="same", name="after")(scaled))
    field = anatomy(model).row("after").field
    assert not field.whole
    assert list(field.of_unit(6, 5)) == impulse_reach(model, "after", (6, 5))


def test_maps_that_are_multiplied_by_others_of_their_size_see_both():
    image = keras.Input((24, 24, 2))
    wide, narrow = (
        keras.layers.Conv2D(3, 7, padding="same"),
        keras.layers.Conv2D(3, 3, padding="same"),
    )
    outputs = keras.layers.Multiply(name="both")([wide(image), narrow(image)])
    assert anatomy(keras.Model(image, outputs)).row("both").field.size == (7, 7)
