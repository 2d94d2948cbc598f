import io

import numpy as np
import pytest
import zoo
from PIL import Image
from test_decode import mutated

from cnnkit.data.images import decode, jpeg, resize
from cnnkit.data.images.lazy_images import Decoding
from cnnkit.data.inspection import facts
from cnnkit.errors import BadImage

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        jpeg.fast is None or resize.fast is None, reason="cnnkit[fast] is not installed"
    ),
]
ANIMALS = {name: content for name, (content, _) in zoo.zoo().items()}
PLAIN = {"plain.jpg", "progressive.jpg", "subsampled.jpeg", "grey.jpg", "rest.jpg",
            "jpeg_named.png", "näïve 猫 (1).JPG", "nearly_all.jpg"}  # fmt: skip


def photograph(**options):
    """A JPEG of 150 x 110 pixels with edges and noise."""
    rng = np.random.default_rng(0)
    picture = np.repeat(np.repeat(rng.integers(0, 256, (11, 15, 3)), 10, 0), 10, 1)
    picture = (picture * 0.8 + rng.integers(0, 50, picture.shape)).astype(np.uint8)
    return zoo.saved(Image.fromarray(picture), "JPEG", **options)


def outcome(content, **options):
    """The pixels as a list, or the reason of the refusal."""
    try:
        return decode.decode(content, **{"image_size": (24, 31)} | options).tolist()
    except BadImage as reason:
        return str(reason)


@pytest.fixture
def without(monkeypatch):
    """A function that calls another as if simplejpeg were not installed."""

    def call(function, *arguments, **options):
        with monkeypatch.context() as patch:
            patch.setattr(jpeg, "fast", None)
            return function(*arguments, **options)

    return call


def test_ordinary_are_jpegs_without_anything_odd_in_their_heads():
    assert {name for name, content in ANIMALS.items() if jpeg.plain_size(content)} == PLAIN
    assert jpeg.plain_size(photograph(icc_profile=b"colours")) == (150, 110)
    assert jpeg.plain_size(photograph(comment=b"Lisbon")) == (150, 110)
    assert jpeg.plain_size(photograph(xmp=b'<x tiff:Orientation="6"/>')) is None


def test_an_ordinary_photograph_needs_no_pillow(monkeypatch):
    monkeypatch.setattr(decode, "opened", None)
    assert decode.decode(photograph(), (24, 31)).shape == (24, 31, 3)
    with pytest.raises(TypeError):
        decode.decode(zoo.turned(6), (24, 31))


@pytest.mark.parametrize("fit", decode.FITS)
@pytest.mark.parametrize("image_size", [(24, 31), (110, 150), (200, 170), (50, 20), (9, 9)])
@pytest.mark.parametrize(
    "options",
    [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"progressive": True},
     {"quality": 100}, {"quality": 10}, {"restart_marker_rows": 1}],
)  # fmt: skip
def test_pixels_are_those_of_pillow_s_decoder_to_the_last_bit(without, options, image_size, fit):
    content = photograph(**options)
    settings = {"image_size": image_size, "fit": fit}
    assert outcome(content, **settings) == without(outcome, content, **settings)


@pytest.mark.parametrize("name", ANIMALS)
def test_every_file_of_the_zoo_is_read_or_refused_alike(without, name):
    for settings in ({}, {"channels": 1}, {"fit": "crop", "image_size": (40, 20)}):
        content = ANIMALS[name]
        assert outcome(content, **settings) == without(outcome, content, **settings)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_damaged_photographs_are_read_or_refused_alike(without, options):
    content = photograph(**options)
    files = [mutated(content, seed) for seed in range(150)]
    files += [content[:length] for length in range(2, len(content), 97)] + [content[:-2]]
    found = [outcome(file) for file in files]
    assert found == [without(outcome, file) for file in files]
    assert 10 < sum(isinstance(each, str) for each in found) < len(files) - 10


@pytest.mark.slow
def test_thousands_of_damaged_photographs_are_read_or_refused_alike(without):
    contents = [photograph(), photograph(progressive=True), photograph(icc_profile=b"colours" * 9)]
    for seed in range(3000):
        file = mutated(contents[seed % 3], seed)
        assert outcome(file) == without(outcome, file), seed


def test_photographs_equal_pillow_s_antialiased_resize_within_a_level_on_average(shared):
    differences = []
    for path in sorted((shared / "data/cats_dogs_varied").rglob("*.jpg"))[::3]:
        content = decode.read(path)
        with Image.open(io.BytesIO(content)) as image:
            if min(image.size) < 80 or jpeg.plain_size(content) is None:
                continue
            size = image.width * 4 // 9, image.height * 4 // 9
            wanted = np.asarray(image.resize(size, Image.Resampling.BILINEAR), int)
        ours = decode.decode(content, size[::-1])
        differences.append(np.abs(ours - wanted).mean())
        assert np.abs(ours - wanted).max() <= 2
    assert len(differences) > 10
    assert max(differences) < 0.3


def test_what_pillow_decodes_at_a_fraction_is_left_to_it(without, monkeypatch):
    large = zoo.saved(Image.fromarray(zoo.quadrants(400, 300)), "JPEG")
    assert outcome(large) == without(outcome, large)
    monkeypatch.setattr(decode, "opened", None)
    with pytest.raises(TypeError):
        outcome(large)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(375, 500), (333, 320), (319, 500), (60, 900)])
def test_inspection_finds_the_same_facts_with_either_decoder(without, monkeypatch, mode, size):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (*size, 3), np.uint8)
    content = zoo.saved(Image.fromarray(pixels).convert(mode), "JPEG")
    found = without(facts.examine, content)
    assert facts.examine(content) == found
    if min(size) >= 8 * facts.MEASURED_SIDE:
        monkeypatch.setattr(decode, "opened", None)
        assert facts.examine(content) == found


def test_inspection_refuses_a_truncated_photograph_alike(without):
    pixels = np.random.default_rng(0).integers(0, 256, (375, 500, 3), np.uint8)
    content = zoo.saved(Image.fromarray(pixels), "JPEG")
    for examine in (facts.examine, lambda cut: without(facts.examine, cut)):
        with pytest.raises(BadImage, match="truncated"):
            examine(content[:-5000])


def test_pixels_of_the_two_decoders_are_kept_apart(without):
    assert Decoding((8, 8)).name != without(getattr, Decoding((8, 8)), "name")
