"""Read the records of a run folder, JSON and CSV, and check that they hold what a run writes."""

import csv
import io
import json
from pathlib import Path

from cnnkit.errors import RunFolderError
from cnnkit.runs import files
from cnnkit.runs.schemas import SCHEMAS, mismatch, nested_too_deeply

LOCK = "checkpoints/.lock"  # holds who works in the folder, from its first moment


def read_json(folder: Path, filename: str) -> dict:
    """Read a JSON file of a run folder.

    Args:
        folder: The run folder.
        filename: The file's name.

    Returns:
        Its content, with every field of the kind that `schemas.SCHEMAS` names.

    Raises:
        RunFolderError: The file is missing or broken; the message has its path and the reason.
    """
    try:
        content = json.loads(files.read_bytes(folder, filename))
    except FileNotFoundError:
        advice = _advice_for(folder)
        raise RunFolderError(
            f"{folder} is not a whole run folder: no {filename}.{advice}"
        ) from None
    except OSError as error:
        raise _unreadable(folder, filename, str(error.strerror)) from None
    except RecursionError:
        raise _unreadable(folder, filename, "it is nested too deeply") from None
    except ValueError as error:
        raise _unreadable(folder, filename, str(error)) from None
    if not isinstance(content, dict):
        raise _unreadable(folder, filename, "it does not hold an object")
    if nested_too_deeply(content):
        raise _unreadable(folder, filename, "it is nested too deeply")
    wrong = mismatch(content, SCHEMAS.get(filename, {}))
    if wrong:
        raise _unreadable(folder, filename, wrong)
    return content


def read_history(folder: Path) -> dict[str, list[float]]:
    """Read metrics.csv.

    Args:
        folder: The run folder.

    Returns:
        A list of numbers for each column, one for each epoch; {} where there is no epoch yet.

    Raises:
        RunFolderError: The file is broken; the message has its path and the reason.
    """
    try:
        text = files.read_bytes(folder, "metrics.csv").decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        return {key: [float(row[key]) for row in rows] for key in rows[0]} if rows else {}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(folder, "metrics.csv", str(error.strerror)) from None
    except (ValueError, TypeError, csv.Error) as error:
        raise _unreadable(folder, "metrics.csv", str(error)) from None


def _advice_for(folder: Path) -> str:
    """Say what to do with a folder that a run made, and that it did not come to seal."""
    if (folder / LOCK).exists() and not (folder / "SHA256SUMS").exists():
        return " Its process ended before anything was trained: start the run again."
    return ""


def _unreadable(folder: Path, filename: str, reason: str) -> RunFolderError:
    return RunFolderError(f"{folder / filename} cannot be read: {reason}.")
