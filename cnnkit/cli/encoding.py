"""Print on terminals and pipes whose encoding lacks some characters."""

import codecs
import sys

LEGIBLE = "cnnkit.legible"  # the name of the error handler
LOOKALIKES = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "━": "=", "×": "x", "…": "...", "±": "+-", "’": "'", "\u202f": " "}
)  # fmt: skip


def print_in_any_encoding() -> None:
    """Let the standard streams print what their encoding lacks as a lookalike, or as an escape.

    A pipe on Windows or the locale "C" cannot print "–" or "é"; that must not end a command.
    """
    codecs.register_error(LEGIBLE, _legible)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook's streams have no encoding
            stream.reconfigure(errors=LEGIBLE)


def _legible(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    words = error.object[error.start : error.end].translate(LOOKALIKES)
    return words.encode("ascii", "backslashreplace").decode(), error.end
