"""A classifier of X's and O's to follow by hand: one Keras model with fixed weights.

Source  Brandon Rohrer 2016, "How do convolutional neural networks work?": 9 x 9 pictures of -1 and
        1, three features, match scores that are means of nine products. His pictures print ninths
        cut off after two decimals (7/9 as 0.77). Here every number is exact, see `ninths`.
"""

from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.errors import SettingError
from cnnkit.keras_graph.arrays import as_numpy


def _picture(*rows: str) -> np.ndarray:
    return np.array([[1.0 if pixel == "#" else -1.0 for pixel in row] for row in rows], "float32")


X = _picture(
    ".........",
    ".#.....#.",
    "..#...#..",
    "...#.#...",
    "....#....",
    "...#.#...",
    "..#...#..",
    ".#.....#.",
    ".........",
)[..., None]
"""The X: shape (9, 9, 1), float32, -1 and 1, 13 pixels white."""

O = _picture(  # noqa: E741, this letter is what the picture shows
    ".........",
    "...###...",
    "..#...#..",
    ".#.....#.",
    ".#.....#.",
    ".#.....#.",
    "..#...#..",
    "...###...",
    ".........",
)[..., None]
"""The O: shape (9, 9, 1), float32, -1 and 1, 16 pixels white."""

DEFORMED_X = _picture(
    "..#......",
    "...#.....",
    "....#...#",
    ".......#.",
    "..#.#.#..",
    ".#.......",
    "#...#....",
    ".....#...",
    "......#..",
)[..., None]
"""An X whose four arms have slipped clockwise. Compared pixel by pixel, it is nearer to the O."""

FEATURES = {
    "diagonal": _picture("#..", ".#.", "..#"),
    "cross": _picture("#.#", ".#.", "#.#"),
    "anti-diagonal": _picture("..#", ".#.", "#.."),
}
"""The three features that the network looks for: shape (3, 3), float32, -1 and 1."""

CLASS_NAMES = ("X", "O")

WIRED = {"X": (0, 3, 4, 9, 10), "O": (1, 2, 8, 11)}
"""Which of the twelve values vote for a class: those that are 1 for its ideal picture."""


def model() -> keras.Model:
    """Return the classifier: pictures `(batch, 9, 9, 1)` of -1 and 1 to votes `(batch, 2)`.

    Its layers are the steps of the story:

    - `match` sums the nine products of each 3 x 3 patch and a feature.
    - `mean` divides by nine.
    - `relu` drops negative values.
    - `pool` and `pool_again` shrink 7 to 4 to 2.
    - `list` writes the three small maps as twelve numbers, feature after feature.
    - `votes` takes for each class the mean of the values wired to it.

    Returns:
        An uncompiled model whose weights are not trainable.

    >>> votes = model().predict(np.stack([X, O, DEFORMED_X]), verbose=0)
    >>> [CLASS_NAMES[winner] for winner in votes.argmax(axis=-1)]
    ['X', 'O', 'X']
    >>> [round(match_whole_picture(DEFORMED_X, ideal) * 81) for ideal in (X, O)]
    [33, 39]
    """
    classifier = keras.Sequential(
        [
            keras.Input((9, 9, 1), name="picture"),
            keras.layers.Conv2D(3, 3, use_bias=False, name="match"),
            keras.layers.Rescaling(1 / 9, name="mean"),
            keras.layers.ReLU(name="relu"),
            keras.layers.MaxPooling2D(2, padding="same", name="pool"),
            keras.layers.MaxPooling2D(2, padding="same", name="pool_again"),
            keras.layers.Permute((3, 1, 2), name="feature_first"),
            keras.layers.Flatten(name="list"),
            keras.layers.Dense(2, use_bias=False, name="votes"),
        ],
        name="xo_by_hand",
    )
    classifier.get_layer("match").set_weights([np.stack([*FEATURES.values()], axis=-1)[:, :, None]])
    wiring = np.zeros((12, 2), "float32")
    for index, name in enumerate(CLASS_NAMES):
        wiring[list(WIRED[name]), index] = 1 / len(WIRED[name])
    classifier.get_layer("votes").set_weights([wiring])
    classifier.trainable = False
    return classifier


