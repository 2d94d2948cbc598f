"""Fonts for characters that matplotlib's own font lacks, such as those of Chinese and Japanese."""

import functools
import warnings

from matplotlib import font_manager, ft2font
from matplotlib.figure import Figure
from matplotlib.text import Text

# Tried first, for they cover Chinese, Japanese and Korean; after them any other font.
PREFERRED = (
    "Noto Sans CJK", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR", "Source Han Sans", "WenQuanYi",
    "Microsoft YaHei", "SimHei", "PingFang", "Heiti", "Hiragino Sans", "Yu Gothic", "Meiryo", "IPA",
    "Takao", "VL Gothic", "Malgun Gothic", "Nanum", "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip
BOXES = "Last Resort"  # this font has a box for every character


def choose_fonts(figure: Figure) -> None:
    """Add fonts to the texts of a figure whose characters their own font lacks.

    Warns of characters that no installed font has.

    Args:
        figure: A matplotlib figure.
    """
    missing = set()
    for text in figure.findobj(Text):
        if text.get_text().isascii():  # every font has these, and finding the font takes time
            continue
        families = text.get_fontfamily()
        lacked = _lacked(text.get_text(), font_manager.findfont(text.get_fontproperties()))
        if not lacked:
            continue
        added, undrawable = _families_for(frozenset(lacked))
        missing |= undrawable
        text.set_fontfamily([*families, *(family for family in added if family not in families)])
    if missing:
        warnings.warn(
            f"No installed font has the characters {''.join(sorted(missing))!r}, so that figures show "
            "boxes; install one that has them, such as Noto Sans CJK.",
            RuntimeWarning,
            stacklevel=4,
        )


def _lacked(text: str, path: str) -> set[str]:
    return {letter for letter in text if ord(letter) not in _letters(path) and not letter.isspace()}


@functools.cache
def _letters(path: str) -> frozenset[int]:
    return frozenset(ft2font.FT2Font(path).get_charmap())


@functools.cache
def _families_for(missing: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return families that have letters, and the letters that none of them has."""
    chosen, lacked = [], set(missing)
    families = {font.name for font in font_manager.fontManager.ttflist}
    families = {family for family in families if not family.startswith(BOXES)}
    for family in sorted(families, key=_preference):
        letters = _letters(font_manager.findfont(family))
        has = {letter for letter in lacked if ord(letter) in letters}
        if has:
            chosen.append(family)
            lacked -= has
        if not lacked:
            break
    return tuple(chosen), frozenset(lacked)


def _preference(family: str) -> tuple[int, str]:
    places = [place for place, name in enumerate(PREFERRED) if family.startswith(name)]
    return min(places, default=len(PREFERRED)), family
