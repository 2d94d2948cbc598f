"""The exceptions that users see. Each message says in one sentence what is wrong and what to do.

The library raises them; the command line prints the message, and a traceback only with --debug.
"""

import difflib
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parent


class CnnkitError(Exception):
    """Base class: something that the user can correct."""


class SettingError(CnnkitError, ValueError):
    """A setting, option or argument has an invalid value."""


class RefusedFileError(SettingError):
    """A model or weights file could do harm, so it is not opened; the message says what is in it."""


class RefusedExportError(SettingError):
    """An exported model answers otherwise than the model itself, so it is not kept."""


class UnknownNameError(CnnkitError, LookupError):
    """A name is not registered; the message gives the nearest ones.

    Args:
        kind: What the name should be the name of: "model", "dataset".
        name: The unknown name.
        known: All known names.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        self.kind, self.name, self.known = kind, name, sorted(known)
        nearest = difflib.get_close_matches(name, self.known, n=3, cutoff=0.5)
        if nearest:
            hint = f"did you mean {' or '.join(repr(match) for match in nearest)}?"
        elif self.known:
            hint = f"known are {', '.join(self.known)}."
        else:
            hint = "none is known here."
        super().__init__(f"There is no {kind} named {name!r}; {hint}")


class MissingDataError(CnnkitError):
    """Data or weights are missing and cannot be downloaded; the message says where to put them."""


class RunFolderError(CnnkitError):
    """A run folder is missing, ambiguous, or cannot be read or written."""


class TrainingError(CnnkitError):
    """Training cannot go on, for example because the loss became NaN."""


class StoppedError(CnnkitError):
    """A callback ended a run before its last epoch; the run counts as interrupted."""


class BadFilesError(CnnkitError):
    """Some files cannot be read.

    Args:
        message: First line of the message.
        reasons: Why, by file name; the following lines.
    """

    def __init__(self, message: str, reasons: Mapping[str, str]):
        self.reasons = dict(reasons)
        listed = "".join(f"\n  {name} {reason}" for name, reason in self.reasons.items())
        super().__init__(message + listed)


class BadFile(CnnkitError):
    """A file cannot be read as an input; the message, such as "is empty", follows the file's name."""


class BadImage(BadFile):
    """A file cannot be read as an image."""


def origin_of(error: BaseException) -> str:
    """Find the user's line that an exception comes from.

    Args:
        error: An exception that was raised.

    Returns:
        "FILE, line N" of the innermost frame outside this package and the installed ones; "" where
        there is none.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    installed = (str(PACKAGE), *{str(Path(path)) for path in (sys.prefix, sys.base_prefix)}, "<")
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if not frame.filename.startswith(installed)]
    return f"{users[-1].filename}, line {users[-1].lineno}" if users else ""
