"""Nearest neighbours: the images that a network finds most alike."""

import numpy as np

QUERIES_AT_ONCE = 256  # bounds memory


def nearest_neighbours(
    queries: np.ndarray, references: np.ndarray, count: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest references of each query, by Euclidean distance.

    Neighbours are near in many features at once. They do not show why a class was chosen.

    Args:
        queries: `(samples, features)`, such as `embeddings` of test images.
        references: `(references, features)`, such as `embeddings` of training images.
        count: Neighbours of each query; fewer where there are fewer references.

    Returns:
        Indices of the references, int64, and their distances, float64: both `(samples, count)`,
        nearest first.

    >>> nearest_neighbours(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]), count=1)
    (array([[1]]), array([[1.]]))
    """
    queries, references = (np.asarray(points, np.float64) for points in (queries, references))
    count = min(count, len(references))
    indices = np.empty((len(queries), count), np.int64)
    squares = np.square(references).sum(axis=1)
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        part = queries[start : start + QUERIES_AT_ONCE]
        # The squared distance without |query|^2, which does not change the order.
        ranking = squares - 2 * part @ references.T
        indices[start : start + QUERIES_AT_ONCE] = np.argsort(ranking, axis=1, kind="stable")[
            :, :count
        ]
    distances = np.linalg.norm(queries[:, None] - references[indices], axis=2)
    return indices, distances
