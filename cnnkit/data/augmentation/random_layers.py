"""Three random layers that Keras does not have: OneOf, Elastic and Mixed."""

import math

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("cnnkit")
class OneOf(layers.Layer):
    """Applies to each picture one layer of several, chosen at random; in inference none.

    Args:
        choices: The layers; they take images of shape (batch, height, width, channels).
        seed: Seed of the choice; None draws one.
        **kwargs: Those of every Keras layer.
    """

    def __init__(self, choices, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.choices, self.seed = list(choices), seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Build the choices."""
        for layer in self.choices:
            layer.build(input_shape)

    def call(self, images, training=False):
        """Return the images, each changed by one of the layers.

        Args:
            images: Shape (batch, height, width, channels).
            training: Whether to change them.
        """
        if not training:
            return images
        chosen = keras.random.randint(
            (ops.shape(images)[0], 1, 1, 1), 0, len(self.choices), seed=self.generator
        )
        result = images
        for number, layer in enumerate(self.choices):
            changed = ops.cast(layer(images, training=True), images.dtype)
            result = ops.where(chosen == number, changed, result)
        return result

    def get_config(self):
        """Return what rebuilds the layer."""
        choices = [keras.saving.serialize_keras_object(layer) for layer in self.choices]
        return super().get_config() | {"choices": choices, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        """Rebuild the layer."""
        choices = [keras.saving.deserialize_keras_object(layer) for layer in config.pop("choices")]
        return cls(choices, **config)


@keras.saving.register_keras_serializable("cnnkit")
class Elastic(layers.Layer):
    """Deforms pictures by a random field of displacements: uniform noise, smoothed by a Gaussian.

    Keras' RandomElasticTransform displaces x and y by the same field; here they are independent.

    Args:
        smoothness: Standard deviation of the Gaussian, as a fraction of the longer side.
        strength: Factor of the smoothed noise, divided by the square of the longer side, so that
            displacements grow with the side.
        seed: Seed of the noise; None draws one.
        **kwargs: Those of every Keras layer.
    """

    def __init__(self, smoothness, strength, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.smoothness, self.strength, self.seed = smoothness, strength, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        """Return the deformed images.

        Args:
            images: Shape (batch, height, width, channels).
            training: Whether to deform them.
        """
        if not training:
            return images
        batch, height, width, channels = ops.shape(images)
        side = max(height, width)
        noise = keras.random.uniform((2, batch, height, width), -1, 1, seed=self.generator)
        rows, columns = (_gaussian(n, self.smoothness * side) for n in (height, width))
        field = (
            self.strength * side**2 * ops.matmul(ops.matmul(rows, noise), ops.transpose(columns))
        )
        y = ops.clip(ops.arange(height, dtype="float32")[:, None] + field[0], 0, height - 1)
        x = ops.clip(ops.arange(width, dtype="float32")[None, :] + field[1], 0, width - 1)
        top, left = ops.floor(y), ops.floor(x)
        flat = ops.reshape(images, (batch, height * width, channels))

        def corner(down: int, right: int):
            row, column = ops.minimum(top + down, height - 1), ops.minimum(left + right, width - 1)
            place = ops.cast(row * width + column, "int32")
            pixels = ops.take_along_axis(flat, ops.reshape(place, (batch, -1, 1)), axis=1)
            weight = (y - top if down else 1 - y + top) * (x - left if right else 1 - x + left)
            return ops.reshape(pixels, ops.shape(images)) * weight[..., None]

        return corner(0, 0) + corner(0, 1) + corner(1, 0) + corner(1, 1)

    def get_config(self):
        """Return what rebuilds the layer."""
        config = {"smoothness": self.smoothness, "strength": self.strength, "seed": self.seed}
        return super().get_config() | config


@keras.saving.register_keras_serializable("cnnkit")
class Mixed(layers.Layer):
    """Mixes pictures and their labels by a layer of Keras, such as MixUp or CutMix.

    Args:
        mixer: The layer; it takes and returns {"images", "labels"}.
        num_classes: How many classes there are.
        **kwargs: Those of every Keras layer.
    """

    mixes_labels = True

    def __init__(self, mixer, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.mixer, self.num_classes = mixer, num_classes

    def build(self, input_shape):
        """Build nothing: there are no weights, and tracing a call would draw random numbers."""

    def call(self, data, training=False):
        """Mix a batch.

        Args:
            data: A dict of "images", shape (batch, height, width, channels), and "labels": class
                indices, shape (batch,), or a number for each class, shape (batch, num_classes). Or
                the images alone.
            training: Whether to mix.

        Returns:
            A dict of images and labels, whose labels have shape (batch, num_classes). For images
            alone: images.
        """
        if not isinstance(data, dict):
            return self.mixer(data, training=training)
        labels = data["labels"]
        if len(labels.shape) == 1:
            labels = ops.one_hot(labels, self.num_classes)
        return self.mixer({"images": data["images"], "labels": labels}, training=training)

    def get_config(self):
        """Return what rebuilds the layer."""
        mixer = keras.saving.serialize_keras_object(self.mixer)
        return super().get_config() | {"mixer": mixer, "num_classes": self.num_classes}

    @classmethod
    def from_config(cls, config):
        """Rebuild the layer."""
        return cls(keras.saving.deserialize_keras_object(config.pop("mixer")), **config)


def _gaussian(size: int, sigma: float):
    """Return the matrix, shape (size, size), that smooths a column of pixels.

    Its rows sum to 1, except near the border.
    """
    distance = ops.arange(size, dtype="float32")[:, None] - ops.arange(size, dtype="float32")
    return ops.exp(-(distance**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
