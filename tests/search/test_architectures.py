"""Whatever is drawn from a ready space, the real factory builds it."""

import hypothesis
import hypothesis.strategies as st
import pytest

from cnnkit import models
from cnnkit.errors import SettingError
from cnnkit.keras_graph.deferred_variables import shapes_alone
from cnnkit.search import convnet_options, vgg_options

SIZES = st.integers(2, 20)
SHAPES = st.tuples(SIZES, SIZES, st.sampled_from((1, 3))) | st.just((None, None, 3))


class Drawn:
    """A trial whose values hypothesis chooses; it knows nothing of what they are for."""

    def __init__(self, data):
        self._data, self.params = data, {}

    def suggest_int(self, name, low, high, *, log=False, step=1):
        assert low <= high
        return self._draw(name, st.integers(low, high))

    def suggest_float(self, name, low, high, *, log=False, step=None):
        return self._draw(name, st.floats(low, high))

    def suggest_categorical(self, name, choices):
        return self._draw(name, st.sampled_from(choices))

    def _draw(self, name, strategy):
        if name not in self.params:
            self.params[name] = self._data.draw(strategy, label=name)
        return self.params[name]


CASES = {
    "convnet": (models.convnet, convnet_options, 25),
    "vgg": (models.vgg, vgg_options, 12),
}


@pytest.mark.parametrize("name", CASES)
def test_no_network_of_a_ready_space_is_impossible(name):
    factory, options_of, count = CASES[name]

    @hypothesis.settings(
        max_examples=count, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(st.data(), SHAPES)
    def check(data, shape):
        trial = Drawn(data)
        options = options_of(shape)(trial)
        with shapes_alone():
            network = factory(shape, 7, **options)
        assert network.output_shape == (None, 7)
        assert all(parameter.startswith("network.") for parameter in trial.params)

    check()


def test_a_shape_without_room_for_a_stage_is_refused():
    with pytest.raises(SettingError, match=r"sides of at least 2, not \(1, 8, 3\)"):
        convnet_options((1, 8, 3))
