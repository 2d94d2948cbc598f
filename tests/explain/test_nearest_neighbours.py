import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.neighbors import NearestNeighbors

from cnnkit import explain


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 5), st.integers(0, 10**6))
def test_neighbours_are_those_of_scikit_learn(samples, others, count, seed):
    rng = np.random.default_rng(seed)
    queries, references = rng.normal(size=(samples, 6)), rng.normal(size=(others, 6))
    indices, distances = explain.nearest_neighbours(queries, references, count)
    search = NearestNeighbors(n_neighbors=min(count, others), algorithm="brute").fit(references)
    expected, places = search.kneighbors(queries)
    np.testing.assert_array_equal(indices, places)
    np.testing.assert_allclose(distances, expected, atol=1e-6)


def test_references_of_several_blocks_are_all_searched():
    rng = np.random.default_rng(0)
    references = rng.normal(size=(3000, 4)).astype("float32")
    indices, _ = explain.nearest_neighbours(references[::100], references, count=4)
    search = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(references.astype(float))
    np.testing.assert_array_equal(
        indices, search.kneighbors(references[::100].astype(float), return_distance=False)
    )


def test_a_training_image_is_its_own_nearest_neighbour(digits, digits_model):
    images, labels = digits
    points = explain.embeddings(digits_model, images[:200])
    indices, distances = explain.nearest_neighbours(points[:20], points, count=2)
    assert indices[:, 0].tolist() == list(range(20))
    assert distances[:, 0] == pytest.approx(0)
    assert np.mean(labels[indices[:, 1]] == labels[:20]) > 0.7
