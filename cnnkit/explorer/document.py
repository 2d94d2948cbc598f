"""A network as the explorer's page reads it: its layers, their arithmetic and their weights.

`explorer/web/src/network.ts` describes the same document for the page.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import keras
import numpy as np

from cnnkit.errors import SettingError
from cnnkit.explorer.layers import described_layers
from cnnkit.explorer.packed_weights import PackedWeights
from cnnkit.keras_graph.walk import as_functional, has_graph
from cnnkit.training.keras_only import in_keras_layers

FORMAT = 1


@dataclass(frozen=True)
class Preparation:
    """How pixels of any picture become the network's input.

    Args:
        height: Rows that the network takes.
        width: Columns that it takes.
        channels: 1 for grey, 3 for colours.
        fit: "crop" cuts a picture of another shape to the middle; "stretch" squeezes it.
        range: Least and largest value of a pixel; a run's saved model takes 0 to 255.
        light_on_dark: Whether the training pictures are light on dark, as MNIST's are.
    """

    height: int
    width: int
    channels: int
    fit: Literal["crop", "stretch"] = "crop"
    range: tuple[float, float] = (0, 255)
    light_on_dark: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture of the test split, and what the network makes of it.

    Args:
        pixels: uint8 `(height, width, channels)`, as the network takes them.
        predicted: The class of the largest probability.
        probability: That probability, 0 to 1.
        label: The true class; None where it is not known.
    """

    pixels: np.ndarray
    predicted: int
    probability: float
    label: int | None = None


@dataclass(frozen=True)
class Document:
    """What the page is given.

    Attributes:
        network: The network; JSON that follows `network.ts`.
        weights: All weights in one array of bytes, little-endian, as the network's offsets say.
    """

    network: dict
    weights: bytes

    def json(self) -> str:
        """Return the network as JSON."""
        return json.dumps(self.network, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def packed_weights(self) -> bytes:
        """Return the weights compressed by zlib, as the browser's `DecompressionStream` reads them."""
        return zlib.compress(self.weights, 9)


def document(
    model: keras.Model,
    class_names: Sequence[str],
    preparation: Preparation,
    *,
    name: str | None = None,
    samples: Sequence[Sample] = (),
    patches: Mapping[str, dict] | None = None,
    multi_label: bool = False,
    precision: Literal["float32", "float16"] = "float32",
) -> Document:
    """Describe a network for the page.

    Models inside the network and preprocessing layers are laid out flat. A softmax that is the
    activation of the last layer becomes a layer of its own, so that the scores before it have a name; a
    network that ends in scores gets one.

    Args:
        model: A classifier of pictures, such as a run's saved model: one input `(batch, height, width,
            channels)` of known size. Of several outputs the first counts.
        class_names: A name for each class.
        preparation: How pictures become the network's input.
        name: Name of the network; the model's name unless given.
        samples: Pictures to begin with.
        patches: What `exciting_patches` returns.
        multi_label: Whether a picture may have several classes: sigmoids instead of a softmax.
        precision: "float16" halves the kernels' bytes; the page then computes with rounded weights.

    Returns:
        The document. Its `network["uncomputable"]` lists the kinds of layers that the page cannot
        compute without Keras; empty means that it can run alone.

    Raises:
        SettingError: The model has no graph, several inputs, an input that is no picture or of open
            size, or outputs that are not one number for each class.
    """
    _check_names(precision, class_names)
    name = name or model.name  # a Sequential's graph has another
    model = _classifier_of_pictures(in_keras_layers(model), class_names)
    packed = PackedWeights(precision)
    layers, logits = described_layers(model, packed, multi_label)
    network = {
        "format": FORMAT,
        "name": name,
        "classNames": list(class_names),
        "multiLabel": multi_label,
        "preparation": _preparation(preparation),
        "layers": layers,
        "logits": logits,
        "samples": [_sample(each) for each in samples],
        "uncomputable": sorted({each["kind"] for each in layers if not each["config"]}),
    }
    if patches:
        network["patches"] = dict(patches)
    return Document(network, packed.content())


def _check_names(precision: str, class_names: Sequence[str]) -> None:
    if precision not in ("float32", "float16"):
        raise SettingError(f"precision is 'float32' or 'float16', not {precision!r}.")
    if not class_names:
        raise SettingError("class_names is empty; give a name for each class.")


def _classifier_of_pictures(model: keras.Model, class_names: Sequence[str]) -> keras.Model:
    """Return the model if the page can show it, else say why not."""
    if not has_graph(model):
        raise SettingError(
            f"The model {model.name!r} has no graph of layers, so the explorer cannot show it: it is "
            "not built yet, or written as a class."
        )
    model = as_functional(model)
    if len(model.inputs) != 1:
        names = ", ".join(each.name for each in model.inputs)
        raise SettingError(
            f"The model {model.name!r} has {len(model.inputs)} inputs ({names}); the explorer shows "
            "networks with one picture as input."
        )
    shape = tuple(model.inputs[0].shape[1:])
    if len(shape) != 3 or None in shape or shape[-1] not in (1, 3):
        raise SettingError(
            f"The model {model.name!r} takes {shape}; the explorer shows networks of pictures, "
            "(height, width, 1 or 3), of known size."
        )
    scores = tuple(model.outputs[0].shape[1:])
    expected = [(len(class_names),)] + [(1,)] * (len(class_names) == 2)
    if scores not in expected:
        raise SettingError(
            f"The model {model.name!r} returns {scores} for each picture, but there are "
            f"{len(class_names)} class names; the explorer shows classifiers."
        )
    return model


def _preparation(preparation: Preparation) -> dict:
    fields = asdict(preparation)
    light_on_dark = fields.pop("light_on_dark")
    return fields | {"range": list(preparation.range), "lightOnDark": light_on_dark}


def _sample(sample: Sample) -> dict:
    pixels = np.ascontiguousarray(sample.pixels, np.uint8)
    return {
        "pixels": base64.b64encode(pixels.tobytes()).decode("ascii"),
        "label": sample.label,
        "predicted": int(sample.predicted),
        "probability": float(sample.probability),
    }
