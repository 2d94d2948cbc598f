"""The page computes each kind of layer as Keras does, and its gradients as TensorFlow does."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras_oracle import check_answers, prepare_page, random_weights
from page_engine import run_jobs

from cnnkit.models.families import layers as own_layers, lenet5_1998

pytestmark = pytest.mark.once

SHAPE = (9, 8, 3)


def _normalization(maps):
    layer = layers.Normalization()
    layer.adapt(np.random.default_rng(3).normal(2, 3, (20, *SHAPE)))
    return layer(maps)


def _twice(maps):
    shared = layers.Conv2D(3, 3, padding="same", activation="tanh")
    return shared(shared(maps))


def _nested(maps):
    inside = keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(4, 3), layers.BatchNormalization()], name="body"
    )
    return layers.ReLU()(inside(maps))


def _frozen(maps):
    layer = layers.Conv2D(4, 3, trainable=False)
    return layer(layers.Conv2D(2, 3)(maps))


CASES = {
    "conv": layers.Conv2D(5, 3),
    "conv same strides 2": layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False),
    "conv uneven": layers.Conv2D(6, (2, 5), strides=(3, 1), padding="same", activation="relu"),
    "conv dilation": layers.Conv2D(4, 3, dilation_rate=(2, 3), padding="same", activation="gelu"),
    "conv 1 x 1": layers.Conv2D(7, 1, activation="elu"),
    "conv 1 x 1 strides 2": layers.Conv2D(7, 1, strides=2, activation="swish"),
    "conv groups": lambda maps: own_layers.GroupedConv2D(8, 3, groups=2)(layers.Conv2D(4, 1)(maps)),
    "depthwise": layers.DepthwiseConv2D(3, padding="same", activation="tanh"),
    "depthwise multiplier": layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2),
    "separable": layers.SeparableConv2D(5, 3, padding="same", activation="relu6"),
    "separable multiplier": layers.SeparableConv2D(5, (3, 2), strides=2, depth_multiplier=3),
    "dense on maps": layers.Dense(6, activation="leaky_relu"),
    "max pooling": layers.MaxPooling2D(2),
    "max pooling of equals": lambda maps: layers.MaxPooling2D(3, strides=2)(
        layers.ReLU(max_value=0.5)(maps)
    ),
    "maximum of equals": lambda maps: layers.Maximum()(
        [layers.ReLU()(maps), layers.ReLU()(layers.Conv2D(3, 1)(maps))]
    ),
    "minimum of equals": lambda maps: layers.Minimum()(
        [layers.ReLU()(maps), layers.ReLU()(layers.Conv2D(3, 1)(maps))]
    ),
    "max pooling same": layers.MaxPooling2D(3, strides=2, padding="same"),
    "average pooling": layers.AveragePooling2D((3, 2), strides=2),
    "average pooling same": layers.AveragePooling2D(3, strides=2, padding="same"),
    "global average": layers.GlobalAveragePooling2D(keepdims=True),
    "global max": layers.GlobalMaxPooling2D(),
    "global max of equals": lambda maps: layers.GlobalMaxPooling2D()(
        layers.ReLU()(layers.Conv2D(5, 3, bias_initializer="zeros")(maps - 300.0))
    ),
    "reshape": layers.Reshape((3, 3, 24)),
    "permute": layers.Permute((3, 1, 2)),
    "batch normalisation": layers.BatchNormalization(epsilon=1e-2),
    "batch normalisation without scale": layers.BatchNormalization(scale=False, center=False),
    "layer normalisation": layers.LayerNormalization(),
    "rescaling": layers.Rescaling([1 / 3, 1 / 5, 2], offset=[1, 2, 3]),
    "normalization": _normalization,
    "relu": layers.ReLU(max_value=2, negative_slope=0.1, threshold=0.5),
    "leaky relu": layers.LeakyReLU(0.05),
    "prelu": layers.PReLU(shared_axes=[1, 2]),
    "elu": layers.ELU(0.7),
    "softmax of maps": layers.Softmax(),
    "softmax of rows": layers.Softmax(axis=1),
    "add": lambda maps: layers.Add()([layers.Conv2D(3, 1)(maps), maps]),
    "subtract": lambda maps: layers.Subtract()([layers.Conv2D(3, 1)(maps), maps]),
    "gates": lambda maps: layers.Multiply()(
        [maps, layers.Dense(3, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(maps))]
    ),
    "average": lambda maps: layers.Average()([layers.Conv2D(3, 1)(maps), maps, maps]),
    "maximum": lambda maps: layers.Maximum()([layers.Conv2D(3, 1)(maps), maps]),
    "minimum": lambda maps: layers.Minimum()([layers.Conv2D(3, 1)(maps), maps]),
    "concatenate": lambda maps: layers.Concatenate()([layers.Conv2D(3, 1)(maps), maps]),
    "concatenate rows": lambda maps: layers.Concatenate(axis=1)([layers.Conv2D(3, 1)(maps), maps]),
    "zero padding": layers.ZeroPadding2D(((1, 2), (0, 3))),
    "cropping": layers.Cropping2D(((1, 2), (0, 3))),
    "upsampling": layers.UpSampling2D((2, 3)),
    "upsampling bilinear": layers.UpSampling2D(2, interpolation="bilinear"),
    "augmentation and dropout": lambda maps: layers.Dropout(0.5)(layers.RandomFlip()(maps)),
    "response normalisation": lambda maps: own_layers.LocalResponseNormalization()(
        layers.Conv2D(8, 3)(maps)
    ),
    "padded shortcut": own_layers.PaddedShortcut(8),
    "subsampling of 1998": lenet5_1998.Subsampling(),
    "activation squash": layers.Conv2D(4, 3, activation=lenet5_1998.squash),
    "shared": _twice,
    "nested": _nested,
    "frozen": _frozen,
    "arithmetic": lambda maps: 3.0 - (2.0 * maps / 7.0 + maps) * maps,
    "powers": lambda maps: ops.power(ops.abs(maps) + 1.0, 0.75) / ops.sqrt(ops.square(maps) + 2.0),
    "swapped colours": lambda maps: maps[..., ::-1] - np.array([103.9, 116.8, 123.7], "float32"),
    "preprocessing of MobileNet": keras.applications.mobilenet_v2.preprocess_input,
    "preprocessing of ResNet": keras.applications.resnet.preprocess_input,
    "preprocessing of DenseNet": keras.applications.densenet.preprocess_input,
    "stacked rows": lambda maps: ops.stack([maps, 2.0 * maps, maps], axis=1),
    "every second": lambda maps: maps[:, 1::2, ::-3],
    "sums": lambda maps: ops.sum(maps, axis=-1) + ops.mean(maps, axis=3) * ops.max(maps, axis=(3,)),
    "clipped": lambda maps: ops.clip(maps, 0.2, 0.9) + ops.minimum(maps, 0.5) + ops.relu6(maps),
    "transposed": lambda maps: ops.transpose(maps, (0, 2, 1, 3)),
}  # fmt: skip
ACTIVATIONS = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "tanh", "sigmoid", "hard_sigmoid", "silu",
    "hard_silu", "gelu", "softplus", "softsign", "exponential", "mish", "softmax", "log_softmax",
    "linear",
)  # fmt: skip


def _classifier(step):
    picture = keras.Input(SHAPE, name="pixels")
    maps = step(layers.Rescaling(1 / 127, offset=-1)(picture))
    scores = layers.Dense(4, name="scores")(layers.Flatten()(maps))
    model = keras.Model(picture, layers.Softmax(name="probabilities")(scores))
    random_weights(model)
    return model


def _picture(seed=0):
    return np.random.default_rng(seed).uniform(0, 255, SHAPE).astype("float32")


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Every case's question to the page, answered by one process."""
    steps = CASES | {name: layers.Activation(name) for name in ACTIVATIONS}
    folder = tmp_path_factory.mktemp("kinds")
    jobs = {
        case: prepare_page(folder / str(number), _classifier(step), _picture())
        for number, (case, step) in enumerate(steps.items())
    }
    run_jobs(*(job[0] for job in jobs.values()))
    return jobs


@pytest.mark.parametrize("case", [*CASES, *ACTIVATIONS])
def test_layer_computes_as_keras_does(case, asked):
    check_answers(*asked[case])
