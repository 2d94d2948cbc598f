"""A comparison as records and as text: cells of a table, CSV, Markdown, LaTeX."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cnnkit.comparison.comparison import Comparison, Line
from cnnkit.evaluation.significance import Interval

PLAIN_COLUMNS = ("experiment", "runs")  # of words or counts, before the settings
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def records_of(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a dict for each line, with numbers as they are.

    Args:
        comparison: The comparison.

    Returns:
        Dicts of the same keys. Scores are from 0 to 1, times in seconds; None is no value.
    """
    return [_record(comparison, line) for line in comparison.lines]


def cells_of(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the table that a reader sees.

    Args:
        comparison: The comparison.

    Returns:
        Headings, and a row of texts for each line. Columns without any value are left out.
    """
    rows = [_cells(comparison, line) for line in comparison.lines]
    headings = [name for name in rows[0] if any(row[name] for row in rows)]
    return headings, [[row[name] for name in headings] for row in rows]


def as_csv(comparison: Comparison) -> str:
    """Return a comparison as CSV with a header; numbers are not rounded.

    Args:
        comparison: The comparison.

    Returns:
        The text, without a line break at its end.
    """
    records, text = records_of(comparison), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(records[0])
    writer.writerows([_plain(value) for value in record.values()] for record in records)
    return text.getvalue().removesuffix("\n")


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, as GitHub reads it.

    Args:
        headings: One a column.
        rows: A text a column, for each row.

    Returns:
        The text, without a line break at its end.
    """
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(_in_markdown, line))} |" for line in lines)


def latex_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Return a table in LaTeX, with the rules of the package booktabs.

    Args:
        headings: One a column.
        rows: A text a column, for each row.

    Returns:
        The text: a `tabular`, without a line break at its end.

    >>> print(latex_table(["a_b", "test"], [["x", "97.1 %"]]))
    \begin{tabular}{ll}
    \toprule
    a\_b & test \\
    \midrule
    x & 97.1 \% \\
    \bottomrule
    \end{tabular}
    """

    def line(cells):
        return (
            " & ".join("".join(LATEX.get(each, each) for each in cell) for cell in cells) + r" \\"
        )

    return "\n".join(
        [
            rf"\begin{{tabular}}{{{'l' * len(headings)}}}", r"\toprule", line(headings), r"\midrule",
            *map(line, rows), r"\bottomrule", r"\end{tabular}",
        ]
    )  # fmt: skip


def with_interval(score: Interval | None) -> str:
    """Return a score with its interval in per cent; "" for None.

    Args:
        score: From 0 to 1.

    Returns:
        The text.

    >>> with_interval(Interval(0.98611, 0.9806, 0.9972)), with_interval(Interval(0.5, None, None))
    ('98.61 % (98.06 to 99.72)', '50.00 %')
    """
    if score is None:
        return ""
    ends = "" if score.low is None else f" ({100 * score.low:.2f} to {100 * (score.high or 0):.2f})"
    return f"{100 * score.mean:.2f} %{ends}"


def duration(seconds: float | None) -> str:
    """Return a time as a table shows it: "12.3 s" or "4.5 min"; "" for None.

    Args:
        seconds: At least 0.
    """
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def p_in_words(p_value: float | None) -> str:
    """Return a p-value as a table shows it; "" for None.

    Args:
        p_value: In [0, 1].

    >>> p_in_words(0.03141), p_in_words(0.00002)
    ('0.031', '< 0.001')
    """
    if p_value is None:
        return ""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


def setting_in_words(value) -> str:
    """Return a setting's value as a table shows it.

    Args:
        value: What JSON holds of it.
    """
    return value if isinstance(value, str) else json.dumps(value)


def _record(comparison: Comparison, line: Line) -> dict[str, Any]:
    group, test = line.group, line.difference
    settings: Mapping[str, Any] = group.settings | {
        "epochs": group.first.facts.get("recipe.epochs")
    }
    validation = group.validation or Interval(float("nan"), None, None)
    return {
        "label": line.label,
        "experiment": group.first.experiment,
        **{name: settings.get(name) for name in comparison.settings},
        "runs": len(group.rows),
        "seeds": ", ".join(map(str, group.seeds)),
        "test": group.test.mean,
        "test_low": group.test.low,
        "test_high": group.test.high,
        "interval_over": group.interval_over,
        "validation": None if group.validation is None else validation.mean,
        "validation_low": validation.low,
        "validation_high": validation.high,
        "parameters": group.first.facts.get("parameters"),
        "seconds": group.seconds,
        "is_baseline": line is comparison.baseline,
        "difference": test and test.difference,
        "difference_low": test and test.low,
        "difference_high": test and test.high,
        "p_value": test and test.p_value,
        "p_holm": line.p_holm,
        "paired_test": test and test.test,
    }


def _cells(comparison: Comparison, line: Line) -> dict[str, str]:
    group, test = line.group, line.difference
    settings = group.settings | {"epochs": group.first.facts.get("recipe.epochs")}
    named = {name: settings.get(name) for name in comparison.settings}
    parameters = group.first.facts.get("parameters")
    is_single = len(group.rows) == 1
    against = "" if len(comparison.lines) == 1 else _against(line, comparison)
    return {
        "experiment": group.first.experiment,
        "run": group.first.run.name if is_single else "",
        **{name: "" if value is None else setting_in_words(value) for name, value in named.items()},
        "seeds": ", ".join(map(str, group.seeds)),
        "test (95 % interval)": with_interval(group.test),
        "validation": "" if group.validation is None else f"{100 * group.validation.mean:.2f} %",
        "parameters": "" if parameters is None else f"{parameters:,}",
        "training": duration(group.seconds),
        "against baseline": against,
        "p (Holm)": "" if test is None else f"{p_in_words(line.p_holm)} {test.test}",
    }


def _against(line: Line, comparison: Comparison) -> str:
    if line is comparison.baseline:
        return "baseline"
    test = line.difference
    if test is None:
        return ""
    ends = (
        ""
        if test.low is None or test.high is None
        else f" ({100 * test.low:+.2f} to {100 * test.high:+.2f})"
    )
    return f"{100 * test.difference:+.2f}{ends}"


def _plain(value):
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _in_markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
