"""TensorFlow's SavedModel, with labels beside the graph."""

import json
from pathlib import Path

import keras
import numpy as np

# The format is TensorFlow's own, and so is its runtime.
import tensorflow as tf

from cnnkit.deploy.formats.catalogue import Classifier

# Where a SavedModel may have files that its loader does not read.
EXTRA, CARD, LABELS = "assets.extra", "cnnkit.json", "labels.txt"

SCRIPT = """\
import tensorflow as tf

card = json.loads((folder / "assets.extra" / "cnnkit.json").read_text())
model = tf.saved_model.load(folder)
answer = model.signatures["serving_default"](inputs=tf.constant(inputs))
probabilities = answer["probabilities"].numpy()
"""


def write(
    model: keras.Model, folder: Path, card: dict, precision: str, samples: np.ndarray | None
) -> None:
    """Write a SavedModel, see `catalogue.FormatModule`."""
    model.export(folder, format="tf_saved_model", verbose=False)
    write_card(folder, card)


def write_card(folder: Path, card: dict) -> None:
    """Write card and labels as extra assets of a SavedModel.

    Args:
        folder: The SavedModel.
        card: What the export says of itself.
    """
    extra = folder / EXTRA
    extra.mkdir()
    (extra / CARD).write_text(json.dumps(card), encoding="utf-8")
    names = "".join(f"{name}\n" for name in card["class_names"])
    (extra / LABELS).write_text(names, encoding="utf-8")


def load(folder: Path) -> Classifier:
    """Open a SavedModel in TensorFlow."""
    return classifier(folder, "serving_default")


def classifier(folder: Path, signature: str) -> Classifier:
    """Return one of a SavedModel's signatures as a function of arrays.

    Args:
        folder: The SavedModel.
        signature: Its name; it has "inputs" and "probabilities".
    """
    loaded = tf.saved_model.load(folder)
    call = loaded.signatures[signature]

    def classify(inputs: np.ndarray, _keep=loaded) -> np.ndarray:  # else its variables are freed
        return call(inputs=tf.constant(inputs))["probabilities"].numpy()

    return classify


def read_card(folder: Path) -> dict:
    """Return the card among a SavedModel's extra assets."""
    return json.loads((folder / EXTRA / CARD).read_text(encoding="utf-8"))
