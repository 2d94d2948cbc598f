"""The figure that puts networks beside each other shows what was counted."""

import keras
import pytest

from cnnkit import models, plots
from cnnkit.errors import SettingError
from cnnkit.explain import figures

pytestmark = pytest.mark.once


def written(axes):
    return [text.get_text() for text in axes.texts]


def test_each_network_has_its_counts_written_at_its_bars():
    found = {"LeNet-5": models.anatomy("lenet5"), "VGG-16": models.anatomy("vgg16")}
    figure = figures.sizes(found, {"VGG-16": "many 3 x 3 kernels"})
    weights, work, field, notes = figure.axes
    assert written(weights) == ["61.7 k", "138 M"]  # 61,706 and 138,357,544, as published
    assert written(work) == ["417 k", "15.5 G"]  # 416,520 and 15,470,264,320
    assert written(field) == ["16", "212"]
    assert written(notes) == ["", "many 3 x 3 kernels"]
    assert [text.get_text() for text in weights.get_yticklabels()] == ["LeNet-5", "VGG-16"]
    marks = [line for line in field.get_lines() if line.get_color() == "black"]
    assert [line.get_xdata()[0] for line in marks] == [28, 224]  # the images' widths
    assert weights.get_xscale() == "log"
    assert plots.png(figure).startswith(b"\x89PNG")


def test_what_is_not_known_is_said_and_leaves_the_others_their_axis():
    open_size = models.anatomy(models.convnet((None, None, 3), 5, head="global"))
    dense = models.anatomy(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    figure = figures.sizes({"any size": open_size, "dense": dense})
    _, work, field = figure.axes
    assert written(work) == ["not known", "8"]
    assert written(field) == ["10", "not known"]  # 3 x 3, pool, 3 x 3, pool: 3, 4, 8, 10


def test_no_network_is_a_mistake():
    with pytest.raises(SettingError, match="at least one anatomy"):
        figures.sizes({})
