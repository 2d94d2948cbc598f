import keras
import pytest

from cnnkit import transfer
from cnnkit.errors import UnknownNameError
from cnnkit.keras_graph.deferred_variables import shapes_alone
from cnnkit.models import anatomy
from cnnkit.transfer.published import build_network


def counted(name):
    line = transfer.backbone_info(name)
    size = (line.native_size, line.native_size)
    with shapes_alone():  # counts weights without a place in memory for each
        network = build_network(line, size, include_top=False)
    found = anatomy(network)
    return found.parameters, found.multiply_adds


def stated(name):
    return transfer.backbone_info(name).parameters, transfer.backbone_info(name).multiply_adds


@pytest.mark.once
@pytest.mark.parametrize(
    "name",
    [
        "mobilenet_025",
        "mobilenet_v2",
        "mobilenet_v2_035",
        "mobilenet_v3_small",
        "vgg16",
        "efficientnet_lite0",
    ],
)
def test_stated_counts_are_those_of_the_network(name):
    assert counted(name) == stated(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", transfer.names())
def test_stated_counts_are_those_of_every_network(name):
    assert counted(name) == stated(name)


def test_every_network_of_keras_applications_is_a_backbone():
    functions = {
        name
        for name in dir(keras.applications)
        if name[0].isupper() and callable(getattr(keras.applications, name))
    }
    listed = map(transfer.backbone_info, transfer.names())
    assert {info.keras_name for info in listed if not info.extra} == functions


def test_an_unknown_backbone_gets_the_nearest_names():
    with pytest.raises(UnknownNameError, match="'mobilenet_v2'"):
        transfer.backbone("mobilnet_v2", (32, 32, 3))


def test_weights_are_here_where_keras_looks_for_them(cached_keras):
    assert transfer.in_cache("mobilenet_v2")
    assert not transfer.in_cache("vgg16")
