"""Explanations of a few test images for the report: arrays, computed while the model is loaded."""

from dataclasses import dataclass

import numpy as np

from cnnkit import explain
from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError
from cnnkit.evaluation import Evaluation
from cnnkit.experiment.experiment import Experiment
from cnnkit.explain import RobustnessCurve, Walkthrough
from cnnkit.explain.activations import last_of_each_resolution
from cnnkit.keras_graph import hooks
from cnnkit.report.layers import last_of_each_stage
from cnnkit.transfer import fuse_batch_norm
from cnnkit.transfer.embedding import embedding_model

HITS, MISTAKES = 2, 8  # test images to explain; more hits where mistakes are few
NEIGHBOURS = 3
MAX_TRAINING_VALUES = 30_000_000  # numbers in the training images that are searched for neighbours
CHANGED_PIXELS = 200 * 64 * 64  # pixels of the test images that are changed, 20 to 200 of them


@dataclass(frozen=True)
class Explanations:
    """How a network sees some test images.

    Attributes:
        samples: Their indices in the test split: correct ones first, then mistakes, the worst
            first.
        images: Their inputs as stored, shape (samples, height, width, channels).
        value_range: The lowest and the highest value of an input.
        heat: Where the network looked, shape (samples, height, width), from 0 to 1.
        method: How `heat` was computed: "Grad-CAM" or "gradient".
        maps: Feature maps of the first image by layer, each of shape (height, width, filters); {}
            for a network without convolutions.
        neighbours: Nearest training images, shape (samples, count, height, width, channels); None
            where the network has no features to compare.
        neighbour_labels: Labels of the neighbours, shape (samples, count), or None.
        compared: Number of training images that were searched for neighbours.
        num_training: Number of all training images.
        walk: The test image that the network is least sure of, followed number by number; None unless
            `closely`.
        responses: Answers to changed test images, by change; None unless `closely`.
    """

    samples: np.ndarray
    images: np.ndarray
    value_range: tuple[float, float]
    heat: np.ndarray
    method: str
    maps: dict[str, np.ndarray]
    neighbours: np.ndarray | None
    neighbour_labels: np.ndarray | None
    compared: int
    num_training: int
    walk: Walkthrough | None = None
    responses: dict[str, RobustnessCurve] | None = None


def explain_samples(
    model,
    data: Dataset,
    evaluation: Evaluation,
    mistakes: int = MISTAKES,
    *,
    closely: bool = False,
    head: Experiment | None = None,
) -> Explanations:
    """Explain correct and wrong answers of a model on the test split.

    Args:
        model: A model from raw inputs to probabilities, such as a run's `model`.
        data: The data set of the model.
        evaluation: Evaluation of its test split.
        mistakes: Maximum number of mistakes to explain.
        closely: Whether to also follow one image number by number, and to measure the accuracy on
            changed images; takes seconds.
        head: The rest of the model behind frozen layers, with the features of each training image,
            so that they are not computed again. None computes them.

    Returns:
        The explanations.

    Raises:
        SettingError: Inputs are not images.
    """
    if len(data.image_shape) != 3:
        raise SettingError(f"Inputs of shape {data.image_shape} are no images to explain.")
    wrong = evaluation.worst_mistakes(mistakes)
    samples = np.concatenate([_first_hits(evaluation, max(HITS, 2 * HITS - len(wrong))), wrong])
    images = np.asarray(data.test.inputs[samples])
    try:
        heat, method = explain.grad_cam(model, images, evaluation.predicted[samples]), "Grad-CAM"
        maps = _stages(model, images[0])
    except SettingError:  # no feature maps, but gradients of pixels
        slopes = explain.gradient(model, images, evaluation.predicted[samples])
        heat, method, maps = _strength(slopes), "gradient", {}
    pictures, labels, compared = _near(model, data, images, head)
    unsure = int(evaluation.most_uncertain(1)[0])
    walk, responses = _closely(model, data, unsure) if closely else (None, None)
    return Explanations(
        samples, images, data.value_range, heat, method, maps, pictures, labels, compared,
        len(data.train), walk, responses,
    )  # fmt: skip


def _closely(model, data: Dataset, sample: int):
    test, (height, width, _) = data.test, data.image_shape
    image = np.asarray(test.inputs[[sample]][0])
    walk = explain.walkthrough(model, image, label=int(test.labels[sample]))
    some = np.arange(min(len(test), max(20, min(200, CHANGED_PIXELS // (height * width)))))
    images = np.asarray(test.inputs[some])
    return walk, explain.robustness(model, images, test.labels[some], value_range=data.value_range)


def _stages(model, image: np.ndarray) -> dict[str, np.ndarray]:
    """Return the maps of one layer a stage, except layers that only scale or pad the image."""
    layers = hooks.innermost_layers(model)
    shapes = hooks.feature_map_shapes(model, np.asarray(image[None], "float32"))
    candidates = {
        path: shape
        for path, shape in shapes.items()
        if shape != image.shape and type(layers[path]).__name__ != "ZeroPadding2D"
    }
    paths = last_of_each_resolution(candidates)
    chosen = [paths[last] for last in last_of_each_stage(candidates[path][:2] for path in paths)]
    return explain.feature_maps(model, image, chosen) if chosen else {}


def _first_hits(evaluation: Evaluation, count: int) -> np.ndarray:
    """Return the first correct sample of each of `count` classes."""
    correct = np.flatnonzero(evaluation.predicted == evaluation.labels)
    _, firsts = np.unique(evaluation.labels[correct], return_index=True)
    return correct[np.sort(firsts)][:count]


def _strength(slopes: np.ndarray) -> np.ndarray:
    """Return how strong gradients are at each pixel, (samples, height, width), 0 to 1."""
    strength = np.abs(slopes).max(axis=3)
    largest = strength.max(axis=(1, 2), keepdims=True)
    return strength / np.where(largest > 0, largest, 1)


def _near(model, data: Dataset, images: np.ndarray, head: Experiment | None):
    inputs = (data if head is None else head.data).train.inputs
    step = max(1, -(-int(np.prod(inputs.shape)) // MAX_TRAINING_VALUES))
    chosen = np.arange(0, len(inputs), step)
    try:
        if head is None:
            both = np.concatenate([images, inputs[chosen]])
            embeddings = explain.embeddings(fuse_batch_norm(model), both, batch_size=128)
            queries, points = embeddings[: len(images)], embeddings[len(images) :]
        else:
            queries = explain.embeddings(model, images)
            points = embedding_model(head.model).predict(np.asarray(inputs[chosen]), verbose=0)
        nearest, _ = explain.nearest_neighbours(queries, points, NEIGHBOURS)
    except SettingError:  # no dense layer whose inputs could be compared
        return None, None, 0
    near = chosen[nearest]
    pictures = np.asarray(data.train.inputs[near.reshape(-1)])
    return pictures.reshape(*near.shape, *data.image_shape), data.train.labels[near], len(chosen)
