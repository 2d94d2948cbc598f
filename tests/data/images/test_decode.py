import io
import json
import os
import sys
import types
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zoo
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageOps, features

from cnnkit.data.images import decode
from cnnkit.errors import BadImage, SettingError

pytestmark = pytest.mark.once

ANIMALS = zoo.zoo()
READ = {name: content for name, (content, refusal) in ANIMALS.items() if refusal is None}
CORNERS = ((0, 0, "red"), (0, 1, "green"), (1, 0, "blue"), (1, 1, "grey"))


def corners(content, **options):
    """The four quadrants' colours, of a picture decoded to 32 x 48."""
    pixels = decode.decode(content, (32, 48), **options)
    return [pixels[8 + 16 * row, 12 + 24 * column].astype(int) for row, column, _ in CORNERS]


@pytest.mark.parametrize("name", ANIMALS)
def test_every_file_of_the_zoo_is_read_or_refused_with_its_reason(name):
    content, refusal = ANIMALS[name]
    for image_size, channels in (((20, 10), 3), ((7, 9), 1)):
        if refusal is None:
            pixels = decode.decode(content, image_size, channels=channels)
            assert (pixels.shape, pixels.dtype) == ((*image_size, channels), np.uint8)
        else:
            with pytest.raises(BadImage, match=refusal):
                decode.decode(content, image_size, channels=channels)


COLOURFUL = [
    name
    for name in READ
    if not any(word in name for word in ("grey", "alpha", "clear", "bit", "one_", "strip"))
]


@pytest.mark.parametrize("name", COLOURFUL)
def test_what_stands_upright_in_colour_reads_upright_in_colour(name):
    for colour, (_, _, expected) in zip(corners(READ[name]), CORNERS, strict=True):
        assert np.abs(colour - zoo.COLOURS[expected]).max() <= 24  # 4:2:0 JPEG and eight palettes


def test_transparency_is_laid_over_white():
    half = np.array([zoo.COLOURS[name] for *_, name in CORNERS]) * (128 / 255) + 127
    for name in ("alpha.png", "alpha.webp"):
        np.testing.assert_allclose(corners(READ[name]), half, atol=1)
    cleared = [colour.tolist() for colour in corners(READ["palette_clear.png"])]
    assert cleared.count([255, 255, 255]) == 1


@pytest.mark.parametrize("name", ["sixteen_bits.png", "sixteen_bits.tif"])
def test_sixteen_bits_become_eight_by_rounding(name):
    values = np.arange(32 * 48).reshape(32, 48) * 42
    pixels = decode.decode(READ[name], (32, 48), channels=1)[..., 0]
    np.testing.assert_array_equal(pixels, np.round(values / 65535 * 255))


def test_a_reduced_jpeg_stays_within_one_level_on_average(shared):
    differences = []
    for path in sorted((shared / "data/imagenet_sample").iterdir()):
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            whole = image.convert("RGB").resize((48, 48), Image.Resampling.BILINEAR)
        ours = decode.decode(content, (48, 48)).astype(int)
        differences.append(np.abs(ours - np.asarray(whole)).mean())
    assert 0 < np.mean(differences) < 1


def test_a_phone_s_photo_is_decoded_at_a_quarter_stands_upright_and_stays_within_one_level(
    monkeypatch,
):
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    grain = rng.integers(-8, 9, (3024, 4032, 1), dtype=np.int16)
    stored = np.asarray(small.resize((4032, 3024), Image.Resampling.BICUBIC)) + grain
    exif = Image.Exif()
    exif[zoo.ORIENTATION] = 6  # held upright: the sensor's rows are the photo's columns
    stored = Image.fromarray(np.clip(stored, 0, 255).astype(np.uint8))
    content = zoo.saved(stored, "JPEG", exif=exif, quality=87)

    sizes, bilinear = [], decode.resize.bilinear
    monkeypatch.setattr(
        decode.resize,
        "bilinear",
        lambda image, *rest: sizes.append(image.size) or bilinear(image, *rest),
    )
    ours = decode.decode(content, (224, 168)).astype(int)
    assert sizes == [(1008, 756)]
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    whole = np.asarray(upright.resize((168, 224), Image.Resampling.BOX), int)
    assert np.abs(ours - whole).mean() < 1
    assert np.abs(ours[::-1, ::-1] - whole).mean() > 20


def test_crop_keeps_the_central_part_and_its_proportions():
    stripes = np.zeros((40, 100, 3), np.uint8)
    stripes[:, 30:70] = 200
    content = zoo.saved(Image.fromarray(stripes), "PNG")
    cropped = decode.decode(content, (20, 20), fit="crop")
    assert (cropped[:, 1:-1] == 200).all()
    assert cropped.min() > 150  # the outermost columns cover half a pixel of the black beside them
    assert decode.decode(content, (20, 20), fit="stretch").min() == 0


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_crop_of_a_turned_picture_is_the_crop_of_the_upright_one(turn):
    upright = decode.decode(zoo.turned(1, "PNG"), (12, 24), fit="crop").astype(int)
    turned = decode.decode(zoo.turned(turn, "PNG"), (12, 24), fit="crop")
    assert np.abs(turned - upright).max() <= 1  # both axes are rounded, in either order


def test_real_odd_photographs_are_seen_as_expected(shared):
    folder = shared / "data/odd_images"
    expected = json.loads((folder / "expected_hippopotamus.json").read_text())
    photograph = decode.decode(decode.read(folder / "hippopotamus/plain.jpg"), (30, 40))
    for entry in expected:
        content = decode.read(folder / "hippopotamus" / entry["file"])
        if not entry["decodable"]:
            with pytest.raises(BadImage):
                decode.decode(content, (30, 40))
            continue
        pixels = decode.decode(content, (30, 40)).astype(int)
        if not any(word in entry["kind"].lower() for word in ("gray", "1-bit", "1x1", "400x8")):
            opaque = slice(11, None) if "transparent" in entry["kind"] else slice(None)
            assert np.abs(pixels - photograph)[:, opaque].mean() < 8, entry


