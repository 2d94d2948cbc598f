"""--storage, its password, and whether Optuna is here."""

import importlib.util
import re
from collections.abc import Sequence

import click

from cnnkit.errors import SettingError

VARIABLE = "CNNKIT_STORAGE"


def storage_option() -> click.Option:
    """Return the option that names the database of a search."""
    return click.Option(
        ["--storage"], metavar="ADDRESS", default=None, envvar=VARIABLE,
        help="A database for several machines, such as postgresql://user@host/name; also in the "
        f"environment as {VARIABLE}, where no list of processes shows its password.  "
        "[default: a SQLite file in the search's folder]",
    )  # fmt: skip


def require_optuna() -> None:
    """Say how to install Optuna if it is not here.

    Raises:
        SettingError: It is not.
    """
    if importlib.util.find_spec("optuna") is None:
        raise SettingError('A search needs Optuna: pip install "cnnkit[search]".')


def hide_passwords(words: Sequence[str]) -> list[str]:
    """Return a command's words with the passwords of addresses replaced by ***.

    Args:
        words: The command's words.

    >>> hide_passwords(["--storage", "postgresql://ada:secret@host/runs"])
    ['--storage', 'postgresql://ada:***@host/runs']
    """
    return [re.sub(r"(://[^:@/\s]*):[^\s]*@", r"\1:***@", word) for word in words]
