"""The networks, layer by layer, against their authors' published definitions."""

import json

import pytest

from cnnkit import models
from cnnkit.keras_graph.deferred_variables import shapes_alone
from cnnkit.models import anatomy

pytestmark = pytest.mark.once


def published(shared, part):
    path = shared / "data" / "reference" / "reference_architectures.json"
    return next(network for network in json.loads(path.read_text()) if part in network["name"])


@pytest.mark.parametrize(
    ("name", "part", "image_shape"),
    [
        ("alexnet_2012", "bvlc_alexnet", (227, 227, 3)),
        ("googlenet", "bvlc_googlenet, no", (224, 224, 3)),
        ("vgg16", "configuration D", (224, 224, 3)),
        ("vgg19", "configuration E", (224, 224, 3)),
        ("resnet50", "ResNet-50", (224, 224, 3)),
        pytest.param("resnet101", "ResNet-101", (224, 224, 3), marks=pytest.mark.slow),
        pytest.param("resnet152", "ResNet-152", (224, 224, 3), marks=pytest.mark.slow),
    ],
)
def test_every_layer_is_as_its_authors_published_it(name, part, image_shape, shared):
    reference = published(shared, part)
    kinds = ("CONVOLUTION", "INNERPRODUCT")
    wanted = [
        ((*layer["output_chw"][1:], layer["output_chw"][0]), layer["macs"])
        for layer in reference["layers"]
        if layer["type"] in kinds
    ]
    with shapes_alone():
        found = anatomy(models.create(name, image_shape, 1000))
    rows = [row for row in found.rows if row.kind in ("Conv2D", "GroupedConv2D", "Dense")]
    ours = [(row.output_shape, row.multiply_adds) for row in rows]
    assert sorted(ours) == sorted(wanted)
    assert found.multiply_adds == reference["total_macs"]
    if not name.startswith("resnet"):  # whose batch normalisation the definition counts apart
        parameters = [layer["params"] for layer in reference["layers"] if layer["type"] in kinds]
        assert sorted(row.parameters for row in rows) == sorted(parameters)
