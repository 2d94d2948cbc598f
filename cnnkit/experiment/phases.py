"""The phases of a training: what each of them trains, in the order of `Experiment.phases`."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator

import keras

from cnnkit.experiment.experiment import Experiment
from cnnkit.runs import Run


def begun(experiment: Experiment) -> Iterator[tuple[Experiment, dict]]:
    """Yield each phase as an experiment, with what trains in it; what is frozen changes with it.

    The first is the experiment as it stands, of its own epochs; each other one has the optimizer,
    the epochs and what else its place in `experiment.phases` shares with one, and the same model.
    """
    model = experiment.network
    yield dataclasses.replace(experiment, phases=()), _trained(model, "as the model is given")
    for phase in experiment.phases:
        phase.begin(model)
        own = _fields(experiment)
        shared = {name: value for name, value in _fields(phase).items() if name in own}
        yield dataclasses.replace(experiment, **shared, phases=()), _trained(model, str(phase))


def _trained(model: keras.Model, name: str) -> dict:
    """Return which layers of a model train, and of how many of its parameters."""
    layers = [layer.name for layer in model.layers if layer.trainable_variables]
    return {
        "phase": name,
        "parameters": model.count_params(),
        "trained_parameters": sum(math.prod(each.shape) for each in model.trainable_variables),
        "trained_layers": layers,
    }


def tell(run: Run, known: list[dict], number: int) -> None:
    """Print what the last of these phases trains, and keep all of them in phases.json."""
    last = known[-1]
    layers = last["trained_layers"]
    which = layers[0] if len(layers) == 1 else f"{len(layers)} layers, {layers[0]} to {layers[-1]}"
    print(
        f"Phase {len(known)} of {number}, {last['phase']}: {last['trained_parameters']:,} of "
        f"{last['parameters']:,} parameters train, in {which}."
    )
    with contextlib.suppress(OSError):  # a full disk stops no training; the record tells of it
        run.write_json("phases.json", {"phases": known})


def described(experiment: Experiment) -> list[dict]:
    """Return the phases that follow the first, as JSON."""
    return [
        _fields(phase)
        | {"phase": str(phase), "optimizer": keras.optimizers.serialize(phase.optimizer)}
        for phase in experiment.phases
    ]


def _fields(record) -> dict:
    # dataclasses.asdict would copy models and optimizers.
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
