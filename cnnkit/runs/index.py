"""List thousands of runs quickly: what was read of a run is kept until one of its files changes.

The file `.index.json` of a runs folder holds it. It may be deleted at any time.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cnnkit import atomic
from cnnkit.errors import RunFolderError
from cnnkit.runs import files
from cnnkit.runs.comparison import RECORDS, Row, rows_of
from cnnkit.runs.listing import NEVER, run_folders
from cnnkit.runs.run import Run
from cnnkit.runs.schemas import COUNT, NUMBER, OBJECT, SECONDS, TEXT, TIME, mismatch

NAME = ".index.json"
VERSION = 1  # of its form, and of what `comparison.rows_of` reads; another one is not used
LARGEST = 2**28  # bytes
READ = ("status.json", "metrics.csv", *RECORDS)
SCHEMA: dict[str, Any] = {
    "experiment!": TEXT, "status!": TEXT, "started!?": TIME, "epochs!?": COUNT,
    "validation!?": NUMBER, "test!?": NUMBER, "seconds!?": SECONDS, "settings!": OBJECT,
    "facts!": OBJECT,
}  # fmt: skip


def indexed_rows(runs_dir: str | os.PathLike = "runs") -> list[Row]:
    """Return a row for each run of a folder, as `comparison.rows_of(list_runs(runs_dir))` does.

    Runs that have ended are read once; the index is written beside them if the folder allows it.

    Args:
        runs_dir: The folder that holds the runs. It need not exist.

    Returns:
        The rows, the oldest run first.
    """
    folder = Path(runs_dir)
    known, entries, rows = _load(folder), {}, []
    for path in run_folders(folder):
        name, signature = f"{path.parent.name}/{path.name}", _signature(path)
        entry = known.get(name)
        row = _row_of(path, entry["row"]) if entry and entry.get("signature") == signature else None
        if row is None:
            [row] = rows_of([Run(path)])
            entry = _entry(row, signature)
        rows.append(row)
        if entry is not None:
            entries[name] = entry
    if entries != known:
        _save(folder, entries)
    return sorted(rows, key=lambda row: (row.started or NEVER, row.run.name))


def _signature(folder: Path) -> list:
    """Return what changes when a file does: times, sizes and numbers of all files that are read."""
    signature: list[list[int] | None] = []
    for name in READ:
        try:
            found = os.stat(f"{folder}{os.sep}{name}")
        except OSError:
            signature.append(None)
        else:
            signature.append([found.st_mtime_ns, found.st_size, found.st_ino])
    return signature


def _entry(row: Row, signature: list) -> dict | None:
    """Return what the index keeps of a run; None of one that is at work or cannot be read."""
    try:
        if not row.is_readable or row.run.read_json("status.json")["state"] == "running":
            return None
    except RunFolderError:
        return None
    kept = {name: value for name, value in row.as_dict().items() if name != "run"}
    kept |= {"settings": row.settings, "facts": row.facts}
    return {"signature": signature, "row": atomic.as_read(kept)}


def _row_of(folder: Path, kept) -> Row | None:
    """Return the row of an entry; None if the entry is none."""
    if mismatch(kept, SCHEMA) is not None:
        return None
    started = kept["started"] and datetime.fromisoformat(kept["started"])
    return Row(Run(folder), **(kept | {"started": started}))


def _load(folder: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(files.read_bytes(folder, NAME, LARGEST))
    except (OSError, ValueError, RecursionError):  # none yet, or a broken one: it is made again
        return {}
    if not isinstance(content, dict) or content.get("version") != VERSION:
        return {}
    runs = content.get("runs")
    entries = runs.items() if isinstance(runs, dict) else ()
    return {name: each for name, each in entries if isinstance(each, dict) and "row" in each}


def _save(folder: Path, entries: Mapping[str, Any]) -> None:
    text = json.dumps({"version": VERSION, "runs": entries}, separators=(",", ":"))
    with contextlib.suppress(OSError):  # a folder that cannot be written is read each time
        atomic.write_text(folder / NAME, text)
