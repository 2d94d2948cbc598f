"""Make run folders, and free the names of runs whose process was killed before they trained."""

import contextlib
import os
import re
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from cnnkit import atomic
from cnnkit.errors import RunFolderError
from cnnkit.runs import files, records

PARTS = f".*{atomic.PART}*"
FOLDERS = ("tensorboard", "checkpoints")
# What a run writes before SHA256SUMS, with which it can be resumed, and before anything is trained.
BEFORE_TRAINING = {
    "status.json", "experiment.json", "environment.json", "dataset.json", "experiment.py",
    "vocabulary.txt", records.LOCK,
}  # fmt: skip


def make(folder: Path) -> None:
    """Make a run folder, which is there at once with the mark of this process.

    A folder of that name is replaced if its process ended before the run could train.

    Args:
        folder: The run folder.

    Raises:
        FileExistsError: There is a run, or something else, of that name.
        OSError: The folder cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_parts(folder.parent.glob(PARTS))
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}{atomic.PART}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for name in FOLDERS:
            (temporary / name).mkdir(parents=True)
        (temporary / records.LOCK).write_text(holder())
        if os.path.lexists(folder):
            if not _never_trained(folder):
                raise FileExistsError(folder)
            shutil.rmtree(folder)
        try:
            os.rename(temporary, folder)
        except OSError as error:
            raise FileExistsError(folder) if folder.exists() else error from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def holder() -> str:
    """Return the mark of this process: its number and its host."""
    return f"pid {os.getpid()} on {socket.gethostname()}"


def is_gone(pid: int | None, host: str | None) -> bool:
    """Return whether a process has ended.

    Args:
        pid: Its number, or None.
        host: The name of its host, or None.

    Returns:
        True if there is no such process here; False for a process of another host.
    """
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)  # type: ignore[arg-type]  # None raises what is caught here
    except (ProcessLookupError, TypeError, OverflowError):
        return True
    except PermissionError:  # it lives, and is somebody else's
        pass
    return False


def remove_parts(paths: Iterable[Path]) -> None:
    """Delete temporary files and folders whose processes are gone.

    Args:
        paths: Where to look; paths with other names are left alone.
    """
    for path in list(paths):
        if is_left_over(path):
            remove(path)


def is_left_over(path: Path) -> bool:
    """Return whether a path is that of a temporary file or folder whose process is gone.

    Args:
        path: Any path; its name has the number of the process.
    """
    numbered = re.fullmatch(rf"\..*\.(\d+){re.escape(atomic.PART)}(\.\w+)?", path.name)
    return numbered is not None and is_gone(int(numbered[1]), socket.gethostname())


def remove(path: Path) -> None:
    """Delete a file or folder, or leave what cannot be deleted.

    Args:
        path: The file or folder.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _never_trained(folder: Path) -> bool:
    """Return whether a run ended before it could train, so that nothing is lost with its folder."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    names = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and not atomic.is_part(path.relative_to(folder))
    }
    return names <= BEFORE_TRAINING and not _has_a_process(folder)


def _has_a_process(folder: Path) -> bool:
    """Return whether the process that made a folder may still use it."""
    with contextlib.suppress(RunFolderError):
        if records.read_json(folder, "status.json")["state"] in ("failed", "interrupted"):
            return False
    try:
        mark = files.read_bytes(folder, records.LOCK).decode(errors="replace")
    except FileNotFoundError:  # the folder comes without a mark only from a process that was killed
        return False
    except OSError:
        return True
    found = re.fullmatch(r"pid (\d+) on (.*)", mark.strip())
    return not (found and is_gone(int(found[1]), found[2]))
