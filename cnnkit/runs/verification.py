"""Check that a run's files are still what was written."""

import hashlib

from cnnkit.errors import RunFolderError
from cnnkit.runs import checkpoints, checksums, files
from cnnkit.runs.run import Run


def verify(run: Run) -> dict[str, str]:
    """Return the files of a run that are damaged.

    It reads every checkpoint and the files that SHA256SUMS lists. Those are all but status.json
    once the run is finished, and those of the recipe before.

    Args:
        run: The run.

    Returns:
        What is wrong with each damaged file, by its path in the run folder.
    """
    damaged = checksums.damaged(run.folder)
    folder = run.folder / "checkpoints"
    for name in checkpoints.names(folder):
        reasons = checksums.damaged(folder / name)
        damaged |= {f"checkpoints/{name}/{file}": reason for file, reason in reasons.items()}
    return damaged


def expect_unchanged_source(run: Run) -> None:
    """Check that a run's source is what the run was made of, before anything executes it.

    Args:
        run: The run. If it is trusted, experiment.py may be any regular file inside the folder.

    Raises:
        RunFolderError: experiment.py, or experiment.json, which says how to call it, has changed.
    """
    path = run.folder / "experiment.py"
    if run.trust and files.is_regular(run.folder, "experiment.py"):
        return
    changed = {}
    if (run.folder / checksums.NAME).exists():
        changed = checksums.damaged(run.folder, ("experiment.py", "experiment.json"))
    try:
        digest = hashlib.sha256(files.read_bytes(run.folder, "experiment.py")).hexdigest()
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from None
    if digest != run.experiment["source"].get("sha256", digest):
        changed["experiment.py"] = "has changed since it was written"
    for name, reason in changed.items():
        raise RunFolderError(
            f"{run.folder / name} {reason}, and this would execute it: read experiment.py, and "
            "give --trust (in Python, cnnkit.Run(folder, trust=True)) if you trust it."
        )
