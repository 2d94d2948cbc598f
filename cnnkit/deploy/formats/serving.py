"""A folder that TensorFlow Serving takes as it is: a version with a signature of raw image files."""

from pathlib import Path

import keras
import numpy as np

# Decoding is part of the SavedModel, and so made of TensorFlow's operations.
import tensorflow as tf

from cnnkit.deploy.formats import savedmodel
from cnnkit.deploy.formats.catalogue import Classifier

VERSION = "1"  # TensorFlow Serving reads numbered folders, and serves the highest
BEST = 5  # classes that an answer names
LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as in `cnnkit.data.images.decode`

SCRIPT = """\
import tensorflow as tf

card = json.loads((folder / "1" / "assets.extra" / "cnnkit.json").read_text())
model = tf.saved_model.load(folder / "1")
answer = model.signatures["serving_default"](image_bytes=tf.constant([Path(sys.argv[1]).read_bytes()]))
probabilities = answer["probabilities"].numpy()
"""


def write(
    model: keras.Model, folder: Path, card: dict, precision: str, samples: np.ndarray | None
) -> None:
    """Write the folder, see `catalogue.FormatModule`.

    Signature `serving_default` takes `image_bytes`: the contents of JPEG, PNG, GIF or BMP files. For
    each it returns `label`, the `classes` that are most probable with their `scores`, and the
    `probabilities` of all. Signature `pixels` takes `inputs` as any other export.
    """
    archive = keras.export.ExportArchive()
    archive.track(model)
    names = tf.constant(card["class_names"])
    shape = card["input"]["shape"]

    def classify(image_bytes):
        decode = decoder(card["input"])
        pixels = tf.map_fn(decode, image_bytes, fn_output_signature=tf.TensorSpec(shape))
        probabilities = model(pixels, training=False)["probabilities"]
        scores, best = tf.math.top_k(probabilities, min(BEST, len(card["class_names"])))
        classes = tf.gather(names, best)
        return {
            "label": classes[:, 0],
            "classes": classes,
            "scores": scores,
            "probabilities": probabilities,
        }

    files = tf.TensorSpec([None], tf.string, name="image_bytes")
    archive.add_endpoint("serving_default", classify, [files])
    pixels = tf.TensorSpec([None, *shape], tf.float32, name="inputs")
    archive.add_endpoint("pixels", lambda inputs: model(inputs, training=False), [pixels])
    archive.write_out(folder / VERSION, verbose=False)
    savedmodel.write_card(folder / VERSION, card)


def load(folder: Path) -> Classifier:
    """Open the signature `pixels` in TensorFlow."""
    return savedmodel.classifier(folder / VERSION, "pixels")


def read_card(folder: Path) -> dict:
    """Return the card among the SavedModel's extra assets."""
    return savedmodel.read_card(folder / VERSION)


def decoder(pictures: dict):
    """Return a function from a file's content to an input, as `cnnkit.data.images.decode` does it.

    It does not turn a picture that its EXIF data say is turned: TensorFlow reads none.
    """
    height, width, channels = pictures["shape"]
    low, high = pictures["value_range"]

    def decode(content):
        stored = tf.io.decode_image(content, expand_animations=False)
        pixels = _over_white(tf.cast(stored, tf.float32))
        if channels == 1:
            pixels = tf.round(tf.tensordot(pixels, tf.constant(LUMA), 1))[..., None]
        if pictures["fit"] == "crop":
            pixels = _centre(pixels, height / width)
        pixels = tf.round(tf.image.resize(pixels, (height, width), antialias=True))
        return low + (high - low) / 255 * pixels

    return decode


def _over_white(pixels):
    """Return a picture of one to four channels in three, blended over white."""
    channels = tf.shape(pixels)[-1]
    alpha = tf.cond(channels % 2 == 0, lambda: pixels[..., -1:], lambda: 255 + 0 * pixels[..., :1])
    colour = tf.cond(
        channels < 3, lambda: tf.repeat(pixels[..., :1], 3, axis=-1), lambda: pixels[..., :3]
    )
    return tf.round(255 + (colour - 255) * alpha / 255)


def _centre(pixels, aspect: float):
    """Return the largest central part with these proportions, height over width."""
    height, width = tf.shape(pixels)[0], tf.shape(pixels)[1]
    rows = tf.minimum(height, tf.cast(tf.round(tf.cast(width, tf.float32) * aspect), tf.int32))
    columns = tf.minimum(width, tf.cast(tf.round(tf.cast(height, tf.float32) / aspect), tf.int32))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]
