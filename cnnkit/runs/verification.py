"""Whether a run's files are still what was written."""

from cnnkit.runs import checkpoints, checksums
from cnnkit.runs.run import Run


def verify(run: Run) -> dict[str, str]:
    """Return the run's files that are damaged, and why, by path in its folder.

    Read are the files of its SHA256SUMS, which are all but status.json once it is finished and
    the recipe's before, and every checkpoint.
    """
    found = checksums.damaged(run.folder)
    folder = run.folder / "checkpoints"
    for name in checkpoints.names(folder):
        wrong = checksums.damaged(folder / name)
        found |= {f"checkpoints/{name}/{file}": reason for file, reason in wrong.items()}
    return found
