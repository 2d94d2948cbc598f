"""A folder of links to runs, under which TensorBoard shows them by short names and in useful order."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from cnnkit.errors import RunFolderError
from cnnkit.runs import Run
from cnnkit.tensorboard.event_files import EventWriter
from cnnkit.tensorboard.log import hparams_of

LOGS = "tensorboard"  # the folder of a run's event files
# The last epoch's values, which the HParams table shows after the test's.
CURVES = (
    ("validation", "accuracy"),
    ("validation", "loss"),
    ("train", "accuracy"),
    ("train", "loss"),
)


def link_logs(runs_dir: Path, folder: Path, chosen: Iterable[Run] | None = None) -> Path:
    """Link every folder of logs that is not linked yet: a run's as EXPERIMENT/RUN.

    Args:
        runs_dir: The folder that holds the runs.
        folder: The folder for the links.
        chosen: The runs to link, which may lie elsewhere; None for all.

    Returns:
        The folder that TensorBoard should read: `folder`, or `runs_dir` if that holds event files
        itself or the system allows no links.
    """
    if chosen is not None:
        for run in chosen:
            link = folder / run.folder.absolute().parent.name / run.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((run.folder / LOGS).resolve(), target_is_directory=True)
        return folder
    for log in sorted({path.parent for path in runs_dir.rglob("*tfevents*")}):
        parts = log.relative_to(runs_dir).parts
        if LOGS in parts:
            parts = parts[: parts.index(LOGS) + 1]
        target, name = runs_dir.joinpath(*parts), [part for part in parts if part != LOGS]
        link = folder.joinpath(*name)
        if not name:
            return runs_dir
        if any(each.is_symlink() for each in (link, *link.parents)):  # never write into a run
            continue
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target.resolve(), target_is_directory=True)
        except FileExistsError:
            continue  # runs lie inside a folder of logs
        except OSError:
            return runs_dir
    return folder


def write_columns(runs: Iterable[Run], folder: Path) -> None:
    """Write the columns of the HParams table: settings, what varies first; scores, the test's first.

    Args:
        runs: The runs; those that cannot be read have no part in it.
        folder: The folder that TensorBoard reads.
    """
    settings: dict[str, list] = {}
    scores: dict[str, None] = {}
    for run in runs:
        with contextlib.suppress(RunFolderError):
            for name, value in hparams_of(run.experiment).items():
                settings.setdefault(name, []).append(value)
            test = run.results.get("test") or {}
            scores |= dict.fromkeys(
                name for name, score in test.items() if isinstance(score, float)
            )
    if not settings:
        return
    tests = sorted(scores, key=lambda name: name != "accuracy")
    metrics = [("", f"test/{name}") for name in tests]
    metrics += [(group, f"epoch_{name}") for group, name in CURVES]
    log = EventWriter(folder)
    log.columns(settings, metrics)
    log.close()
