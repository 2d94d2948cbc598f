"""The card of an exported model: class names, and how files become its inputs."""

import dataclasses
from importlib.metadata import version

from cnnkit.deploy.trained_model import TrainedModel
from cnnkit.evaluation.tasks import MultiLabel


def card_of(trained: TrainedModel, precision: str) -> dict:
    """Return what an exported file says of itself, as JSON can hold it.

    Args:
        trained: The model.
        precision: Of the weights.

    Returns:
        A dict with `name`, `class_names`, `task`, `precision`, `made_by`, and `input`: the shape of
        one input, its kind, and how a file becomes one, as `trained.inputs` has it.
    """
    inputs = trained.inputs
    return {
        "name": trained.name,
        "class_names": list(trained.class_names),
        "task": "multi-label" if isinstance(trained.task, MultiLabel) else "single-label",
        "precision": precision,
        "made_by": f"cnnkit {version('cnnkit')}",
        "input": {
            **dataclasses.asdict(inputs),
            "kind": inputs.kind,
            "shape": list(inputs.shape),
            "dtype": "float32",
        },
    }
