"""The phases of a training, in order: the Experiment itself, then those of `Experiment.phases`."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator

import keras

from cnnkit.experiment.experiment import Experiment
from cnnkit.runs import Run


def begin_each(experiment: Experiment) -> Iterator[tuple[Experiment, dict]]:
    """Yield each phase as an Experiment, together with a record of what trains in it.

    The first phase is the Experiment with its own epochs. A later one replaces the optimizer, the
    epochs and all other fields that it has in common with an Experiment; the model stays the same.
    Which layers are frozen changes when the next phase is requested, so finish one phase first.

    Args:
        experiment: The experiment to train.

    Yields:
        The phase, and its record for phases.json: name, trained layers, numbers of parameters.
    """
    model = experiment.network
    yield dataclasses.replace(experiment, phases=()), _record(model, "as the model is given")
    for phase in experiment.phases:
        phase.begin(model)
        names = _fields(experiment)
        shared = {name: value for name, value in _fields(phase).items() if name in names}
        yield dataclasses.replace(experiment, **shared, phases=()), _record(model, str(phase))


def announce(run: Run, records: list[dict], num_phases: int) -> None:
    """Print what the phase that now begins trains, and write phases.json.

    Args:
        run: The run to which the phase belongs.
        records: The records of all phases that have begun, as `begin_each` yields them.
        num_phases: Number of phases of the training.
    """
    record = records[-1]
    layers = record["trained_layers"]
    which = layers[0] if len(layers) == 1 else f"{len(layers)} layers, {layers[0]} to {layers[-1]}"
    print(
        f"Phase {len(records)} of {num_phases}, {record['phase']}: "
        f"{record['trained_parameters']:,} of {record['parameters']:,} parameters train, in {which}."
    )
    with contextlib.suppress(OSError):  # training continues on a full disk, of which Record warns
        run.write_json("phases.json", {"phases": records})


def as_json(experiment: Experiment) -> list[dict]:
    """Return the phases after the first for experiment.json.

    Args:
        experiment: The experiment to train.

    Returns:
        The fields of each phase, with its optimizer serialised by Keras.
    """
    return [
        _fields(phase)
        | {"phase": str(phase), "optimizer": keras.optimizers.serialize(phase.optimizer)}
        for phase in experiment.phases
    ]


def _record(model: keras.Model, name: str) -> dict:
    layers = [layer.name for layer in model.layers if layer.trainable_variables]
    return {
        "phase": name,
        "parameters": model.count_params(),
        "trained_parameters": sum(math.prod(each.shape) for each in model.trainable_variables),
        "trained_layers": layers,
    }


def _fields(record) -> dict:
    # dataclasses.asdict would copy models and optimizers.
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