def test_a_library_s_own_broken_files_are_refused_and_the_rest_read(shared):
    refused = set()
    for path in sorted((shared / "data/odd_images/pillow").iterdir()):
        try:
            decode.decode(decode.read(path), (8, 8))
        except BadImage:
            refused.add(path.name)
    assert refused == {
        "broken.png", "broken_data_stream.png", "truncated_image.png", "truncated_jpeg.jpg",
    }  # fmt: skip


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    for name, reason in (
        ("pipe.jpg", "not a regular file"), ("folder.jpg", "not a regular file"),
        ("gone.jpg", "not there"), ("loop.jpg", "[Ll]evels|links"), ("nothing.jpg", "not there"),
    ):  # fmt: skip
        with pytest.raises(BadImage, match=reason):
            decode.read(tmp_path / name)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    # Tests may run as root, whom no permission stops: the answer of the system is simulated.
    def refuse(path, flags):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BadImage, match="cannot be opened: Permission denied"):
        decode.read(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": (0, 5)}, "height, width"),
        ({"image_size": (5,)}, "height, width"),
        ({"image_size": "big"}, "height, width.*not 'big'"),
        ({"channels": 4}, "3 for colour or 1 for grey, not 4"),
        ({"fit": "pad"}, "'stretch' or 'crop', not 'pad'"),
    ],
)
def test_a_setting_out_of_range_is_named(options, words):
    with pytest.raises(SettingError, match=words):
        decode.decode(READ["plain.jpg"], **{"image_size": (8, 8)} | options)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC.*pip install pillow-heif"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "AVIF.*Pillow"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "video.*ffmpeg"),
        (b"RIFF\x24\0\0\0AVI LIST", "video.*ffmpeg"),
        (b"\x1aE\xdf\xa3\x01\0\0\0", "video.*ffmpeg"),
        (b"%PDF-1.7\n1 0 obj", "PDF.*pypdfium2"),
        (b"\0" * 128 + b"DICM\x02\0", "DICOM.*pydicom"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "raw.*rawpy"),
        (b"II*\0\x10\0\0\0CR\x02\0", "raw.*rawpy"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "sound.*cnnkit.data.sounds"),
    ],
)
def test_what_is_no_picture_here_is_named_with_what_reads_it(content, words):
    with pytest.raises(BadImage, match=words):
        decode.decode(content + bytes(600), (8, 8))


@pytest.mark.parametrize("tags", [{50706: b"\1\4\0\0"}, {254: 1, 330: 8}])
def test_a_camera_s_raw_file_is_not_read_as_its_thumbnail(tags):
    content = zoo.saved(Image.new("RGB", (16, 12)), "TIFF", tiffinfo=tags)
    with pytest.raises(BadImage, match=r"raw file.*rawpy"):
        decode.decode(content, (8, 8))


def test_heic_is_read_where_pillow_heif_is_installed(monkeypatch):
    content = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)

    def open_heif(file, name):
        return Image.new("RGB", (4, 4), (10, 20, 30))

    def register():
        Image.register_open("HEIF", open_heif, lambda prefix: prefix[4:12] == b"ftypheic")

    fake = types.SimpleNamespace(register_heif_opener=register)
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    monkeypatch.setitem(sys.modules, "pillow_heif", fake)
    assert decode.decode(content, (2, 2))[0, 0].tolist() == [10, 20, 30]


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_read():
    content = zoo.saved(Image.new("RGB", (16, 16), (200, 30, 30)), "AVIF")
    np.testing.assert_allclose(decode.decode(content, (4, 4))[1, 1], (200, 30, 30), atol=6)


def test_libtiff_prints_nothing(capfd):
    damaged = bytearray(READ["deflated.tif"])
    damaged[10:40] = b"\xff" * 30
    with pytest.raises(BadImage, match="cannot be decoded"):
        decode.decode(bytes(damaged), (8, 8))
    assert capfd.readouterr() == ("", "")


def test_pillow_s_warnings_stay_inside_and_filters_are_put_back_whatever_the_threads():
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: decode.decode(READ["damaged_exif.jpg"], (8, 8)), range(64)))
    assert warnings.filters == before


def mutated(content, seed):
    """Some bytes changed, some cut out, some repeated, as bad disks and lines do."""
    rng = np.random.default_rng(seed)
    damaged = bytearray(content)
    for _ in range(rng.integers(1, 8)):
        at, length = int(rng.integers(len(damaged))), int(rng.integers(1, 40))
        match rng.integers(4):
            case 0:
                damaged[at] ^= 1 << int(rng.integers(8))
            case 1:
                damaged[at : at + length] = rng.bytes(length)
            case 2 if len(damaged) > 100:
                del damaged[at : at + length]
            case _:
                damaged[at:at] = damaged[at : at + length]
    return bytes(damaged)


def outcome(content):
    """The shape of the pixels, or the reason of the refusal."""
    try:
        return decode.decode(content, (16, 16)).shape
    except BadImage as reason:
        return str(reason)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(READ)), seed=st.integers(0, 2**32 - 1))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(name, seed):
    assert outcome(mutated(READ[name], seed))


@pytest.mark.slow
def test_thousands_of_damaged_files_are_read_or_refused():
    names = sorted(READ)
    outcomes = [outcome(mutated(READ[names[seed % len(names)]], seed)) for seed in range(20_000)]
    read = outcomes.count((16, 16, 3))
    assert 2000 < read < 18_000  # both happen, so that both are tested
    assert all(outcomes)
