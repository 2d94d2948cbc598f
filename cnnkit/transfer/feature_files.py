"""Features in a file for other programs: a row a sample, as .npz or .parquet.

Each row has `split`; `index`, its sample's place there; `path`, if samples are files; its label; and
its features. A .npz file has the arrays `features` (rows, features), `labels` (class indices, or 0
and 1 for each class), `split`, `index`, `path` and `class_names`. A Parquet file has the columns
`label`, a class's name, or `labels`, names joined by |, as a table of `cnnkit.data` has them, and a
column a feature: `feature_0` and so on, float16 or float32.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit.atomic import replacing
from cnnkit.errors import SettingError

SUFFIXES = (".npz", ".parquet")
ROWS = 1024  # read into memory at a time


@dataclass(frozen=True)
class SplitFeatures:
    """The features of one split.

    Attributes:
        features: Shape (rows, features).
        labels: As a Split has them, one a row.
        paths: The file of each row's sample, or None.
        index: Which sample of the split each row is of; in order unless given.
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
        """Yield (slice of rows, their features), a part that fits in memory at a time."""
        for start in range(0, len(self), ROWS):
            chosen = slice(start, min(start + ROWS, len(self)))
            yield chosen, np.asarray(self.features[chosen])


def check_path(path: Path) -> None:
    """Check that features can be written to a file, before they are computed.

    Args:
        path: The file.

    Raises:
        SettingError: The ending is wrong, the folder is missing, or pyarrow is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise SettingError(
            f"Features are written to FILE.npz or FILE.parquet, not to {path.name!r}."
        )
    if not path.parent.is_dir():
        raise SettingError(f"There is no folder {path.parent} for {path.name}; make it first.")
    if path.suffix == ".parquet":
        _pyarrow(path)


def write(path: Path, parts: Mapping[str, SplitFeatures], class_names: tuple[str, ...]) -> None:
    """Write the features of several splits to one file, which is complete or not there at all.

    Args:
        path: FILE.npz or FILE.parquet.
        parts: The features of each split, by its name.
        class_names: Names of the classes, in the order of the labels.

    Raises:
        SettingError: What `check_path` raises, or the file cannot be written.
    """
    check_path(path)
    try:
        with replacing(path) as temporary:
            (_write_npz if path.suffix == ".npz" else _write_parquet)(temporary, parts, class_names)
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror or error}.") from error


def _write_npz(
    path: Path, parts: Mapping[str, SplitFeatures], class_names: tuple[str, ...]
) -> None:
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
        # `np.savez` would need the whole matrix in memory.
        with archive.open("features.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_2_0(file, header)
            for part in parts.values():
                for _, features in part.rows():
                    file.write(features.tobytes())
        for name, column in columns.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, column, allow_pickle=False)


def _write_parquet(
    path: Path, parts: Mapping[str, SplitFeatures], class_names: tuple[str, ...]
) -> None:
    pyarrow = _pyarrow(path)
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
                writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
                writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _label_column(labels: np.ndarray, class_names: tuple[str, ...]) -> dict[str, list[str]]:
    if labels.ndim == 1:
        return {"label": [class_names[label] for label in labels]}
    return {"labels": ["|".join(class_names[i] for i in np.flatnonzero(row)) for row in labels]}


def _pyarrow(path: Path):
    try:
        import pyarrow.parquet  # an optional package
    except ImportError:
        raise SettingError(
            f"Writing {path.name} needs pyarrow: pip install pyarrow, or name a .npz file."
        ) from None
    return pyarrow
