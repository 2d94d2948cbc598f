"""Nearest neighbours: the images that a network finds most alike."""

import numpy as np

AT_ONCE = 1024  # queries and references; bounds memory


def nearest_neighbours(
    queries: np.ndarray, references: np.ndarray, count: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest references of each query, by Euclidean distance.

    Neighbours are near in many features at once. They do not show why a class was chosen.

    Args:
        queries: `(samples, features)`, such as `embeddings` of test images.
        references: `(references, features)`, such as `embeddings` of training images. They may lie on
            disk, as a `numpy.memmap` does: they are read in blocks.
        count: Neighbours of each query; fewer where there are fewer references.

    Returns:
        Indices of the references, int64, and their distances, float64: both `(samples, count)`,
        nearest first.

    >>> nearest_neighbours(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]), count=1)
    (array([[1]]), array([[1.]]))
    """
    queries, references = np.asarray(queries, np.float64), np.asarray(references)
    count = min(count, len(references))
    indices, ranks = np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0))
    for start in range(0, len(references), AT_ONCE):
        block = np.asarray(references[start : start + AT_ONCE], np.float64)
        indices, ranks = _merge(queries, block, start, indices, ranks, count)
    distances = np.linalg.norm(queries[:, None] - references[indices], axis=2)
    return indices, distances


def _merge(queries, block, start: int, indices, ranks, count: int) -> tuple:
    """Return indices and ranks of the nearest references after one more block of them."""
    squares = np.square(block).sum(axis=1)
    parts = []
    for first in range(0, len(queries), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        # The squared distance without |query|^2, which does not change the order.
        ranking = np.hstack([ranks[some], squares - 2 * queries[some] @ block.T])
        order = np.argsort(ranking, axis=1, kind="stable")[:, :count]
        numbers = np.broadcast_to(np.arange(start, start + len(block)), (len(order), len(block)))
        rows = np.arange(len(order))[:, None]
        parts.append((np.hstack([indices[some], numbers])[rows, order], ranking[rows, order]))
    return tuple(map(np.concatenate, zip(*parts, strict=True)))
