import pytest

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.registry import Registry


def double(number, *, times=2):
    return number * times


@pytest.fixture
def numbers():
    registry = Registry("number")
    registry.register("double", double, about="twice")
    registry.register("square_root", "math:sqrt")
    return registry


def test_calls_a_function_with_its_options(numbers):
    assert numbers.call("double", 3, times=5) == 15


def test_imports_a_place_on_first_use(numbers):
    assert numbers.entry("square_root").load()(9) == 3


def test_an_unknown_name_gives_the_nearest(numbers):
    with pytest.raises(UnknownNameError, match="no number named 'duoble'; did you mean 'double'"):
        numbers.call("duoble", 3)


def test_a_pattern_gives_its_matches(numbers):
    with pytest.raises(SettingError, match="it matches double, square_root"):
        numbers.entry("*")


def test_an_unknown_option_gives_the_nearest(numbers):
    with pytest.raises(UnknownNameError, match="'time'; did you mean 'times'"):
        numbers.call("double", 3, time=1)
