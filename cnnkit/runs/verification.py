"""Check that a run's files are still what was written."""

from cnnkit.runs import checkpoints, checksums
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
