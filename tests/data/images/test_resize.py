import numpy as np
import pytest
import zoo
from hypothesis import given, settings, strategies as st
from PIL import Image

from cnnkit.data.images import decode, resize
from cnnkit.data.images.lazy_images import Decoding

pytestmark = pytest.mark.once

NOISE = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
installed = pytest.mark.skipif(resize.fast is None, reason="cykooz.resizer is not installed")


def test_without_the_fast_resizer_the_size_rule_is_pillows(monkeypatch):
    monkeypatch.setattr(resize, "fast", None)
    image = Image.fromarray(NOISE)
    wanted = np.asarray(image.resize((24, 31), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(decode.decode(zoo.saved(image, "PNG"), (31, 24)), wanted)


@installed
@settings(max_examples=50, deadline=None)
@given(
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    box=st.tuples(st.floats(0, 60), st.floats(0, 40), st.floats(65, 130), st.floats(45, 90)),
    mode=st.sampled_from(["RGB", "L"]),
)
def test_the_fast_resizer_gives_pillows_pixels_but_for_rounding(size, box, mode):
    image = Image.fromarray(NOISE).convert(mode)
    wanted = np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box), int)
    assert np.abs(np.asarray(resize.bilinear(image, size, box), int) - wanted).max() <= 2


@installed
def test_the_fast_resizer_is_as_exact_as_pillow():
    size, box = (61, 47), (0, 0, 130, 90)
    exact = np.stack(
        [
            Image.fromarray(channel).resize(size, Image.Resampling.BILINEAR)
            for channel in np.moveaxis(NOISE.astype(np.float32), -1, 0)
        ],
        axis=-1,
    )
    pillow = np.asarray(Image.fromarray(NOISE).resize(size, Image.Resampling.BILINEAR))
    fast = np.asarray(resize.bilinear(Image.fromarray(NOISE), size, box))
    assert np.abs(fast - exact).mean() <= np.abs(pillow - exact).mean() + 0.01


@installed
def test_pixels_of_the_two_resizers_are_kept_apart(monkeypatch):
    fast = Decoding((8, 8)).name
    monkeypatch.setattr(resize, "fast", None)
    assert Decoding((8, 8)).name != fast
