"""Features in a file that others read: a row a sample, as .npz or as .parquet.

Of each row: `split`; `index`, its sample's place there; `path`, where samples are files; its label; and its
features. A .npz has them as arrays `features` (rows, features), `labels` (class indices, or 0 and 1
for each class), `split`, `index` and `path`, and `class_names` beside them. A Parquet file has
`label`, a class's name, or `labels`, names joined by |, as a table of `cnnkit.data` has them, and a
column a feature, `feature_0` and so on, float16 or float32.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit.errors import SettingError
from cnnkit.runs.atomic import replacing

SUFFIXES = (".npz", ".parquet")
ROWS = 1024  # in memory at once


@dataclass(frozen=True)
class Part:
    """Features of one split: (rows, features); labels as a Split has them; paths or None.

    index: which sample of the split each row is of; in their order unless given.
    """

    features: np.ndarray
    labels: np.ndarray
    paths: tuple[str, ...] | None = None
    index: np.ndarray | None = None

    def __post_init__(self):
        if self.index is None:
            object.__setattr__(self, "index", np.arange(len(self.labels)))

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (which rows, their features), as many as may be in memory."""
        for start in range(0, len(self), ROWS):
            chosen = slice(start, min(start + ROWS, len(self)))
            yield chosen, np.asarray(self.features[chosen])


def check_path(path: Path) -> None:
    """Raise SettingError unless features can be written there, before they are computed."""
    if path.suffix not in SUFFIXES:
        raise SettingError(
            f"Features are written to FILE.npz or FILE.parquet, not to {path.name!r}."
        )
    if not path.parent.is_dir():
        raise SettingError(f"There is no folder {path.parent} for {path.name}; make it first.")
    if path.suffix == ".parquet":
        _parquet(path)


def write(path: Path, parts: Mapping[str, Part], class_names: tuple[str, ...]) -> None:
    """Write the splits' features one below the other; the file is there whole or not at all.

    Raises SettingError for another ending, a missing pyarrow, or a place that cannot be written.
    """
    check_path(path)
    try:
        with replacing(path) as temporary:
            (_write_npz if path.suffix == ".npz" else _write_parquet)(temporary, parts, class_names)
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror or error}.") from error


def _write_npz(path: Path, parts: Mapping[str, Part], class_names: tuple[str, ...]) -> None:
    first = next(iter(parts.values()))
    header = {
        "descr": first.features.dtype.str,
        "fortran_order": False,
        "shape": (sum(map(len, parts.values())), *first.features.shape[1:]),
    }
    columns = {
        "labels": np.concatenate([part.labels for part in parts.values()]),
        "class_names": np.array(class_names),
        "split": np.repeat(list(parts), [len(part) for part in parts.values()]),
        "index": np.concatenate([part.index for part in parts.values()]),
    }
    if first.paths is not None:
        columns["path"] = np.array([name for part in parts.values() for name in part.paths or ()])
    with zipfile.ZipFile(path, "w") as archive:
        # `np.savez` would want all of the matrix at once.
        with archive.open("features.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_2_0(file, header)
            for part in parts.values():
                for _, features in part.rows():
                    file.write(features.tobytes())
        for name, column in columns.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, column, allow_pickle=False)


def _write_parquet(path: Path, parts: Mapping[str, Part], class_names: tuple[str, ...]) -> None:
    pyarrow, parquet = _parquet(path)
    writer = None
    try:
        for split, part in parts.items():
            for chosen, features in part.rows():
                columns: dict = {"split": [split] * len(features)}
                columns["index"] = np.asarray(part.index)[chosen]
                if part.paths is not None:
                    columns["path"] = part.paths[chosen]
                columns |= _label_column(part.labels[chosen], class_names)
                for number, column in enumerate(features.T):
                    columns[f"feature_{number}"] = np.ascontiguousarray(column)
                table = pyarrow.table(columns)
                writer = writer or parquet.ParquetWriter(path, table.schema)
                writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _label_column(labels: np.ndarray, class_names: tuple[str, ...]) -> dict[str, list[str]]:
    if labels.ndim == 1:
        return {"label": [class_names[label] for label in labels]}
    return {"labels": ["|".join(class_names[i] for i in np.flatnonzero(row)) for row in labels]}


def _parquet(path: Path):
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise SettingError(
            f"Writing {path.name} needs pyarrow: pip install pyarrow, or name a .npz file."
        ) from None
    return pyarrow, parquet
