"""What happens in a run folder: training, the test, results and report."""

import dataclasses
import time

from cnnkit.errors import RunFolderError, SettingError
from cnnkit.experiment.experiment import Experiment
from cnnkit.experiment.rebuild import experiment_of
from cnnkit.runs import Run, checksums, predictions
from cnnkit.runs.checkpoints import Checkpoint
from cnnkit.runs.lock import locked
from cnnkit.tensorboard.log import TensorBoardCallback
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.checkpointing.signals import Interrupted, StopOnSignal
from cnnkit.training.distribution.agreed_stop import stop_on_signal
from cnnkit.training.distribution.replicas import active
from cnnkit.training.loop import TrainingResult, evaluate, fit
from cnnkit.training.outcome import write_results
from cnnkit.training.pictures import show_results
from cnnkit.training.recipe import NOT_SEALED
from cnnkit.training.watch import Watch


def train_and_test(
    run: Run,
    experiment: Experiment,
    recipe: dict,
    schedule: CheckpointSchedule,
    start: Checkpoint | None,
    watch: Watch,
) -> None:
    """Train an experiment in its run folder, test it, and write its results and its report.

    Args:
        run: The run folder, which this process has locked.
        experiment: What to train.
        recipe: The content of experiment.json.
        schedule: When checkpoints are written.
        start: The checkpoint to go on from; None to begin.
        watch: Who watches.

    Raises:
        TrainingError: Data, loss or weights are not finite.
        Interrupted: A signal came.
        OSError: The last checkpoint could not be written.
    """
    began, replicas = time.perf_counter(), active()
    is_first = replicas is None or replicas.is_first
    if experiment.data.is_of_files and is_first:
        print(experiment.data.summary())
    run.write_status("running", epoch=start.epoch if start else 0)
    names = experiment.data.class_names
    log = TensorBoardCallback(run, recipe, experiment.network, start is not None, names)
    stop, succeeded = stop_on_signal(), False
    watch = watch if is_first else dataclasses.replace(watch, verbose=0)
    try:
        with stop.listening():
            result = fit(experiment, run, log, stop, recipe["seed"], schedule, start, watch)
            trained = time.perf_counter()
            if replicas is not None:
                replicas.leave()
            if not is_first:  # what follows is done once
                return
            # A search looks at the test split once, and not in each of its trials.
            tested = not recipe.get("study")
            evaluation = (
                evaluate(result.model, experiment.data.test, names, stop) if tested else None
            )
            write_results(run, result, evaluation, trained - began, time.perf_counter() - trained)
            if evaluation is not None:
                predictions.write(run, evaluation)
            show_results(run, experiment, result, evaluation, log)
            succeeded = True
            run.write_status("finished", seconds=time.perf_counter() - began)
    except Interrupted:
        if replicas is not None and replicas.votes.voting:  # all processes stop in the same step
            replicas.leave()
        raise
    finally:
        log.close(succeeded)
    checksums.write(run.folder, checksums.names_below(run.folder, NOT_SEALED))
    if result.checkpoint_error is not None:
        raise result.checkpoint_error


def evaluate_finished(run: Run) -> None:
    """Test a finished run whose test split was left alone, such as a search's chosen trial.

    Args:
        run: The run. Its results and its report get what the test says.

    Raises:
        RunFolderError: The run is not finished, or was tested already.
        SettingError: The data are no longer those of the run, or the experiment cannot be built.
        Interrupted: A signal came.
    """
    results, recipe = run.results, run.experiment
    if not results or results["test"] is not None:
        reason = "tested already" if results else "not finished"
        raise RunFolderError(f"{run.folder} is {reason}, and so is not tested now.")
    experiment = experiment_of(run)
    data = experiment.data
    if data.content_hash != run.dataset["content_hash"]:
        raise SettingError(
            f"The data set {data.name!r} is no longer what {run.name} was trained on."
        )
    result = TrainingResult(
        run.model, None, results["validation"], results["timing"]["epoch_seconds"], None
    )
    log, stop = TensorBoardCallback(run, recipe, None, True, data.class_names), StopOnSignal()
    log.step = len(result.epoch_seconds) * -(-len(data.train) // experiment.batch_size)
    with locked(run.folder), stop.listening():
        began = time.perf_counter()
        evaluation = evaluate(result.model, data.test, data.class_names, stop)
        training_seconds = results["timing"]["training_seconds"]
        write_results(run, result, evaluation, training_seconds, time.perf_counter() - began)
        predictions.write(run, evaluation)
        show_results(run, experiment, result, evaluation, log)
        log.close(True)
        checksums.write(run.folder, checksums.names_below(run.folder, NOT_SEALED))
