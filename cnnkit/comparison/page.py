"""A comparison as one self-contained HTML page, in the look of a run's report."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import style

from cnnkit import plots
from cnnkit.comparison.comparison import Comparison, Line
from cnnkit.comparison.examples import Example, examples_between
from cnnkit.comparison.forms import cells_of
from cnnkit.comparison.recipes import recipe_differences
from cnnkit.report import markup

METHOD = (
    "An interval over seeds is Student's t interval of the mean; that of a single run is Wilson's over "
    "its test items. Against the baseline, on the same test items: differences in percentage points, "
    "by McNemar's exact test for two runs and by a paired bootstrap over items and runs for more, with "
    "Holm's correction over all lines."
)


def comparison_page(
    comparison: Comparison,
    *,
    command: str = "",
    examples: int = 8,
    pictures: Mapping[int, np.ndarray] | None = None,
) -> str:
    """Return the page.

    Args:
        comparison: The comparison.
        command: The command that makes the page again.
        examples: How many test items to show of each kind.
        pictures: Pictures of test items by index, uint8, shape (height, width) or (height, width, 3).

    Returns:
        HTML that needs no network connection and has no script.
    """
    headings, rows = cells_of(comparison)
    remarks = "".join(f"<p>{markup.escape(each)}</p>\n" for each in comparison.remarks)
    names = _short_names(comparison.lines)
    lettered = [(name, *row) for name, row in zip(names, rows, strict=True)]
    table = _unfolded("The baseline first, then the best first.", ("line", *headings), lettered)
    made = f"<pre><code>{markup.escape(command)}</code></pre>" if command else ""
    parts = [
        f"<h1>{len(rows)} recipes compared</h1>" if len(rows) > 1 else "<h1>One recipe</h1>",
        markup.section("Results", table, f'<p class="soft">{markup.escape(METHOD)}</p>', remarks),
        markup.section("Curves", curves_of(comparison)),
        _recipes(comparison.lines),
        *_examples(comparison, examples, pictures or {}),
        markup.section("How it was made", made) if made else "",
    ]
    return markup.document("Comparison", parts)


def histories_of(comparison: Comparison) -> dict[str, list]:
    """Return the histories of each line's runs by its label, as `plots.overlaid_curves` takes them.

    Args:
        comparison: The comparison.
    """
    return {line.label: [row.run.history for row in line.group.rows] for line in comparison.lines}


def curves_of(comparison: Comparison) -> str:
    """Return the overlaid curves as SVG.

    Args:
        comparison: The comparison.

    Returns:
        HTML.
    """
    with style.context("default"):  # a notebook's dark style would be white ink on white paper
        figure = plots.overlaid_curves(histories_of(comparison))
        return markup.drawing(figure, "curves", "Learning curves of all lines over each other")


def _recipes(lines: Sequence[Line]) -> str:
    found = recipe_differences(lines)
    if len(lines) == 1 or not found:
        return ""
    rows = [(each.what, *each.values) for each in found]
    headings = ("what", *_short_names(lines))
    table = _unfolded("Of the first run of each line.", headings, rows)
    return markup.section("What differs between the recipes", table)


def _examples(comparison: Comparison, count: int, pictures: Mapping[int, np.ndarray]) -> list[str]:
    """Return a section for each line on the items that tell it from the baseline."""
    baseline, sections = comparison.baseline, []
    names = baseline.group.first.run.dataset.get("class_names", [])
    for line in comparison.lines[1:]:
        better, worse = examples_between(line.group, baseline.group, names, count)
        tables = [
            _table_of(title, found, pictures)
            for title, found in (
                (f"Right in {line.label}, wrong in the baseline", better),
                (f"Right in the baseline, wrong in {line.label}", worse),
            )
            if found
        ]
        if tables:
            title = f"Examples that tell {line.label} from the baseline"
            sections.append(markup.section(markup.escape(title), *tables))
    return sections


def _table_of(title: str, found: Sequence[Example], pictures: Mapping) -> str:
    rows = [
        (
            f"test:{each.item}", each.label, each.first_answer, f"{each.first_rate:.0%}",
            each.second_answer, f"{each.second_rate:.0%}",
        )
        for each in found
    ]  # fmt: skip
    headings = ("item", "is", "answer", "right", "baseline's answer", "right")
    shown = "".join(
        f"<li><figure>{markup.picture(pictures[each.item], f'test:{each.item}, {each.label}')}"
        f"<figcaption>test:{each.item}</figcaption></figure></li>"
        for each in found
        if each.item in pictures
    )
    box = f'<ul class="pictures">{shown}</ul>' if shown else ""
    table = _unfolded("Right: the part of the line's runs that is right.", headings, rows)
    return f"<h3>{markup.escape(title)}</h3>{box}{table}"


def _short_names(lines: Sequence[Line]) -> list[str]:
    """Return a short name for each line, by which the tables of the page refer to it."""
    return ["baseline", *(f"line {number}" for number in range(2, len(lines) + 1))]


def _unfolded(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of words that is not folded within a word; it scrolls where it is too wide."""
    table = markup.table(caption, headings, rows, len(headings))
    return f'<div class="unfolded">{table}</div>'
