"""How a training ends, or goes on, in its run folder: status, checkpoints and logs."""

import contextlib
import errno
import shlex
import warnings
from collections.abc import Iterable, Iterator

import keras

from cnnkit.errors import RunFolderError, StoppedError
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.runs import Run, checkpoints, log_offsets
from cnnkit.runs.checkpoints import Checkpoint
from cnnkit.training.loop import TrainingResult
from cnnkit.training.recording import grown_by

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)


@contextlib.contextmanager
def outcome_recorded(run: Run) -> Iterator[None]:
    """Write to status.json whatever is raised in this context, and raise it.

    Args:
        run: The run that trains.

    Raises:
        RunFolderError: In place of an OSError of the run folder or of the disk.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        with contextlib.suppress(OSError):
            run.write_status("interrupted", reason=str(error) or "stopped by the keyboard")
        error.add_note(_how_to_resume(run))
        raise
    except StoppedError as error:
        run.write_status("interrupted", reason=str(error))
        raise
    except Exception as error:
        with contextlib.suppress(OSError):  # the disk may be what failed
            run.write_status("failed", reason=f"{type(error).__name__}: {error}")
        if isinstance(error, OSError) and (
            error.errno in DISK_ERRORS or str(error.filename or "").startswith(str(run.folder))
        ):
            raise RunFolderError(f"{run.folder} cannot be written: {error}.") from error
        raise


def _how_to_resume(run: Run) -> str:
    with contextlib.suppress(RunFolderError):
        recipe, folder = run.experiment, f"cnnkit.Run({str(run.folder)!r})"
        if recipe.get("made_by"):
            return f"Resume with: cnnkit.fit(..., resume={folder})"
        source = recipe["source"]
        if not source.get("importable", True):  # of a notebook or a prompt
            return f"Go on where it is defined: cnnkit.resume({source['function']}, {folder})"
    return f"Go on with: cnnkit resume {shlex.quote(str(run.folder))}"


def last_checkpoint(run: Run) -> Checkpoint | None:
    """Return the last checkpoint that is undamaged, and warn of any later one.

    Args:
        run: The run to resume.

    Returns:
        The checkpoint; None where the run has none yet.

    Raises:
        RunFolderError: All of its checkpoints are damaged.
    """
    start, damaged = checkpoints.latest(run.folder / "checkpoints")
    for reason in damaged:
        warnings.warn(f"{reason} The one before it is used.", stacklevel=2)
    return start


def continue_from(
    run: Run, start: Checkpoint | None, changes: list, callbacks: Iterable[keras.callbacks.Callback]
) -> None:
    """Bring a run folder back to a checkpoint, and note in status.json that it is resumed.

    Args:
        run: The run to resume.
        start: The checkpoint; None for the beginning.
        changes: What differs now, as `changes_since` returns it.
        callbacks: The user's; the files of Keras' CSVLogger are cut back, too.
    """
    checkpoints.remove_after(run.folder / "checkpoints", start)
    known = start.state["log_sizes"] if start else {}
    log_offsets.cut(run.folder, known, grown_by(callbacks))
    place = {"epoch": start.epoch, "step": start.step} if start else {"epoch": 0, "step": 0}
    resumed = [*run.status.get("resumed", []), place | {"changes": changes}]
    run.write_status("running", resumed=resumed, reason=None)


def write_results(
    run: Run,
    result: TrainingResult,
    evaluation: Evaluation | MultiLabelEvaluation | None,
    training_seconds: float,
    test_seconds: float,
) -> None:
    """Write results.json.

    Args:
        run: The run that has trained.
        result: What training left.
        evaluation: Of the test split; None if that was not looked at.
        training_seconds: How long this process trained.
        test_seconds: How long the test took.
    """
    timing = {"training_seconds": training_seconds, "epoch_seconds": result.epoch_seconds}
    if evaluation is not None:
        timing["test_seconds"] = test_seconds
    test = evaluation and evaluation.as_results()
    run.write_json(
        "results.json", {"test": test, "validation": result.validation, "timing": timing}
    )
