"""Augmentation policies made of Keras' layers and those of `random_layers`.

Every policy takes the keyword arguments image_shape (height, width, channels), num_classes and
value_range (low, high) of the stored pixels, and returns a layer. Each picture of a batch is changed
differently. Keras' RandAugment and RandomCrop draw one change for the whole batch, so they are not
used here.
"""

import keras
from keras import layers

from cnnkit.data.augmentation.random_layers import Elastic, Mixed, OneOf

ROTATION = 15 / 360  # as a fraction of a full turn
ZOOM, SHEAR, SHIFT = 0.15, 0.15, 0.1


def shift(*, image_shape, num_classes, value_range):
    """Move by up to a tenth of each side; uncovered pixels become black."""
    return layers.Pipeline(
        [layers.RandomTranslation(SHIFT, SHIFT, "constant", fill_value=value_range[0])]
    )


def flip_crop(*, image_shape, num_classes, value_range):
    """Mirror half of the pictures, and move by up to an eighth of each side, with black borders.

    K. He et al. 2016, section 4.2: 4 pixels of padding around 32 x 32, a random crop, and a flip.
    """
    black = {"fill_mode": "constant", "fill_value": value_range[0], "interpolation": "nearest"}
    return layers.Pipeline(
        [layers.RandomFlip("horizontal"), layers.RandomTranslation(1 / 8, 1 / 8, **black)]
    )


def affine(*, image_shape, num_classes, value_range):
    """Move, scale, squeeze, shear and slightly rotate.

    Y. LeCun et al. 1998, section III.C, has these changes without their sizes, and no rotation. The
    sizes are cnnkit's.
    """
    black = {"fill_mode": "constant", "fill_value": value_range[0]}
    zoom = (-ZOOM, ZOOM)
    return layers.Pipeline(
        [
            layers.RandomTranslation(SHIFT, SHIFT, **black),
            layers.RandomZoom(zoom, zoom, **black),
            layers.RandomShear(SHEAR, SHEAR, **black),
            layers.RandomRotation(ROTATION, **black),
        ]
    )


def elastic(*, image_shape, num_classes, value_range):
    """Deform by a smooth random field: P. Simard et al. 2003, section 2, alpha 34 and sigma 4.

    Those values are for the paper's 29 x 29 pixels. For larger pictures smoothness and strength grow
    with the side.
    """
    return Elastic(smoothness=4 / 29, strength=34 / 29**2)


def photo(*, image_shape, num_classes, value_range):
    """Mirror, zoom in by up to 30 %, move, and change brightness, contrast, saturation and hue."""
    colours = []
    if image_shape[-1] == 3:
        colours = [
            # Keras clips saturation, which is from 0 to 1, to value_range.
            layers.RandomSaturation((0.35, 0.65), value_range=(0, 1)),
            layers.RandomHue(0.05, value_range=value_range),
        ]
    return layers.Pipeline(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomZoom((-0.3, 0)),
            layers.RandomTranslation(SHIFT, SHIFT),
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
    """Apply one random change of any strength: S. Müller, F. Hutter 2021, "wide" (Table 1).

    Two changes differ from the paper: brightness is added instead of multiplied, and no picture is
    moved by more than half a side, because the paper's 32 pixels can move a small one out of view.
    """
    return OneOf(_changes(image_shape, value_range, strength=1.0))


def rand_augment(*, image_shape, num_classes, value_range):
    """Apply two random changes in turn, each of up to 30 % of the greatest strength.

    E. Cubuk et al. 2020, section 3: N = 2 changes of magnitude M = 9 of 30. There every change has
    exactly that magnitude; here it is the upper limit.
    """
    changes = [OneOf(_changes(image_shape, value_range, strength=9 / 30)) for _ in range(2)]
    return layers.Pipeline(changes)


def mixup(*, image_shape, num_classes, value_range):
    """Blend two pictures and their labels: H. Zhang et al. 2018, alpha 0.2 (section 3.1)."""
    return Mixed(layers.MixUp(alpha=0.2), num_classes)


def cutmix(*, image_shape, num_classes, value_range):
    """Paste a rectangle of another picture, and as much of its label: S. Yun et al. 2019, alpha 1."""
    return Mixed(layers.CutMix(factor=(1.0, 1.0)), num_classes)


def _changes(image_shape, value_range, strength: float) -> list[keras.Layer]:
    """Return 12 layers, and one more for colour; `strength` scales TrivialAugment's widest ranges."""
    black = {"fill_mode": "constant", "fill_value": value_range[0]}
    height, width, channels = image_shape
    shift_y, shift_x = (min(0.5, 32 / side) * strength for side in (height, width))
    in_range = {"value_range": value_range}
    changes = [
        layers.Identity(),
        layers.RandomShear(0.99 * strength, 0.0, **black),
        layers.RandomShear(0.0, 0.99 * strength, **black),
        layers.RandomTranslation(shift_y, 0.0, **black),
        layers.RandomTranslation(0.0, shift_x, **black),
        layers.RandomRotation(135 / 360 * strength, **black),
        layers.RandomBrightness(0.5 * strength, **in_range),
        layers.RandomContrast(0.99 * strength, **in_range),
        layers.RandomSharpness((0.5 - 0.49 * strength, 0.5 + 0.49 * strength), **in_range),
        layers.Solarization(threshold_factor=(1 - strength, 1.0), **in_range),
        layers.AutoContrast(**in_range),
        layers.Equalization(**in_range),
    ]
    if channels == 3:
        changes.append(layers.RandomColorDegeneration((0.0, strength), **in_range))
    return changes
