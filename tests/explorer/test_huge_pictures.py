"""Pictures of 100 megapixels are refused by their first bytes, whatever their kind."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, features

pytestmark = pytest.mark.once

SMALL, HUGE = (67, 45), (10_000, 10_000)


def written(kind, **options):
    """A small picture in a file of some kind, by Pillow."""
    pixels = np.random.default_rng(0).integers(0, 256, (*SMALL[::-1], 3), dtype=np.uint8)
    content = io.BytesIO()
    picture = Image.fromarray(pixels)
    if kind == "JPEG":  # with the header of a small picture inside, as cameras write it
        thumbnail = io.BytesIO()
        picture.resize((16, 12)).save(thumbnail, "JPEG")
        options["exif"] = b"Exif\0\0" + thumbnail.getvalue()
    picture.save(content, kind, **options)
    return content.getvalue()


def with_size(content, start, size):
    """The first bytes of a file, with other numbers where its width and height stand."""
    return (content[:start] + size + content[start + len(size) :])[:1500]


def little(number, count):
    return number.to_bytes(count, "little")


def png():
    size = HUGE[0].to_bytes(4, "big") + HUGE[1].to_bytes(4, "big")
    content = with_size(written("PNG"), 16, size)
    return content[:29] + zlib.crc32(content[12:29]).to_bytes(4, "big") + content[33:]


def gif():
    return with_size(written("GIF"), 6, little(HUGE[0], 2) + little(HUGE[1], 2))


def bmp():
    return with_size(written("BMP"), 18, little(HUGE[0], 4) + little(HUGE[1], 4))


def jpeg(**options):
    content = written("JPEG", **options)
    frame = content.rindex(b"\xff\xc2" if options else b"\xff\xc0")
    changed = HUGE[1].to_bytes(2, "big") + HUGE[0].to_bytes(2, "big")
    return content[: frame + 5] + changed + content[frame + 9 :]


def progressive_jpeg():
    return jpeg(progressive=True)


def lossy_webp():
    return with_size(written("WEBP"), 26, little(HUGE[0], 2) + little(HUGE[1], 2))


def lossless_webp():
    packed = (HUGE[0] - 1) | (HUGE[1] - 1) << 14
    return with_size(written("WEBP", lossless=True), 21, little(packed, 4))


def extended_webp():
    content = written("WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
    return with_size(content, 24, little(HUGE[0] - 1, 3) + little(HUGE[1] - 1, 3))


def avif():
    content = written("AVIF")
    return with_size(content, content.index(b"ispe") + 8, (10_000).to_bytes(4, "big") * 2)


KINDS = {
    each.__name__: each
    for each in (png, gif, bmp, jpeg, progressive_jpeg, lossy_webp, lossless_webp, extended_webp, avif)
}  # fmt: skip


@pytest.fixture(scope="module")
def opened(page):
    page.open()
    page.run(
        "[...document.querySelectorAll('.tabs button')].find(b => b.textContent === 'A file').click()"
    )
    return page


def given(page, path):
    """What the page says of a file."""
    page.run("document.querySelector('.input .problem').textContent = ''")
    page.find("#picture-file").send_keys(str(path))
    return page.until(
        "const said = document.querySelector('.input .problem').textContent;"
        "const step = document.querySelector('.steps .soft').textContent;"
        "return said || (step.includes('pixels') ? step : '')"
    )


@pytest.mark.filterwarnings("ignore:Image size .* exceeds limit")
def test_the_size_is_read_from_the_first_bytes(opened, tmp_path):
    for kind, make in KINDS.items():
        if kind == "avif" and not features.check("avif"):
            continue
        content = make()
        if kind != "avif" and "webp" not in kind:  # of which Pillow wants all to know the size
            assert Image.open(io.BytesIO(content)).size == HUGE, kind
        path = tmp_path / f"{kind}.picture"
        path.write_bytes(content)
        said = given(opened, path)
        assert said.startswith(f"{kind}.picture has 100 million pixels; the page opens up to 50"), (
            said
        )


def test_a_picture_with_a_thumbnail_and_a_cut_one_are_not_taken_for_huge_ones(opened, tmp_path):
    (tmp_path / "cut.jpg").write_bytes(written("JPEG")[:30])
    assert "cannot be read as a picture" in given(opened, tmp_path / "cut.jpg")
    (tmp_path / "whole.jpg").write_bytes(written("JPEG"))
    assert given(opened, tmp_path / "whole.jpg") == "67 × 45 pixels"
