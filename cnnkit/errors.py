"""The exceptions a user sees: each message is one sentence that names the thing and the way out.

The library raises them; the command line prints the message, and a traceback only with --debug.
"""

import difflib
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parent


class CnnkitError(Exception):
    """Something a user can put right; the message says what and how."""


class SettingError(CnnkitError, ValueError):
    """A setting, option or argument has a value that is not allowed."""


class UnknownNameError(CnnkitError, LookupError):
    """A name that is not in a catalogue; the message gives the nearest ones."""

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
    """Data or weights are not on this machine and cannot be fetched; the message says where to put them."""


class RunFolderError(CnnkitError):
    """A run folder is missing, unreadable, ambiguous or cannot be written."""


class TrainingError(CnnkitError):
    """Training had to stop, for example because the loss is no longer a number."""


class BadFilesError(CnnkitError):
    """Files that cannot be read; `reasons` maps each one's name to why."""

    def __init__(self, message: str, reasons: Mapping[str, str]):
        self.reasons = dict(reasons)
        listed = "".join(f"\n  {name} {reason}" for name, reason in self.reasons.items())
        super().__init__(message + listed)


def origin_of(error: BaseException) -> str:
    """Return "file, line N" of the last of the user's own lines that an exception passed, or ""."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = (str(PACKAGE), *{str(Path(path)) for path in (sys.prefix, sys.base_prefix)}, "<")
    own = [frame for frame in frames if not frame.filename.startswith(outside)]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else ""
