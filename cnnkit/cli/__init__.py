"""The command line. Each command lives in a file of its own, which is imported when it is called."""

from cnnkit.cli.root import main

__all__ = ["main"]
