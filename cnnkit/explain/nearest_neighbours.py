"""Neighbours: the images that are most alike for a network."""

import numpy as np

ROWS = 256  # queries compared at once, which bounds memory


def nearest(queries: np.ndarray, references: np.ndarray, count: int = 3):
    """Return the nearest references of each query, nearest first: (indices, distances).

    queries, references: points, shapes (samples, features) and (others, features), such as what
    `embeddings` returns of test and of training images. Both answers have the shape (samples,
    count), or fewer columns where there are fewer references; distances are Euclidean.

    Not to be trusted for why a class was chosen: what is near is near in many features at once.

    >>> nearest(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]), count=1)
    (array([[1]]), array([[1.]]))
    """
    queries, references = (np.asarray(points, np.float64) for points in (queries, references))
    count = min(count, len(references))
    indices = np.empty((len(queries), count), np.int64)
    squares = np.square(references).sum(axis=1)
    for start in range(0, len(queries), ROWS):
        part = queries[start : start + ROWS]
        # Less |query|^2, which changes no order.
        gaps = squares - 2 * part @ references.T
        indices[start : start + ROWS] = np.argsort(gaps, axis=1, kind="stable")[:, :count]
    distances = np.linalg.norm(queries[:, None] - references[indices], axis=2)
    return indices, distances
