"""Augmentation policies of Keras layers, and the three layers that Keras lacks.

Each takes keyword arguments alone: image_shape (height, width, channels), num_classes, and the
value_range (low, high) that a network sees; and returns a layer. Every picture of a batch is changed
in its own way, which Keras' RandAugment and RandomCrop do not do: they choose once a batch.
"""

import math

import keras
from keras import layers, ops

TURNED = 15 / 360  # affine: in turns
STRETCHED, SHEARED, MOVED = 0.15, 0.15, 0.1


def shift(*, image_shape, num_classes, value_range):
    """Move by up to a tenth of each side; what is uncovered is black."""
    return layers.Pipeline(
        [layers.RandomTranslation(MOVED, MOVED, "constant", fill_value=value_range[0])]
    )


def flip_crop(*, image_shape, num_classes, value_range):
    """Mirror every second picture, and move by up to an eighth of each side, over black.

    K. He et al. 2016, section 4.2: 4 pixels of padding around 32 x 32, a random crop, and a flip.
    """
    eighth = {"fill_mode": "constant", "fill_value": value_range[0], "interpolation": "nearest"}
    return layers.Pipeline(
        [layers.RandomFlip("horizontal"), layers.RandomTranslation(1 / 8, 1 / 8, **eighth)]
    )


def affine(*, image_shape, num_classes, value_range):
    """Move, scale, squeeze and shear, as Y. LeCun et al. 1998, section III.C, and turn a little.

    The paper gives kinds and no sizes; these are ours.
    """
    black = {"fill_mode": "constant", "fill_value": value_range[0]}
    stretched = (-STRETCHED, STRETCHED)
    return layers.Pipeline(
        [
            layers.RandomTranslation(MOVED, MOVED, **black),
            layers.RandomZoom(stretched, stretched, **black),
            layers.RandomShear(SHEARED, SHEARED, **black),
            layers.RandomRotation(TURNED, **black),
        ]
    )


def elastic(*, image_shape, num_classes, value_range):
    """Bend by a smooth random field: P. Simard et al. 2003, section 2, with alpha 34 and sigma 4.

    These are for the paper's 29 x 29 pixels; for others both the field's smoothness and its
    strength grow with the side.
    """
    return Elastic(smoothness=4 / 29, strength=34 / 29**2)


def photo(*, image_shape, num_classes, value_range):
    """Mirror, zoom in by up to 30 %, move, and change brightness, contrast, saturation and hue."""
    colours = []
    if image_shape[-1] == 3:
        colours = [
            # Keras clips saturation, which goes from 0 to 1, to the range that is given for pixels.
            layers.RandomSaturation((0.35, 0.65), value_range=(0, 1)),
            layers.RandomHue(0.05, value_range=value_range),
        ]
    return layers.Pipeline(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomZoom((-0.3, 0)),
            layers.RandomTranslation(MOVED, MOVED),
            layers.RandomBrightness(0.2, value_range=value_range),
            layers.RandomContrast(0.2, value_range=value_range),
            *colours,
        ]
    )


def cutout(*, image_shape, num_classes, value_range):
    """Make a square of half each side grey: T. DeVries, G. Taylor 2017, section 4.1 (16 of 32)."""
    middle = sum(value_range) / 2
    quarter = (0.25, 0.25)  # of the area
    return layers.Pipeline(
        [layers.RandomErasing((1.0, 1.0), quarter, fill_value=middle, value_range=value_range)]
    )


def trivial(*, image_shape, num_classes, value_range):
    """One change for each picture, of any strength: S. Müller, F. Hutter 2021, "wide" (Table 1).

    Keras' layers stand for the paper's operations; brightness adds instead of multiplying, and
    nothing is moved by more than half a side, where the paper's 32 pixels can empty a picture.
    """
    return OneOf(_changes(image_shape, value_range, strength=1.0))


def rand_augment(*, image_shape, num_classes, value_range):
    """Two changes, one after the other, of up to 30 % of the greatest strength.

    E. Cubuk et al. 2020, section 3: N = 2 changes, magnitude M = 9 of 30; here of up to it.
    """
    changes = [OneOf(_changes(image_shape, value_range, strength=9 / 30)) for _ in range(2)]
    return layers.Pipeline(changes)


