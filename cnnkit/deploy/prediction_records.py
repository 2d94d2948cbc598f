"""Predictions as JSON lines, CSV or Parquet, written one after the other.

Each has `file`, the name of the file. Where one class is right, it has `label` and `probability`; else
`labels` and `probabilities`, a list each, which CSV joins by |. With several `top` classes, JSON has a
list `top` of {"label", "probability"}, and tables have the columns `top_1`, `top_1_probability` and so
on. `error` says why a file cannot be read; the fields before it are then empty.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import IO

from cnnkit.deploy.prediction import Prediction
from cnnkit.errors import SettingError
from cnnkit.evaluation.tasks import Task

FORMATS = {".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet"}  # by ending
ROWS = 1024  # of a Parquet file that are in memory


def record(prediction: Prediction, *, top: int = 1, threshold: float | None = None) -> dict:
    """Return a prediction as JSON holds it.

    Args:
        prediction: The prediction.
        top: How many of the most probable classes to list; 1 lists none besides the answer.
        threshold: The least probability of an answer, as `Prediction.answers` takes it.

    Returns:
        A dict, as this module's docstring says.
    """
    named = prediction.answers(threshold)
    columns = prediction.task.answer_columns
    found: dict = {"file": prediction.source}
    for place, column in enumerate(columns):
        values = [each[place] for each in named]
        if prediction.problem:
            values = []
        found[column] = values if prediction.task.names_several else next(iter(values), None)
    if top > 1:
        found["top"] = [
            {"label": label, "probability": chance} for label, chance in prediction.top(top)
        ]
    return found | {"error": prediction.problem or None}


class JsonLines:
    """Writes predictions as JSON lines.

    Args:
        file: A text file that is open for writing.
        options: Of `record`.
    """

    def __init__(self, file: IO[str], **options):
        self.file, self.options = file, options

    def add(self, prediction: Prediction) -> None:
        """Write a prediction."""
        found = record(prediction, **self.options)
        kept = {name: value for name, value in found.items() if name != "error" or value}
        self.file.write(json.dumps(kept, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Write what is left."""


class Csv:
    """Writes predictions as CSV.

    Args:
        file: A text file that is open for writing, with newline="".
        task: The model's task.
        top: As of `record`.
        threshold: As of `record`.
    """

    def __init__(self, file: IO[str], task: Task, *, top: int = 1, threshold: float | None = None):
        self.columns, self.top, self.threshold = _columns(task, top), top, threshold
        self.writer = csv.writer(file, lineterminator="\n")
        self.writer.writerow(self.columns)

    def add(self, prediction: Prediction) -> None:
        """Write a prediction."""
        row = _row(record(prediction, top=self.top, threshold=self.threshold), self.columns)
        self.writer.writerow(
            "|".join(map(str, value)) if isinstance(value, list) else value for value in row
        )

    def close(self) -> None:
        """Write what is left."""


class Parquet:
    """Writes predictions as a Parquet file.

    Args:
        path: The file.
        task: The model's task.
        top: As of `record`.
        threshold: As of `record`.

    Raises:
        SettingError: pyarrow is not installed.
    """

    def __init__(self, path: Path, task: Task, *, top: int = 1, threshold: float | None = None):
        pyarrow = require_pyarrow()
        self.columns, self.top, self.threshold = _columns(task, top), top, threshold
        types: dict[str, Callable] = {"label": pyarrow.string, "probability": pyarrow.float32}
        fields = []
        for name in self.columns:
            kind = types["probability" if name.endswith("probability") else "label"]()
            if name in ("labels", "probabilities"):
                kind = pyarrow.list_(types["label" if name == "labels" else "probability"]())
            fields.append((name, kind))
        self.schema, self.rows = pyarrow.schema(fields), []
        self.table = pyarrow.Table.from_pylist
        self.writer = pyarrow.parquet.ParquetWriter(path, self.schema)

    def add(self, prediction: Prediction) -> None:
        """Write a prediction."""
        row = _row(record(prediction, top=self.top, threshold=self.threshold), self.columns)
        self.rows.append(dict(zip(self.columns, row, strict=True)))
        if len(self.rows) == ROWS:
            self._write()

    def close(self) -> None:
        """Write what is left."""
        self._write()
        self.writer.close()

    def _write(self) -> None:
        self.writer.write_table(self.table(self.rows, self.schema))
        self.rows = []


def require_pyarrow():
    """Return the module pyarrow, with its Parquet files.

    Raises:
        SettingError: It is not installed.
    """
    try:
        import pyarrow.parquet  # an optional package
    except ImportError:
        raise SettingError(
            "Parquet files need pyarrow: pip install pyarrow, or name a .csv file."
        ) from None
    return pyarrow


def _columns(task: Task, top: int) -> list[str]:
    ranks = range(1, top + 1) if top > 1 else ()
    tops = [f"top_{rank}{part}" for rank in ranks for part in ("", "_probability")]
    return ["file", *task.answer_columns, *tops, "error"]


def _row(found: dict, columns: list[str]) -> list:
    flat = dict(found)
    for rank, each in enumerate(flat.pop("top", ()), start=1):
        flat |= {f"top_{rank}": each["label"], f"top_{rank}_probability": each["probability"]}
    return [flat.get(column) for column in columns]
