"""Parquet files: their rows without pictures, and the pictures inside them, a few at a time.

Hugging Face's data sets have a column of pictures or sounds, `struct<bytes, path>`, and class numbers
whose names stand in the schema. Other tools write a column of plain bytes.
"""

import collections
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.data.images import decode, threads
from cnnkit.data.images.decode import display
from cnnkit.errors import BadImage, SettingError

MOST_ROWS, BATCH_BYTES = 64, 2**24  # that are read together
BUFFER_BYTES = 2**20
FEATURES = b"huggingface"  # in the metadata of a schema


@dataclass(frozen=True)
class Inside:
    """A cell whose file is inside the table; it is read when it is needed.

    Attributes:
        column: The name of its column.
    """

    column: str


class ParquetFiles:
    """The files in one column of a Parquet file; threads may share it.

    Some 16 MB of rows are in memory. Rows that are asked for in about their order are read once. A row before those that are at hand makes
    its row group be read again from its start.

    Args:
        path: The Parquet file.
        column: The column, of bytes or of `struct<bytes, path>`.
    """

    def __init__(self, path: Path, column: str):
        self.path, self._column = path.absolute(), column
        self._file = _opened(path)
        groups = range(self._file.metadata.num_row_groups)
        sizes = [self._file.metadata.row_group(group).num_rows for group in groups]
        self._starts = np.cumsum([0, *sizes])
        self._lock = threading.Lock()
        self._rows = self._rows_read_together()
        # Each thread may be a few rows ahead of the slowest one.
        most = 2 + 4 * threads.cores() // self._rows
        self._at_hand: collections.deque[tuple[int, Any]] = collections.deque(maxlen=most)
        self._rest: Iterator[tuple[int, Any]] = iter(())

    def __getstate__(self):
        return {"path": self.path, "column": self._column}

    def __setstate__(self, state):
        self.__init__(**state)  # the open file and the lock are made anew

    def name(self, row: int) -> str:
        """Return what to call the file in a row, counted from 0: "train.parquet#7"."""
        return f"{self.path.name}#{row}"

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Args:
            name: As `name` returned it.

        Raises:
            BadImage: The row has none, or it is too large.
        """
        with self._lock:
            cell = self._cell(int(name.rpartition("#")[2]))
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if content is None and isinstance(cell, dict) and cell.get("path"):
            return decode.read(self.path.parent / cell["path"])
        if content is None:
            raise BadImage("is empty")
        if len(content) > decode.LARGEST_BYTES:
            raise BadImage(f"has {len(content):,} bytes, more than {decode.LARGEST_BYTES:,}")
        return content

    def _cell(self, row: int):
        while True:
            for start, cells in self._at_hand:
                if start <= row < start + len(cells):
                    return cells[row - start].as_py()
            if not self._at_hand or not self._is_ahead(row):
                self._at_hand.clear()
                self._rest = self._batches(int(np.searchsorted(self._starts, row, "right")) - 1)
            self._at_hand.append(next(self._rest))

    def _rows_read_together(self) -> int:
        metadata = self._file.metadata
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        bytes_a_row = sum(group.total_byte_size for group in groups) // max(1, metadata.num_rows)
        return max(1, min(MOST_ROWS, BATCH_BYTES // max(1, bytes_a_row)))

    def _is_ahead(self, row: int) -> bool:
        """Return whether reading on is the shortest way to a row."""
        last = self._at_hand[-1][0]
        nearest = self._starts[int(np.searchsorted(self._starts, row, "right")) - 1]
        return row > last and nearest <= last + len(self._at_hand[-1][1])

    def _batches(self, group: int) -> Iterator[tuple[int, Any]]:
        """Yield the number of the first row of each batch from a row group on, and its cells."""
        start = int(self._starts[group])
        groups = list(range(group, self._file.metadata.num_row_groups))
        batches = self._file.iter_batches(self._rows, row_groups=groups, columns=[self._column])
        try:
            for batch in batches:
                yield start, batch.column(0)
                start += batch.num_rows
        except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
            raise BadImage(f"cannot be read: {error}") from None


def read_rows(path: Path) -> list[dict]:
    """Read the rows of a Parquet file, without the files inside it.

    Args:
        path: The file.

    Returns:
        A dict a row. A cell with a file in it is an Inside. Class numbers of Hugging Face's ClassLabel
        are the classes' names.

    Raises:
        SettingError: It cannot be read, or pyarrow is missing.
    """
    file = _opened(path)
    schema = file.schema_arrow
    inside = [field.name for field in schema if _holds_files(field.type)]
    others = [name for name in schema.names if name not in inside]
    try:
        table = file.read(columns=others) if others else None
    except (OSError, ValueError) as error:
        raise SettingError(f"{display(path)} cannot be read as Parquet: {error}.") from None
    rows = [{}] * file.metadata.num_rows if table is None else table.to_pylist()
    files, names = {name: Inside(name) for name in inside}, _class_names(schema.metadata or {})
    return [{**_named(row, names), **files} for row in rows]


def _opened(path: Path):
    try:
        from pyarrow import parquet  # not among the dependencies
    except ImportError:
        raise SettingError(
            f"Reading {display(path)} needs pyarrow: pip install pyarrow, or save it as CSV."
        ) from None
    try:
        # Without these, all row groups of a column are read at once.
        return parquet.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES)
    except (OSError, ValueError) as error:
        raise SettingError(f"{display(path)} cannot be read as Parquet: {error}.") from None


def _holds_files(kind) -> bool:
    """Return whether a type is that of bytes, or of a struct with bytes in it."""
    words = str(kind)
    if words.startswith("struct<"):
        return any(field.name == "bytes" and _holds_files(field.type) for field in kind)
    return words in ("binary", "large_binary")


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Return the names of each column of ClassLabel that a schema describes."""
    try:
        features = json.loads(metadata[FEATURES])["info"]["features"]
        return {
            name: [str(each) for each in feature["names"]]
            for name, feature in features.items()
            if feature.get("_type") == "ClassLabel"
        }
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def _named(row: dict, names: Mapping[str, list[str]]) -> dict:
    """Return a row with classes by name; -1, which means that there is none, becomes None."""
    return row | {
        column: known[row[column]] if 0 <= row[column] < len(known) else None
        for column, known in names.items()
        if isinstance(row.get(column), int)
    }