def mixup(*, image_shape, num_classes, value_range):
    """Fade two pictures and their labels into one: H. Zhang et al. 2018, alpha 0.2 (section 3.1)."""
    return Mixed(layers.MixUp(alpha=0.2), num_classes)


def cutmix(*, image_shape, num_classes, value_range):
    """Put a piece of another picture in, and as much of its label: S. Yun et al. 2019, alpha 1."""
    return Mixed(layers.CutMix(factor=(1.0, 1.0)), num_classes)


def _changes(image_shape, value_range, strength: float) -> list[keras.Layer]:
    """Return the changes, each of a random strength up to that part of TrivialAugment's widest.

    12 with the identity, and for colour one more.
    """
    black = {"fill_mode": "constant", "fill_value": value_range[0]}
    height, width, channels = image_shape
    moved = [min(0.5, 32 / side) * strength for side in (height, width)]
    valued = {"value_range": value_range}
    changes = [
        layers.Identity(),
        layers.RandomShear(0.99 * strength, 0.0, **black),
        layers.RandomShear(0.0, 0.99 * strength, **black),
        layers.RandomTranslation(moved[0], 0.0, **black),
        layers.RandomTranslation(0.0, moved[1], **black),
        layers.RandomRotation(135 / 360 * strength, **black),
        layers.RandomBrightness(0.5 * strength, **valued),
        layers.RandomContrast(0.99 * strength, **valued),
        layers.RandomSharpness((0.5 - 0.49 * strength, 0.5 + 0.49 * strength), **valued),
        layers.Solarization(threshold_factor=(1 - strength, 1.0), **valued),
        layers.AutoContrast(**valued),
        layers.Equalization(**valued),
    ]
    if channels == 3:
        changes.append(layers.RandomColorDegeneration((0.0, strength), **valued))
    return changes


@keras.saving.register_keras_serializable("cnnkit")
class OneOf(layers.Layer):
    """Each picture as one of several layers makes it, chosen at random; unchanged in inference."""

    def __init__(self, choices, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.choices, self.seed = list(choices), seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Build the choices."""
        for layer in self.choices:
            layer.build(input_shape)

    def call(self, images, training=False):
        """images: shape (batch, height, width, channels)."""
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
        choices = [keras.saving.deserialize_keras_object(own) for own in config.pop("choices")]
        return cls(choices, **config)


@keras.saving.register_keras_serializable("cnnkit")
class Elastic(layers.Layer):
    """Pictures bent by displacements of uniform noise smoothed by a Gaussian.

    smoothness: the Gaussian's standard deviation, as a part of the side. strength: what the
    smoothed noise is multiplied by, divided by the side's square, so that displacements grow with
    the side. (Keras' own layer moves x and y by the same field.)
    """

    def __init__(self, smoothness, strength, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.smoothness, self.strength, self.seed = smoothness, strength, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        """images: shape (batch, height, width, channels)."""
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
        own = {"smoothness": self.smoothness, "strength": self.strength, "seed": self.seed}
        return super().get_config() | own


@keras.saving.register_keras_serializable("cnnkit")
class Mixed(layers.Layer):
    """A Keras layer that mixes pictures, with their labels: {"images", "labels"} in and out.

    Labels go in as class indices, shape (batch,), or as a number a class; they come out as a
    number a class, shape (batch, num_classes). Called with images alone it returns images.
    """

    mixes_labels = True

    def __init__(self, mixer, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.mixer, self.num_classes = mixer, num_classes

    def build(self, input_shape):
        """Build nothing: there are no weights, and tracing a call would draw numbers."""

    def call(self, data, training=False):
        """Mix a batch."""
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
    """Return the matrix, (size, size), that smooths a column; rows sum to 1 far from the border."""
    distance = ops.arange(size, dtype="float32")[:, None] - ops.arange(size, dtype="float32")
    return ops.exp(-(distance**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
