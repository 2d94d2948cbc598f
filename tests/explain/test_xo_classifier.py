"""The story of the X and the O, in exact ninths."""

from fractions import Fraction

import keras
import numpy as np
import pytest
from scipy.ndimage import correlate

from cnnkit.errors import SettingError
from cnnkit.explain import xo

pytestmark = pytest.mark.once


def intermediate(name, picture):
    classifier = xo.model()
    part = keras.Model(classifier.inputs, classifier.get_layer(name).output)
    return part.predict(picture[None], verbose=0)[0]


def by_hand(picture):
    """Match scores of the three features, as fractions."""
    scores = []
    for feature in xo.FEATURES.values():
        whole = correlate(picture[..., 0].astype(int), feature.astype(int), mode="constant")
        scores.append([[Fraction(int(value), 9) for value in row[1:-1]] for row in whole[1:-1]])
    return scores


def pooled(scores):
    return [
        [
            max(scores[row][column] for row in rows for column in columns)
            for columns in ((0, 1), (2, 3), (4, 5), (6,))
        ]
        for rows in ((0, 1), (2, 3), (4, 5), (6,))
    ]


def test_the_pictures_are_those_of_the_article():
    assert xo.X.shape == xo.O.shape == (9, 9, 1)
    assert (xo.X == 1).sum() == 13
    assert (xo.O == 1).sum() == 16
    for picture in (xo.X, xo.O):
        np.testing.assert_array_equal(picture, picture[::-1])
        np.testing.assert_array_equal(picture, picture[:, ::-1])


def test_first_row_of_x_under_the_diagonal_is_as_published():
    matches = intermediate("mean", xo.X)
    assert xo.ninths(matches[0, :, 0]).tolist() == [7, -1, 1, 3, 5, -1, 3]


@pytest.mark.parametrize("picture", [xo.X, xo.O, xo.DEFORMED_X], ids=["X", "O", "deformed X"])
def test_every_step_is_an_exact_number_of_ninths(picture):
    scores = by_hand(picture)
    positive = [[[max(value, 0) for value in row] for row in feature] for feature in scores]
    once = [pooled(feature) for feature in positive]
    twice = [
        [[max(once[f][2 * r + a][2 * c + b] for a in (0, 1) for b in (0, 1)) for c in (0, 1)] for r in (0, 1)]
        for f in range(3)
    ]  # fmt: skip
    for name, expected in {
        "mean": scores,
        "relu": positive,
        "pool": once,
        "pool_again": twice,
    }.items():
        numerators = (9 * np.array(expected)).astype(int).transpose(1, 2, 0)
        computed = intermediate(name, picture)
        np.testing.assert_array_equal(xo.ninths(computed), numerators)
        # Exact: one float32 multiplication away from the integer, nothing accumulated.
        np.testing.assert_array_equal(computed, numerators.astype("float32") * np.float32(1 / 9))
    listed = [value for feature in twice for row in feature for value in row]
    votes = intermediate("votes", picture)
    for vote, wired in zip(votes, xo.WIRED.values(), strict=True):
        exact = sum(listed[entry] for entry in wired) / len(wired)
        assert vote == pytest.approx(float(exact), abs=1e-6)


def test_votes_are_means_of_what_is_one_in_the_ideal_picture():
    for name, picture in {"X": xo.X, "O": xo.O}.items():
        listed = intermediate("list", picture)
        assert tuple(np.flatnonzero(xo.ninths(listed) == 9)) == xo.WIRED[name]


def test_features_know_the_deformed_x_where_whole_pictures_say_o():
    whole = [xo.match_whole_picture(xo.DEFORMED_X, other) for other in (xo.X, xo.O)]
    assert whole[0] < whole[1]
    votes = xo.model().predict(np.stack([xo.X, xo.O, xo.DEFORMED_X]), verbose=0)
    assert votes.argmax(axis=-1).tolist() == [0, 1, 0]


def test_the_deformed_x_has_the_pixels_of_an_x():
    assert (xo.DEFORMED_X == 1).sum() == (xo.X == 1).sum()


def test_nothing_in_the_model_is_left_to_train():
    assert not xo.model().trainable_weights


def test_a_value_between_two_ninths_is_named():
    with pytest.raises(SettingError, match=r"0\.77 is no whole number of ninths"):
        xo.ninths(np.array([1 / 9, 0.77]))


@pytest.mark.parametrize("name", ["X", "O", "DEFORMED_X"])
def test_the_story_has_the_numbers_of_every_step(name):
    picture = getattr(xo, name)
    told = xo.story(picture)
    for step, layer in {"match": "mean", "pool_again": "pool_again"}.items():
        np.testing.assert_array_equal(told.maps[step], xo.ninths(intermediate(layer, picture)))
    for index, scores in enumerate(by_hand(picture)):
        positive = [[max(9 * value, 0) for value in row] for row in scores]
        np.testing.assert_array_equal(told.maps["relu"][..., index], positive)
    assert told.answer == name[-1]
    wired = {name: np.mean([told.listed[place] for place in xo.WIRED[name]]) / 9 for name in "XO"}
    assert told.votes == pytest.approx(wired)
    assert told.whole["X"] == pytest.approx(np.mean(picture * xo.X))


@pytest.mark.parametrize("picture", [xo.X[:-1], xo.X / 2])
def test_the_story_is_about_pictures_of_two_values(picture):
    with pytest.raises(SettingError, match=r"pictures \(9, 9, 1\) of -1 and 1, not of shape"):
        xo.story(picture)
