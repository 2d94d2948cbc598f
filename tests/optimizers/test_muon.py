"""Muon on convolutions, against Keras' Muon on the dense layer that computes the same, and SciPy."""

import keras
import numpy as np
import pytest
import scipy.linalg
from keras import layers

from cnnkit.optimizers import ConvolutionMuon

RATE = 0.01


def trained(first: keras.Layer, optimizer, steps: int = 3) -> np.ndarray:
    """The kernel of the first layer after some steps, as a matrix."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4, 5, 3)), first, layers.Flatten(), layers.Dense(2)])
    rng = np.random.default_rng(0)
    first.kernel.assign(rng.normal(0, 0.1, (60, 8)).reshape(first.kernel.shape))
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = rng.normal(size=(16, 4, 5, 3)).astype("float32"), rng.integers(0, 2, 16)
    for _ in range(steps):
        model.train_on_batch(images, labels)
    return keras.ops.convert_to_numpy(first.kernel).reshape(60, 8)


def test_a_kernel_of_the_images_size_moves_as_keras_moves_the_dense_one():
    convolution = trained(layers.Conv2D(8, (4, 5)), ConvolutionMuon(RATE))
    dense = Flat(8)
    np.testing.assert_allclose(
        convolution, trained(dense, keras.optimizers.Muon(RATE)), rtol=1e-5, atol=1e-6
    )


class Flat(layers.Layer):
    """A dense layer of all values, with the names of its variables Keras' own."""

    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)

    def build(self, shape):
        self.dense.build((shape[0], np.prod(shape[1:])))

    def call(self, images):
        return self.dense(keras.ops.reshape(images, (-1, 60)))

    @property
    def kernel(self):
        return self.dense.kernel


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (5, 2, 16), (2, 2, 2, 3, 4), (3, 3, 1, 64)])
def test_a_step_is_along_the_nearest_orthogonal_matrix(shape):
    gradient = np.random.default_rng(0).normal(size=shape).astype("float32")
    kernel = keras.Variable(np.zeros(shape, "float32"), name="kernel")
    made = ConvolutionMuon(RATE, weight_decay=None, ns_steps=20, muon_a=1.5, muon_b=-0.5, muon_c=0)
    made.build([kernel])
    made.apply([keras.ops.convert_to_tensor(gradient)], [kernel])
    # The classical iteration, X (3 - X'X) / 2, converges to the polar factor.
    nearest, _ = scipy.linalg.polar(gradient.reshape(-1, shape[-1]))
    # https://arxiv.org/abs/2502.16982, equation 4
    length = RATE * 0.2 * np.sqrt(max(nearest.shape))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(kernel).reshape(nearest.shape), -length * nearest, atol=1e-5
    )


@pytest.mark.parametrize(
    ("shape", "name"), [((3, 3, 8, 1), "kernel"), ((8,), "bias"), ((3, 3, 4, 8), "logits")]
)
def test_adam_moves_the_rest(shape, name):
    gradient = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=shape))
    moved = []
    for made in (
        ConvolutionMuon(RATE, exclude_layers=["logits"], adam_weight_decay=None),
        keras.optimizers.Adam(RATE),
    ):
        variable = keras.Variable(np.zeros(shape, "float32"), name=name)
        made.build([variable])
        made.apply([gradient], [variable])
        moved.append(keras.ops.convert_to_numpy(variable))
    np.testing.assert_allclose(*moved, rtol=1e-5)


def test_comes_back_from_its_configuration():
    made = ConvolutionMuon(RATE, exclude_layers=["logits"], momentum=0.9)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is ConvolutionMuon
    assert again.get_config() == made.get_config()
