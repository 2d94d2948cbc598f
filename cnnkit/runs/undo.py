"""A resume that is refused changes nothing: the run folder becomes what it was before."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cnnkit import atomic
from cnnkit.errors import RunFolderError, SettingError
from cnnkit.runs.run import Run

# Among the checkpoints: the next one that is written removes it, as what was trained then counts.
BEFORE = f".before{atomic.PART}"


@contextlib.contextmanager
def restored_if_refused(run: Run) -> Iterator[None]:
    """Restore a run folder if this context refuses to go on before it has trained to a checkpoint.

    Args:
        run: The run, locked.

    Yields:
        Nothing.

    Raises:
        SettingError: As in the context; the run folder is as before.
        RunFolderError: Likewise, unless the disk is what failed.
    """
    before = run.folder / "checkpoints" / BEFORE
    shutil.rmtree(before, ignore_errors=True)  # of a process that was killed
    shutil.copytree(run.folder, before, copy_function=_copy, ignore=_hidden)
    try:
        yield
    except (SettingError, RunFolderError) as error:
        if before.is_dir() and not isinstance(error.__cause__, OSError):
            _restore(run.folder, before)
        raise
    finally:
        shutil.rmtree(before, ignore_errors=True)


def _hidden(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.startswith(".")}


def _copy(source: str, target: str) -> None:
    path = Path(source)
    if path.suffix == ".keras" or path.parent.name.startswith("epoch-"):
        with contextlib.suppress(OSError):  # a file system without links
            os.link(source, target)  # large, and replaced rather than written into
            return
    shutil.copy2(source, target)


def _restore(folder: Path, before: Path) -> None:
    files = {path.relative_to(before) for path in before.rglob("*") if path.is_file()}
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        place = path.relative_to(folder)
        if place not in files and not any(part.startswith(".") for part in place.parts):
            path.unlink()
    for place in files:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        os.replace(before / place, folder / place)
