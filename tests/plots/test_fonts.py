"""Names in any script: a font that has their characters, or a warning of those that none has."""

import warnings

import numpy as np
import pytest
from matplotlib import font_manager, ft2font

from cnnkit import plots

pytestmark = pytest.mark.once


def letters_of(family):
    return set(ft2font.FT2Font(font_manager.findfont(family)).get_charmap())


def captioned(name):
    return plots.image_grid(np.zeros((1, 4, 4, 1)), [name])


def test_a_character_that_the_own_font_lacks_is_drawn_by_one_that_has_it():
    letter = chr(min(letters_of("STIXGeneral") - letters_of("DejaVu Sans")))
    figure = captioned(letter)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = plots.png(figure)
    assert drawn
    families = figure.axes[0].texts[0].get_fontfamily()
    assert any(ord(letter) in letters_of(family) for family in families[1:])


def test_characters_that_no_font_has_are_named():
    name = chr(0x10FFFD)  # of private use: no font has it
    with pytest.warns(RuntimeWarning, match=f"characters {name!r}".replace("\\", "\\\\")) as seen:
        plots.png(captioned(f"cat {name}"))
    assert len(seen) == 1


def test_dollars_in_names_are_no_formulas():
    figure = plots.confusion_matrix(np.eye(2), ["a $x_1$ [b]", "$"])
    assert plots.png(figure)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "a $x_1$ [b]"
    assert not figure.axes[0].get_yticklabels()[0].get_parse_math()
