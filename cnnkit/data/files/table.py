"""A CSV, TSV or Parquet file of paths, or of texts, with labels.

The first line names the columns: `path` (or file, filename, image), relative to the table's folder,
or `text` (or sentence, message, sms, review);
`label` (or class) for one class, or `labels` for any number separated by |, or a column of 0 and 1
for each class; and, if the splits are given, `split`.
"""

import csv
from pathlib import Path
from typing import Literal

from cnnkit.data.files.listing import SPLITS, File, Listing
from cnnkit.data.files.walk import natural
from cnnkit.data.images.decode import display
from cnnkit.errors import MissingDataError, SettingError

PATH, LABEL = ("path", "file", "filename", "image"), ("label", "class")
TEXT = ("text", "sentence", "message", "sms", "review")
SUFFIXES = (".csv", ".tsv", ".parquet")


def list_table(path: str | Path) -> Listing:
    """Return the files and labels that a table names; whether the files are there is not looked at.

    Raises MissingDataError where there is no such table, SettingError with the row for what is
    missing or contradictory in it.
    """
    path = Path(path)
    paths, names, labels, splits, multi_label = read_table(path, PATH)
    files = tuple(File(*row) for row in zip(paths, splits, labels, strict=True))
    return Listing(path.parent, files, names, multi_label=multi_label)


def read_table(path: Path, wanted: tuple[str, ...]) -> tuple:
    """Return a table's (cells, class names, labels, splits, whether labels may be any number).

    wanted: names that the column of cells may have. Of each row: its cell, a tuple of class
    indices, and "train", "validation", "test" or None. Raises as `list_table` does.
    """
    if not path.is_file():
        raise MissingDataError(f"There is no table {display(path)}; check its path.")
    rows = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    if not rows:
        raise SettingError(f"{display(path)} has no rows below its first line.")
    columns = list(rows[0])
    column = _one_of(wanted, columns)
    if column is None:
        raise SettingError(f"{display(path)} needs a column named {wanted[0]}, not only {columns}.")
    names, labels, multi_label = _labels(path, rows, [c for c in columns if c != column])
    for number, row in enumerate(rows, start=2):
        if not row[column]:
            raise SettingError(f"{display(path)}, row {number}: {column} is empty.")
    splits = [_split(path, number, row.get("split")) for number, row in enumerate(rows, start=2)]
    return [str(row[column]) for row in rows], names, labels, splits, multi_label


def column_names(path: Path) -> list[str]:
    """Return the columns of a table, none where it cannot be read."""
    try:
        return list((_parquet(path) if path.suffix.lower() == ".parquet" else _csv(path))[0])
    except (SettingError, IndexError):
        return []  # whoever reads it in full says what is wrong


def _labels(path: Path, rows: list[dict], columns: list[str]):
    """Return (class names, each row's class indices, whether there may be any number of them)."""
    single = _one_of(LABEL, columns)
    if single or "labels" in columns:
        words = [[str(row[single]).strip()] if single else _words(row["labels"]) for row in rows]
        if single and [""] in words:
            number = words.index([""]) + 2
            raise SettingError(f"{display(path)}, row {number}: {single} is empty.")
        names = sorted({word for own in words for word in own}, key=natural)
        index = {name: number for number, name in enumerate(names)}
        labels = [tuple(sorted({index[word] for word in own})) for own in words]
        return tuple(names), labels, not single
    names = [column for column in columns if column != "split"]
    if not names:
        raise SettingError(f"{display(path)} needs a column named label or labels, or one a class.")
    labels = []
    for number, row in enumerate(rows, start=2):
        flags = [str(row[name]).strip().lower() for name in names]
        for name, flag in zip(names, flags, strict=True):
            if flag not in ("0", "1", "false", "true"):
                raise SettingError(
                    f"{display(path)}, row {number}: {name} is 0 or 1, not {row[name]!r}; "
                    "or name the column of labels `label`."
                )
        labels.append(tuple(i for i, flag in enumerate(flags) if flag in ("1", "true")))
    return tuple(names), labels, True


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in str(text or "").split("|") if word.strip()]


def _split(path: Path, number: int, word: str | None) -> str | None:
    if not word:
        return None
    if word.casefold() not in SPLITS:
        raise SettingError(
            f"{display(path)}, row {number}: split is one of {', '.join(SPLITS)}, not {word!r}."
        )
    return SPLITS[word.casefold()]


def _one_of(wanted: tuple[str, ...], columns: list[str]) -> str | None:
    return next((column for column in columns if column in wanted), None)


def _csv(path: Path) -> list[dict]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            separator = max(",;\t", key=head.count)
            # Tabs are not in texts, so that .tsv needs no quotes, and a quote is a character.
            quoting: Literal[0, 3] = (
                csv.QUOTE_NONE if path.suffix.lower() == ".tsv" else csv.QUOTE_MINIMAL
            )
            reader = csv.DictReader(file, delimiter=separator, strict=True, quoting=quoting)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingError(f"{display(path)} cannot be read as CSV in UTF-8: {error}.") from None
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise SettingError(f"{display(path)}, row {number} has not as many columns as row 1.")
    return [{_column(name): value for name, value in row.items()} for row in rows]


def _column(name: str) -> str:
    """Return a column's name; those with a meaning here may be written in capitals."""
    name = name.strip()
    known = (*PATH, *TEXT, *LABEL, "labels", "split")
    return name.lower() if name.lower() in known else name


def _parquet(path: Path) -> list[dict]:
    try:
        from pyarrow import parquet  # not among the dependencies
    except ImportError:
        raise SettingError(
            f"Reading {display(path)} needs pyarrow: pip install pyarrow, or save it as CSV."
        ) from None
    return parquet.read_table(path).to_pylist()