@dataclass(frozen=True)
class Story:
    """What the classifier computes of one picture, step by step.

    Attributes:
        picture: `(9, 9)`, -1 and 1.
        maps: After the steps "match", "relu", "pool" and "pool_again", whole ninths, int64, of shape
            `(height, width, 3)`: a map for each of `FEATURES`.
        listed: The last maps as twelve numbers, whole ninths, int64.
        votes: For each class the mean of the values wired to it, from 0 to 1.
        whole: For each class how well the whole picture matches the ideal one, from -1 to 1.
    """

    picture: np.ndarray
    maps: dict[str, np.ndarray]
    listed: np.ndarray
    votes: dict[str, float]
    whole: dict[str, float]

    @property
    def answer(self) -> str:
        """The class with the most votes."""
        return max(self.votes, key=lambda name: self.votes[name])


def story(picture: np.ndarray) -> Story:
    """Follow a picture through the classifier.

    Args:
        picture: `(9, 9, 1)` of -1 and 1, such as `X`, `O` or `DEFORMED_X`.

    Returns:
        Every number on the way; `explain.figures.xo_story` draws it.

    Raises:
        SettingError: The picture has another shape or other values.

    >>> told = story(X)
    >>> told.maps["match"][0, :, 0].tolist()
    [7, -1, 1, 3, 5, -1, 3]
    >>> told.answer, round(told.votes["O"], 3)
    ('X', 0.556)
    """
    pixels = np.asarray(picture, "float32")
    if pixels.shape != (9, 9, 1) or not np.isin(pixels, (-1, 1)).all():
        raise SettingError(
            f"The story is about pictures (9, 9, 1) of -1 and 1, not of shape {pixels.shape} from "
            f"{pixels.min():g} to {pixels.max():g}."
        )
    classifier = model()
    names = {"match": "mean", "relu": "relu", "pool": "pool", "pool_again": "pool_again"}
    reading = keras.Model(
        classifier.inputs[0],
        [classifier.get_layer(name).output for name in (*names.values(), "list", "votes")],
    )
    *maps, listed, votes = (as_numpy(values)[0] for values in reading(pixels[None]))
    ideals = {"X": X, "O": O}
    return Story(
        picture=pixels[..., 0],
        maps={name: ninths(values) for name, values in zip(names, maps, strict=True)},
        listed=ninths(listed),
        votes={name: float(vote) for name, vote in zip(CLASS_NAMES, votes, strict=True)},
        whole={name: match_whole_picture(pixels, ideals[name]) for name in CLASS_NAMES},
    )


def match_whole_picture(picture: np.ndarray, ideal: np.ndarray) -> float:
    """Compare two pictures pixel by pixel, without features.

    This fails on pictures that are shifted or bent: see `DEFORMED_X`.

    Args:
        picture: A picture of -1 and 1.
        ideal: Another picture of the same shape.

    Returns:
        The mean of all products, from -1 to 1.
    """
    return float(np.mean(picture * ideal))


def ninths(values: np.ndarray) -> np.ndarray:
    """Return match scores as whole numbers of ninths.

    Args:
        values: Match scores of 3 x 3 patches.

    Returns:
        int64, in the shape of `values`.

    Raises:
        SettingError: A value is further than float32 rounding from a whole ninth.

    >>> ninths(np.array([7 / 9, -1 / 9, 1.0]))
    array([ 7, -1,  9])
    """
    scaled = 9 * np.asarray(values, "float64")
    whole = np.rint(scaled)
    if not np.allclose(scaled, whole, rtol=0, atol=1e-5):
        worst = np.asarray(values).flat[np.abs(scaled - whole).argmax()]
        raise SettingError(
            f"{worst} is no whole number of ninths, as the match score of a 3 x 3 patch must be."
        )
    return whole.astype("int64")
