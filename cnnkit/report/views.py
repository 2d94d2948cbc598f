"""What a network looks at in a few test images: arrays for the report, made while it is at hand."""

from dataclasses import dataclass

import numpy as np

from cnnkit import explain
from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError
from cnnkit.evaluation import Evaluation
from cnnkit.experiment.experiment import Experiment
from cnnkit.explain import Response, Walkthrough
from cnnkit.explain.activations import last_of_each_size
from cnnkit.keras_graph import hooks
from cnnkit.transfer import fuse_batch_norm
from cnnkit.transfer.embedding import embedding_model

HITS, MISTAKES = 2, 8  # test images that are looked into; more hits where mistakes are few
NEIGHBOURS = 3
MOST_VALUES = 30_000_000  # of the training images that neighbours are looked for among
CHANGED_PIXELS = 200 * 64 * 64  # of the test images that are changed, 20 to 200 of them


@dataclass(frozen=True)
class Views:
    """How a network sees some test images.

    samples: their indices in the test split, right ones first, then mistakes, the worst first.
    images: (samples, height, width, channels), as stored; value_range: what their values span.
    heat: (samples, height, width), 0 to 1; method: how it was made, "Grad-CAM" or "gradient".
    maps: by layer, the feature maps of the first image, (height, width, filters); {} if none.
    neighbours, neighbour_labels: the nearest training images of each, (samples, count, height,
        width, channels) and (samples, count); None where the network has no features to compare.
    compared: among how many training images.
    walk: the first image, number by number; responses: to changed test images, by change. None
        unless they were asked for.
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
    walk: Walkthrough | None = None
    responses: dict[str, Response] | None = None


def look(
    model,
    data: Dataset,
    evaluation: Evaluation,
    mistakes: int = MISTAKES,
    *,
    closely: bool = False,
    head: Experiment | None = None,
) -> Views:
    """Return how a model from raw inputs to probabilities sees hits and mistakes of the test split.

    mistakes: at most so many. closely: whether to follow one image number by number, and to change
    some, too, which takes seconds. head: the rest of the model behind frozen layers, and what these
    gave each training image, so that no image is seen again. Raises SettingError where inputs are
    no images.
    """
    if len(data.image_shape) != 3:
        raise SettingError(f"Inputs of shape {data.image_shape} are no images to look at.")
    wrong = evaluation.worst_mistakes(mistakes)
    samples = np.concatenate([_first_hits(evaluation, max(HITS, 2 * HITS - len(wrong))), wrong])
    images = np.asarray(data.test.inputs[samples])
    try:
        heat, method = explain.grad_cam(model, images, evaluation.predicted[samples]), "Grad-CAM"
        maps = _stages(model, images[0])
    except SettingError:  # a network without feature maps has pixels all the same
        slopes = explain.gradient(model, images, evaluation.predicted[samples])
        heat, method, maps = _strength(slopes), "gradient", {}
    near = _near(model, data, images, head)
    closer = _closely(model, data, images[0], samples[0]) if closely else ()
    return Views(samples, images, data.value_range, heat, method, maps, *near, *closer)


def _closely(model, data: Dataset, image: np.ndarray, sample: int):
    test, (height, width, _) = data.test, data.image_shape
    walk = explain.walkthrough(model, image, label=int(test.labels[sample]))
    some = np.arange(min(len(test), max(20, min(200, CHANGED_PIXELS // (height * width)))))
    images = np.asarray(test.inputs[some])
    return walk, explain.robustness(model, images, test.labels[some], value_range=data.value_range)


def _stages(model, image: np.ndarray) -> dict[str, np.ndarray]:
    """Return the maps of one layer a resolution, without those of pixels scaled or padded alone."""
    layers = hooks.innermost_layers(model)
    shapes = hooks.map_shapes(model, np.asarray(image[None], "float32"))
    seen = {
        path: shape
        for path, shape in shapes.items()
        if shape != image.shape and type(layers[path]).__name__ != "ZeroPadding2D"
    }
    chosen = last_of_each_size(seen)
    return explain.feature_maps(model, image, chosen) if chosen else {}


def _first_hits(evaluation: Evaluation, count: int) -> np.ndarray:
    """Return the first right sample of each of so many classes."""
    right = np.flatnonzero(evaluation.predicted == evaluation.labels)
    _, firsts = np.unique(evaluation.labels[right], return_index=True)
    return right[np.sort(firsts)][:count]


def _strength(slopes: np.ndarray) -> np.ndarray:
    """Return how strong gradients are at each pixel, (samples, height, width), 0 to 1."""
    strength = np.abs(slopes).max(axis=3)
    largest = strength.max(axis=(1, 2), keepdims=True)
    return strength / np.where(largest > 0, largest, 1)


def _near(model, data: Dataset, images: np.ndarray, head: Experiment | None):
    inputs = (data if head is None else head.data).train.inputs
    step = max(1, -(-int(np.prod(inputs.shape)) // MOST_VALUES))
    chosen = np.arange(0, len(inputs), step)
    try:
        if head is None:
            both = np.concatenate([images, inputs[chosen]])
            found = explain.embeddings(fuse_batch_norm(model), both, batch_size=128)
            queries, points = found[: len(images)], found[len(images) :]
        else:
            queries = explain.embeddings(model, images)
            points = embedding_model(head.model).predict(np.asarray(inputs[chosen]), verbose=0)
        found, _ = explain.nearest(queries, points, NEIGHBOURS)
    except SettingError:  # no dense layer, whose inputs would be compared
        return None, None, 0
    near = chosen[found]
    pictures = np.asarray(data.train.inputs[near.reshape(-1)])
    return pictures.reshape(*near.shape, *data.image_shape), data.train.labels[near], len(chosen)
