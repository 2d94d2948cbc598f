"""What `anatomy` counts of a network: weights, work, memory, and what reads what."""

import keras
import numpy as np
import pytest

from cnnkit import models
from cnnkit.errors import SettingError
from cnnkit.keras_graph.deferred_variables import shapes_alone
from cnnkit.models import anatomy

pytestmark = pytest.mark.once


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


@pytest.mark.parametrize(
    ("factory", "parameters", "multiply_adds"),
    [
        (keras.applications.MobileNetV2, 3_538_984, 300_774_272),
        (keras.applications.EfficientNetV2B0, 7_200_312, 718_086_176),
        (keras.applications.ConvNeXtTiny, 28_589_128, 4_455_531_264),
    ],
)
def test_agrees_with_what_is_known_of_keras_own(factory, parameters, multiply_adds):
    with shapes_alone():
        found = anatomy(factory(weights=None))
    assert found.parameters == parameters
    assert found.multiply_adds == multiply_adds


def test_a_nested_model_called_twice_works_twice_and_sees_further():
    image = keras.Input((8, 8, 1), name="image")
    inner = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3, padding="same", name="conv")],
        name="inner",
    )
    model = keras.Model(image, keras.layers.ReLU(name="last")(inner(inner(image))))
    found = anatomy(model)
    assert [row.name for row in found.rows] == ["image", "inner/conv", "inner/conv#2", "last"]
    assert found.multiply_adds == 2 * 64 * 9
    assert found.parameters == model.count_params() == 10
    assert found.row("last").field.size == (5, 5)
    assert found.row("inner/conv#2").reads == ("inner/conv",)


def test_functions_in_the_graph_are_rows_too():
    image = keras.Input((8, 8, 3), name="image")
    maps = keras.layers.Conv2D(4, 3, padding="same", name="conv")(image)
    model = keras.Model(image, keras.layers.Conv2D(4, 3, name="last")(maps + keras.ops.relu(maps)))
    last = anatomy(model).row("last")
    assert last.field.size == (5, 5)
    assert len(last.reads) == 1


def test_texts_begin_with_an_embedding():
    tokens = keras.Input((50,), name="tokens", dtype="int32")
    vectors = keras.layers.Embedding(100, 8, name="embedding")(tokens)
    maps = keras.layers.Conv1D(4, 3, name="conv")(vectors)
    found = anatomy(keras.Model(tokens, maps))
    assert found.row("embedding").parameters == 800
    assert found.multiply_adds == 48 * 3 * 8 * 4
    assert found.row("conv").field.size == (3,)


def test_work_it_cannot_count_is_unknown_and_not_zero():
    steps = keras.Input((8, 4))
    model = keras.Model(steps, keras.layers.Dense(2, name="last")(keras.layers.LSTM(5)(steps)))
    found = anatomy(model)
    assert found.multiply_adds is None
    assert found.row("last").multiply_adds == 10
    assert found.row("last").field.whole


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (keras.layers.Conv2D(6, 3, groups=2), (8, 8, 4), 36 * 9 * 2 * 6),
        (keras.layers.Conv3D(2, 3), (5, 5, 5, 1), 27 * 27 * 2),
        (keras.layers.Conv1DTranspose(6, 3, 2), (8, 4), 8 * 3 * 4 * 6),
        (keras.layers.TimeDistributed(keras.layers.Conv2D(2, 3)), (5, 8, 8, 1), 5 * 36 * 9 * 2),
        (keras.layers.BatchNormalization(), (8, 8, 4), 0),
    ],
)
def test_each_kind_of_layer_multiplies_as_counted_by_hand(layer, shape, multiply_adds):
    assert anatomy(keras.Sequential([keras.Input(shape), layer])).multiply_adds == multiply_adds


def test_half_precision_takes_half_the_memory():
    shape, sizes = (8, 8, 1), {}
    for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
        layer = keras.layers.Conv2D(2, 3, dtype=policy, name="conv")
        row = anatomy(keras.Sequential([keras.Input(shape), layer])).row("conv")
        sizes[policy] = row.activation_bytes(5)
    assert sizes == {"float32": 1440, "mixed_float16": 720, "mixed_bfloat16": 720}
    assert 1440 == 5 * 6 * 6 * 2 * 4


class WrittenAsAClass(keras.Model):
    def __init__(self):
        super().__init__(name="classy")
        self.convolution = keras.layers.Conv2D(2, 3, name="conv")

    def call(self, image):
        return self.convolution(image)


def test_a_model_written_as_a_class_is_one_row_of_another():
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, WrittenAsAClass()(image))
    assert anatomy(model).row("classy").parameters == 20
    assert anatomy(model).multiply_adds is None


def test_a_model_without_a_graph_says_how_to_make_one():
    model = WrittenAsAClass()
    model(np.zeros((1, 8, 8, 1), np.float32))
    with pytest.raises(SettingError, match=r"'classy' has no graph .* keras.Model\(image, model"):
        anatomy(model)
    image = keras.Input((8, 8, 1))
    assert anatomy(keras.Model(image, model.call(image))).multiply_adds == 36 * 9 * 2


@pytest.mark.parametrize("options", [{}, {"pool": "max"}])
def test_a_name_is_counted_as_the_network_that_it_names(options):
    built = anatomy(models.lenet5((32, 32, 3), 7, **options))
    named = anatomy("lenet5", (32, 32, 3), 7, **options)
    assert named.rows == built.rows
    assert anatomy("lenet5").rows == anatomy(models.lenet5((28, 28, 1), 10)).rows


def test_a_built_model_takes_no_shape_and_a_network_without_a_shape_asks_for_one():
    with pytest.raises(SettingError, match="'lenet5' is built already"):
        anatomy(models.lenet5((28, 28, 1), 10), (32, 32, 1))
    models.register("own", models.lenet5)
    with pytest.raises(SettingError, match="'own' was registered without an image_shape"):
        anatomy("own", num_classes=10)
    assert anatomy("own", (28, 28, 1), 10).parameters == 61_706  # as published


@pytest.mark.parametrize(
    ("name", "side"),  # as published: of S4 and C5, and of the last maps of the others
    [("lenet5", 16), ("lenet5_1998", 32), ("vgg16", 212), ("googlenet", 715), ("resnet50", 483)],
)
def test_the_field_of_a_network_is_that_of_its_last_map(name, side):
    assert anatomy(name).receptive_field.size == (side, side)


def test_a_dense_network_has_no_last_map():
    assert (
        anatomy(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])).receptive_field
        is None
    )
    assert anatomy("mlp").receptive_field is None
