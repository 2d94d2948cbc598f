"""A CSV, TSV or Parquet file of paths, or of texts, with labels.

The first line names the columns. `path` (or file, filename, file_name, image, image_id, id) is
relative to the table's folder; `text` may also be called sentence, message, sms or review. `label`
(or class) holds one class, `labels` any number separated by |; or each class has a column of 0 and 1.
`split` is optional. A Parquet file may hold the files themselves, see `cnnkit.data.files.parquet`.
"""

import csv
import glob
from pathlib import Path
from typing import Literal

from cnnkit.data.files import parquet
from cnnkit.data.files.listing import SPLITS, File, Listing, split_of
from cnnkit.data.files.walk import natural
from cnnkit.data.images.decode import display
from cnnkit.errors import MissingDataError, SettingError

PATH = ("path", "file", "filename", "file_name", "image", "image_id")
ID = "id"  # names a file where no column of PATH does
LABEL = ("label", "class")
TEXT = ("text", "sentence", "message", "sms", "review")
SUFFIXES = (".csv", ".tsv", ".parquet")


def list_table(path: str | Path) -> Listing:
    """List the files and labels of a table. Files that are missing are listed, too.

    Args:
        path: A .csv, .tsv or .parquet file.

    Returns:
        The files in the order of the rows.

    Raises:
        MissingDataError: There is no such table.
        SettingError: A cell or column is missing or not allowed; the row is named.
    """
    path = Path(path)
    paths, names, labels, splits, multi_label = read_table(path, (*PATH, ID))
    inside = None
    if isinstance(paths[0], parquet.Inside):
        inside = parquet.ParquetFiles(path, paths[0].column)
        paths = [inside.name(row) for row in range(len(paths))]
    else:
        paths = [_existing(path.parent, each) for each in paths]
    files = tuple(File(*row) for row in zip(paths, splits, labels, strict=True))
    return Listing(path.parent, files, names, multi_label=multi_label, inside=inside)


def _existing(root: Path, name: str) -> str:
    """Return the path of the file that a table names, perhaps with Windows' separators or no ending."""
    for path in (name, name.replace("\\", "/")):
        if (root / path).exists():
            return path
        same = list((root / path).parent.glob(f"{glob.escape(Path(path).name)}.*"))
        if not Path(path).suffix and len(same) == 1:
            return str(Path(path).parent / same[0].name)
    return name


def read_table(path: Path, wanted: tuple[str, ...]) -> tuple:
    """Read the paths or texts of a table with their labels.

    Args:
        path: A .csv, .tsv or .parquet file.
        wanted: Names that the column of paths or texts may have, the preferred one first.

    Returns:
        (cells, class names, labels, splits, multi_label). A row has a cell, which is a text or a
        `parquet.Inside`, a tuple of class indices,
        and a split: "train", "validation", "test" or None.

    Raises:
        MissingDataError: There is no such table.
        SettingError: A cell or column is missing or not allowed; the row is named.
    """
    if not path.is_file():
        raise MissingDataError(f"There is no table {display(path)}; check its path.")
    rows = parquet.read_rows(path) if path.suffix.lower() == ".parquet" else _csv(path)
    if not rows:
        raise SettingError(f"{display(path)} has no rows below its first line.")
    columns = list(rows[0])
    inside = [name for name in columns if isinstance(rows[0][name], parquet.Inside)]
    # Files inside the table need no paths; a table of texts may have bytes of something else.
    column = inside[0] if inside and PATH[0] in wanted else _one_of(wanted, columns)
    if column is None:
        raise SettingError(f"{display(path)} needs a column named {wanted[0]}, not only {columns}.")
    others = [name for name in columns if name not in (column, *inside)]
    names, labels, multi_label = _labels(path, rows, others)
    for number, row in enumerate(rows, start=2):
        if not _text(row[column]):
            raise SettingError(f"{display(path)}, row {number}: {column} is empty.")
    splits = [_split(path, number, row.get("split")) for number, row in enumerate(rows, start=2)]
    cells = [row[column] for row in rows]
    texts = [cell if isinstance(cell, str | parquet.Inside) else _text(cell) for cell in cells]
    return texts, names, labels, splits, multi_label


def column_names(path: Path) -> list[str]:
    """Return the columns of a table.

    Args:
        path: A .csv, .tsv or .parquet file.

    Returns:
        Their names; [] if the table cannot be read.
    """
    try:
        return list(
            (parquet.read_rows(path) if path.suffix.lower() == ".parquet" else _csv(path))[0]
        )
    except (SettingError, IndexError):
        return []  # whoever reads it in full says what is wrong


def _labels(path: Path, rows: list[dict], columns: list[str]):
    """Return (class names, each row's class indices, whether there may be any number of them)."""
    single = _one_of(LABEL, columns)
    if single or "labels" in columns:
        if single and any(isinstance(row[single], list) for row in rows):
            words = [_words(row[single]) for row in rows]  # a list of classes in each row
            several = any(len(own) != 1 for own in words)
        else:
            words = [[_text(row[single])] if single else _words(row["labels"]) for row in rows]
            several = not single
        if single and [""] in words:
            number = words.index([""]) + 2
            raise SettingError(f"{display(path)}, row {number}: {single} is empty.")
        names = sorted({word for own in words for word in own}, key=natural)
        index = {name: number for number, name in enumerate(names)}
        labels = [tuple(sorted({index[word] for word in own})) for own in words]
        return tuple(names), labels, several
    names = [column for column in columns if column not in ("split", ID) and not _is_index(column)]
    if not names:
        raise SettingError(f"{display(path)} needs a column named label or labels, or one a class.")
    labels = []
    for number, row in enumerate(rows, start=2):
        flags = [_text(row[name]).lower().removesuffix(".0") for name in names]
        for name, flag in zip(names, flags, strict=True):
            if flag not in ("0", "1", "false", "true"):
                raise SettingError(
                    f"{display(path)}, row {number}: {name} is 0 or 1, not {row[name]!r}; "
                    "or name the column of labels `label`."
                )
        labels.append(tuple(i for i, flag in enumerate(flags) if flag in ("1", "true")))
    return tuple(names), labels, True


def _split(path: Path, number: int, word) -> str | None:
    text = _text(word)
    if not text:
        return None
    split = split_of(text)
    if split is None:
        raise SettingError(
            f"{display(path)}, row {number}: split is one of {', '.join(SPLITS)}, not {word!r}."
        )
    return split


def _text(value) -> str:
    """Return a cell as text: missing values are empty, and whole floats are integers."""
    if value is None or value != value:  # NaN is how pandas stores a missing value
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _words(value) -> list[str]:
    """Return the labels in a cell: those of a list, or of a text with | between them."""
    words = value if isinstance(value, list) else _text(value).split("|")
    return [text for text in map(_text, words) if text]


def _is_index(column: str) -> bool:
    """Return whether a column is the index that pandas writes into every CSV and Parquet file."""
    return column in ("", "__index_level_0__") or column.startswith("Unnamed: ")


def _one_of(wanted: tuple[str, ...], columns: list[str]) -> str | None:
    return next((name for name in wanted if name in columns), None)


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
    known = (*PATH, ID, *TEXT, *LABEL, "labels", "split")
    return name.lower() if name.lower() in known else name
