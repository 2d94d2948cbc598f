"""Runs as a table in the terminal, as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime

from cnnkit import atomic
from cnnkit.cli.output import Listing, table
from cnnkit.runs.comparison import COLUMNS, MEASURED

NUMBERS = ("runs", "tested", "epochs", *MEASURED)


def listing_of(
    records: Sequence[dict], settings: Sequence[str], group_by: Sequence[str]
) -> Listing:
    """Return runs or groups of runs as a table for the terminal.

    Args:
        records: What `comparison.Row.flat` or `comparison.grouped` returns.
        settings: The settings to show after the columns of a run.
        group_by: What groups have in common; () for single runs.

    Returns:
        The table.
    """
    names = [*group_by, "runs", "tested", *MEASURED] if group_by else [*COLUMNS, *settings]
    listing = table(*names, numbers=tuple(name for name in names if name in NUMBERS))
    for record in records:
        listing.add_row(*(_cell(name, record) for name in names))
    return listing


def as_csv(records: Sequence[dict]) -> str:
    """Return records as CSV with a header; lists and dicts in it are JSON.

    Args:
        records: As of `listing_of`.

    Returns:
        The text, without a line break at its end.
    """
    names = dict.fromkeys(name for record in records for name in record) or COLUMNS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_plain(record.get(name)) for name in names] for record in records)
    return text.getvalue().removesuffix("\n")


def as_json(records: Sequence[dict]) -> str:
    """Return records as a JSON list.

    Args:
        records: As of `listing_of`.

    Returns:
        The text.
    """
    return json.dumps(atomic.as_read(list(records)), indent=2)


def _plain(value):
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _cell(name: str, record: dict) -> str:
    """Return a value as the table shows it; "" where there is none."""
    value = record.get(name)
    if value is None:
        return "None" if name in record and name not in (*COLUMNS, *MEASURED) else ""
    if name == "started":
        return datetime.fromisoformat(value).astimezone().strftime("%Y-%m-%d %H:%M")
    if name not in MEASURED:
        return str(value)
    spread = record.get(f"{name}_std")
    if name == "seconds":
        return f"{value:.1f}" + ("" if spread is None else f" ± {spread:.1f}")
    return f"{value:.2%}" + ("" if spread is None else f" ± {100 * spread:.2f}")
