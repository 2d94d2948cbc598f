"""What "-" stands for: names of files, texts, or the content of one file, from standard input."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cnnkit.data.images.decode import LARGEST_BYTES

LONGEST_LINE = 2**20  # bytes; a longer one is no name and no text


def sources_from_standard_input(inputs) -> Iterator[Path | bytes | str]:
    """Yield what standard input has for a model.

    Args:
        inputs: The model's inputs. For texts, each line is a text. Else the lines are names of
            files if the first one is text, or names a file; if not, all is the content of one file.

    Yields:
        Paths, texts, or the content of one file.
    """
    stream = sys.stdin.buffer
    first = stream.readline(LONGEST_LINE)
    if not first:
        return
    if not _names_a_file(first) and inputs.kind != "text" and not _is_text(first):
        yield first + stream.read(LARGEST_BYTES)
        return
    are_texts = inputs.kind == "text" and not _names_a_file(first)
    line = first
    while line:
        content = line.rstrip(b"\r\n")
        if content:
            yield content.decode(errors="replace") if are_texts else Path(os.fsdecode(content))
        line = stream.readline(LONGEST_LINE)


def _names_a_file(line: bytes) -> bool:
    return b"\0" not in line and os.path.exists(line.rstrip(b"\r\n"))


def _is_text(line: bytes) -> bool:
    try:
        return line.rstrip(b"\r\n").decode().isprintable()
    except UnicodeDecodeError:
        return False
