"""What the tests of the networks share: random weights, and gradients under every backend."""

import keras
import numpy as np
import pytest


@pytest.fixture(scope="session")
def give_random_weights():
    """A function that gives a model weights, biases and statistics with nothing left at 0 or 1."""

    def give(model, seed=0):
        random = np.random.default_rng(seed)
        for weight in model.weights:
            if weight.name == "kernel":
                spread = np.sqrt(2 / np.prod(weight.shape[:-1]))
                value = random.normal(0, spread, weight.shape)
            elif weight.name in ("gamma", "moving_variance"):
                value = random.uniform(0.5, 1.5, weight.shape)
            else:
                value = random.normal(0, 0.1, weight.shape)
            weight.assign(value.astype("float32"))

    return give


@pytest.fixture(scope="session")
def gradients():
    """A function (model, images, direction) -> gradients of sum(outputs * direction).

    They are those with respect to the trainable weights, in their order, and to the images last.
    """

    def with_tensorflow(model, images, direction):
        import tensorflow as tf

        images = tf.Variable(images)
        weights = [weight.value for weight in model.trainable_weights]
        with tf.GradientTape() as tape:
            total = keras.ops.sum(model(images, training=False) * direction)
        return tape.gradient(total, [*weights, images])

    def with_jax(model, images, direction):
        import jax

        state = [weight.value for weight in model.non_trainable_variables]

        def total(weights, images):
            outputs, _ = model.stateless_call(weights, state, images, training=False)
            return keras.ops.sum(outputs * direction)

        weights = [weight.value for weight in model.trainable_variables]
        found, of_images = jax.jit(jax.grad(total, argnums=(0, 1)))(weights, images)
        return [*found, of_images]

    def compute(model, images, direction):
        function = with_jax if keras.backend.backend() == "jax" else with_tensorflow
        return [np.asarray(each) for each in function(model, images, direction)]

    return compute
