"""Databases for searches: a SQLite file, and a PostgreSQL server of the tests' own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from cnnkit.search import ledger
from cnnkit.search.storage import open_storage

TAKER = Path(__file__).with_name("taker.py")
ROOT = Path(__file__).parents[2]


def _program(name):
    """A program of PostgreSQL's, which Debian keeps outside of the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(installed[-1]) if installed else None)


def _as_somebody(command):
    """A command as an ordinary user: PostgreSQL refuses to run as root."""
    return (
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        if os.getuid() == 0
        else command
    )


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    """The address of a PostgreSQL server that is started for these tests."""
    initdb, server = _program("initdb"), _program("postgres")
    if initdb is None or server is None:
        pytest.skip("there is no PostgreSQL server here; Debian's package postgresql has one")
    if os.getuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("PostgreSQL does not run as root, and there is no setpriv to be somebody else")
    pytest.importorskip("psycopg", reason="psycopg comes with the extra `search`")
    # Its path is short, as that of a socket has to be; nobody may enter pytest's own folders.
    folder = Path(f"/tmp/cnnkit_pg_{os.getpid()}")
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    password = folder / "password"
    password.write_text("s3cret-word")
    password.chmod(0o644)
    data = folder / "data"
    subprocess.run(
        _as_somebody(
            [initdb, "-D", str(data), "-U", "ada", f"--pwfile={password}", "--auth=scram-sha-256",
             "--no-sync", "-E", "UTF8"]
        ), check=True, capture_output=True, cwd="/",
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        _as_somebody(
            [server, "-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F"]
        ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/",
    )  # fmt: skip
    for line in process.stderr:  # the server says when it is ready
        if "ready to accept connections" in line:
            break
    yield f"postgresql://ada:s3cret-word@127.0.0.1:{port}/postgres"
    process.send_signal(signal.SIGINT)  # ends connections, too
    process.communicate(timeout=30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_study():
    """A function that makes a study with so many trials planned; connections end with the test."""
    storages = []

    def make(url, trials, heartbeat=60):
        storages.append(open_storage(url, heartbeat))
        study = optuna.create_study(storage=storages[-1], study_name="search", direction="maximize")
        ledger.plan(study, trials)
        return study

    yield make
    for storage in storages:
        storage.remove_session()
        storage.engine.dispose()


@pytest.fixture
def database(request, tmp_path):
    """The address of an empty database: "sqlite" or "postgresql", as a test is parametrized."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'study.sqlite3'}"
    import psycopg

    url = request.getfixturevalue("postgresql")
    name = f"search_{tmp_path.name.lower().replace('-', '_').strip('_')}"[:60]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.replace("/postgres", f"/{name}").replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def taker(tmp_path):
    """A function that starts a process of taker.py; whatever is left of it ends with the test."""
    processes = []

    def start(url, log, *words):
        process = subprocess.Popen(
            [sys.executable, str(TAKER), url, str(log), *map(str, words)],
            env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
