"""Where a search keeps its trials: SQLite in its folder, or a database of several machines.

Optuna's own storage does almost all. What is added here keeps trials from being lost or done twice:

- SQLite begins each transaction by taking its write lock. Otherwise two processes read that a trial
  waits, and both take it: of 100 trials, 4 processes took 20 twice.
- A trial gets a sign of life before it is taken. Otherwise a process that is killed between the two
  leaves a trial running that no heartbeat ever calls lost.
"""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from cnnkit.errors import SettingError

FILE = "study.sqlite3"
MISSED = 3  # signs of life that a worker may miss before its trial is taken up by another
MOST_CRASHES = 3  # a trial that ends its process this often is given up
LOCK_SECONDS = 60  # how long a process waits for another one's transaction


class SearchStorage(RDBStorage):
    """Optuna's storage in a database, with the two additions above.

    Args:
        url: As SQLAlchemy reads it.
        heartbeat: Seconds from one sign of life of a running trial to the next.
    """

    def __init__(self, url: str, heartbeat: int):
        is_file = sqlalchemy.make_url(url).get_backend_name() == "sqlite"
        options = {"connect_args": {"timeout": LOCK_SECONDS}} if is_file else {}
        retry = RetryHeartbeatStaleTrialCallback(
            max_retry=MOST_CRASHES, inherit_intermediate_values=True
        )
        super().__init__(
            url, engine_kwargs=options, heartbeat_interval=heartbeat,
            grace_period=MISSED * heartbeat, heartbeat_stale_trial_callback=retry,
        )  # fmt: skip
        if is_file:
            _lock_at_once(self.engine)

    def set_trial_state_values(self, trial_id, state, values=None):
        """Set a trial's state, as Optuna does, after a sign of life if it now begins to run."""
        if state is TrialState.RUNNING:
            self.record_heartbeat(trial_id)
        return super().set_trial_state_values(trial_id, state, values)


def url_of(storage: str | None, folder: Path) -> str:
    """Return the address of a search's storage.

    Args:
        storage: What the user gave; None for a file in the search's folder.
        folder: The search's folder.

    Returns:
        An address for SQLAlchemy, with the driver that the extra `search` brings.

    Raises:
        SettingError: It is no address of a database.
    """
    if storage is None:
        return f"sqlite:///{folder.absolute() / FILE}"
    try:
        url = sqlalchemy.make_url(storage)
    except sqlalchemy.exc.ArgumentError:
        raise SettingError(
            "A storage is the address of a database, such as postgresql://user@host/name or "
            f"sqlite:///file, and {without_password(storage)} is none."
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


def open_storage(url: str, heartbeat: int) -> SearchStorage:
    """Open a storage, and make its tables if there are none.

    Args:
        url: What `url_of` returned.
        heartbeat: As in `SearchStorage`.

    Returns:
        The storage.

    Raises:
        SettingError: It cannot be reached; the message has the driver's reason without the password.
    """
    with refusals_of(url), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            return SearchStorage(url, heartbeat)
        except (ImportError, RuntimeError) as error:  # no driver, or tables of another Optuna
            raise SettingError(_refusal(error, url)) from None


@contextlib.contextmanager
def refusals_of(url: str) -> Iterator[None]:
    """Say in one sentence why a storage refuses.

    Args:
        url: Its address.

    Raises:
        SettingError: In place of an error of the database or its driver.
    """
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise SettingError(_refusal(error, url)) from None


def without_password(url: str) -> str:
    """Return an address with its password replaced by ***.

    Args:
        url: The address, or a text that should be one.
    """
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        _, at, tail = url.rpartition("@")
        return f"***{at}{tail}" if at else repr(url)


def _refusal(error: BaseException, url: str) -> str:
    return f"The storage {without_password(url)} refuses: {_reason(error, url)}."


def _reason(error: BaseException, url: str) -> str:
    """Return the driver's own words in one line, without the password."""
    while isinstance(error.__cause__, Exception):  # Optuna's error, SQLAlchemy's, the driver's
        error = error.__cause__
    words = " ".join(str(getattr(error, "orig", None) or error).split())
    password = sqlalchemy.make_url(url).password
    return (words.replace(str(password), "***") if password else words).rstrip(".")


def _lock_at_once(engine: sqlalchemy.Engine) -> None:
    """Let every transaction of SQLite begin with its write lock, as SQLAlchemy documents it."""

    @sqlalchemy.event.listens_for(engine, "connect")
    def leave_transactions_alone(connection, record):
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # connections that were opened before
