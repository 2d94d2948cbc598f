import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from cnnkit.data.inspection import duplicates

pytestmark = pytest.mark.once


def by_hand(bits, thumbnails, sides):
    """Every pair, one after the other."""
    cells = [np.frombuffer(one, np.uint8).astype(int) for one in thumbnails]
    return [
        (i, j)
        for i in range(len(bits))
        for j in range(i + 1, len(bits))
        if (bits[i] ^ bits[j]).bit_count() <= duplicates.BITS
        and sides[i] != sides[j]
        and np.abs(cells[i] - cells[j]).mean() <= duplicates.LEVELS
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 7, 63, 127, 2**63, 2**64 - 1]),
            st.sampled_from([0, 6, 13]),
            st.sampled_from(["train", "test"]),
        ),
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_near_pairs_are_all_pairs_whatever_the_rows_at_once(pictures, rows):
    bits = [one[0] for one in pictures]
    thumbnails = [bytes([one[1]] * 64) for one in pictures]
    sides = [one[2] for one in pictures]
    before, duplicates.ROWS = duplicates.ROWS, rows
    try:
        found = duplicates.near(bits, thumbnails, sides)
    finally:
        duplicates.ROWS = before
    assert sorted(found) == by_hand(bits, thumbnails, sides)


def test_a_fingerprint_says_where_brightness_rises():
    rising = np.tile(np.arange(0, 90, 10, dtype=np.uint8), (8, 1))
    assert duplicates.fingerprint(Image.fromarray(rising))[0] == 2**64 - 1
    assert duplicates.fingerprint(Image.fromarray(rising[:, ::-1].copy()))[0] == 0
