"""The platforms that cnnkit supports."""

import sys

from cnnkit.errors import CnnkitError

SUPPORTED = ("linux", "darwin")
NAMES = {"win32": "Windows", "cygwin": "Cygwin"}


def expect_supported_platform() -> None:
    """Refuse to go on where cnnkit does not work.

    Runs lock, flush and rename folders, and end processes by signals, as POSIX has it.

    Raises:
        CnnkitError: This is neither Linux nor macOS.
    """
    if sys.platform not in SUPPORTED:
        name = NAMES.get(sys.platform, sys.platform)
        hint = "; use it in WSL, Windows' own Linux" if name == "Windows" else ""
        raise CnnkitError(f"cnnkit supports Linux and macOS, and this is {name}{hint}.")
