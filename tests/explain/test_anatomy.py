import itertools

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnnkit import models
from cnnkit.explain import anatomy


def impulse_reach(model, layer, position):
    """First and last input pixel an axis that one value of a feature map depends on, by gradient."""
    maps = keras.Model(model.input, model.get_layer(layer).output)
    shape = tuple(model.input.shape[1:])
    # Random inputs and positive weights: nothing that is connected cancels.
    for weight in maps.weights:
        weight.assign(np.random.default_rng(0).uniform(0.5, 1, weight.shape))
    image = np.random.default_rng(1).uniform(0.5, 1, (1, *shape)).astype("float32")
    where = (0, *position, 0)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tensor = tf.convert_to_tensor(image)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = maps(tensor)[where]
        found = np.asarray(tape.gradient(value, tensor))
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
        seen = [
            (max(first, 0), min(last, size - 1)) for first, last in row.field.of_unit(*position)
        ]
        assert impulse_reach(model, layer, position) == seen


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
    with keras.StatelessScope():
        found = anatomy(models.create(name, facts["image_shape"], 10, include_top=False))
    assert found.row(layer).field.size == (size, size)


def test_lenet5s_fields_grow_as_the_paper_says():
    found = anatomy(models.lenet5_1998())
    sizes = [found.row(name).field.size[0] for name in ("C1", "S2", "C3", "S4", "C5")]
    assert sizes == [5, 6, 14, 16, 32]


def test_the_field_of_lenet5_is_where_the_gradient_is():
    model = models.lenet5((32, 32, 1), 10, activation="linear")
    field = anatomy(model).row("S4").field
    assert impulse_reach(model, "S4", (2, 1)) == [tuple(ends) for ends in field.of_unit(2, 1)]


def test_branches_meet_in_the_larger_field():
    image = keras.Input((16, 16, 3), name="image")
    near = keras.layers.Conv2D(4, 1, name="near")(image)
    far = keras.layers.Conv2D(4, 5, padding="same", name="far")(image)
    model = keras.Model(image, keras.layers.Concatenate(name="both")([near, far]))
    row = anatomy(model).row("both")
    assert row.field.size == (5, 5)
    assert row.reads == ("near", "far")


def test_a_shared_layer_has_its_weights_once_and_its_work_twice():
    shared = keras.layers.Dense(4, name="shared")
    one, two = keras.Input((3,), name="one"), keras.Input((3,), name="two")
    model = keras.Model([one, two], keras.layers.Add(name="sum")([shared(one), shared(two)]))
    found = anatomy(model)
    assert found.parameters == model.count_params() == 16
    assert found.multiply_adds == 2 * 12


def test_a_nested_model_is_opened():
    inner = keras.Sequential(
        [keras.Input((12, 12, 1)), keras.layers.Conv2D(2, 3, name="conv")], name="inner"
    )
    image = keras.Input((12, 12, 1), name="image")
    maps = inner(keras.layers.ZeroPadding2D(1, name="pad")(image[:, 1:-1, 1:-1]))
    model = keras.Model(image, keras.layers.Conv2D(1, 3, name="outer")(maps))
    found = anatomy(model)
    assert found.row("inner/conv").multiply_adds == 10 * 10 * 9 * 2
    assert found.row("outer").reads == ("inner/conv",)
    assert found.parameters == model.count_params()


def test_one_dimension_counts_likewise():
    model = models.convnet((100, 2), 5, depths=(1,), widths=(4,), kernel_size=3)
    found = anatomy(model)
    assert found.row("conv1_1").multiply_adds == 100 * 3 * 2 * 4
    assert found.row("conv1_1").field.size == (3,)


def test_separable_and_depthwise_kernels_count_what_they_multiply():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
            keras.layers.SeparableConv2D(5, 3, padding="same", name="separable"),
        ]
    )
    found = anatomy(model)
    assert found.row("depthwise").multiply_adds == 64 * 9 * 3
    assert found.row("separable").multiply_adds == 64 * (9 * 3 + 3 * 5)


def test_an_open_size_leaves_the_work_open():
    found = anatomy(models.convnet((None, None, 3), 5, head="global"))
    assert found.multiply_adds is None
    assert found.row("conv1_1").activation_bytes() is None
    assert found.parameters > 0


def test_agrees_with_keras_on_mobilenet():
    model = keras.applications.MobileNetV2(weights=None)
    found = anatomy(model)
    assert found.parameters == model.count_params() == 3_538_984
    assert found.multiply_adds == 300_774_272
