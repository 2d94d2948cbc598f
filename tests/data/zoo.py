"""Odd and damaged image files, made here: name -> (bytes, None or a pattern of the refusal)."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

ORIENTATION = 0x0112
COLOURS = {"red": (255, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 255), "grey": (90, 90, 90)}


def quadrants(width=48, height=32):
    """Red and green above blue and grey: whatever is turned or flipped shows."""
    picture = np.zeros((height, width, 3), np.uint8)
    half = height // 2, width // 2
    picture[: half[0], : half[1]] = COLOURS["red"]
    picture[: half[0], half[1] :] = COLOURS["green"]
    picture[half[0] :, : half[1]] = COLOURS["blue"]
    picture[half[0] :, half[1] :] = COLOURS["grey"]
    return picture


# How a camera stores an upright picture under each EXIF orientation, in NumPy's words.
STORED = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.transpose(1, 0, 2),
    6: lambda x: np.rot90(x, 1),
    7: lambda x: np.rot90(x.transpose(1, 0, 2), 2),
    8: lambda x: np.rot90(x, -1),
}


def saved(image, kind, **options):
    content = io.BytesIO()
    if options.get("save_all"):
        options["append_images"] = [
            Image.fromarray(x) for x in (255 - quadrants(), quadrants() // 2)
        ]
    image.copy().save(content, kind, **options)  # a copy: a save leaves its settings behind
    return content.getvalue()


def turned(orientation, kind="JPEG"):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = np.ascontiguousarray(STORED[orientation](quadrants()))
    options = {"quality": 95} if kind != "PNG" else {}
    return saved(Image.fromarray(stored), kind, exif=exif, **options)


def png_of(width, height):
    """A PNG head that promises that many pixels, with next to no data."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def zoo():
    """Return every animal: name -> (bytes, None or what the refusal says)."""
    picture = Image.fromarray(quadrants())
    jpeg, png = saved(picture, "JPEG", quality=95), saved(picture, "PNG")
    clear = picture.convert("RGBA")
    clear.putalpha(Image.fromarray(np.full((32, 48), 128, np.uint8)))
    sixteen = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48) * 42
    read = {
        "plain.jpg": jpeg,
        "progressive.jpg": saved(picture, "JPEG", progressive=True),
        "subsampled.jpeg": saved(picture, "JPEG", subsampling=2),
        "grey.jpg": saved(picture.convert("L"), "JPEG"),
        "cmyk.jpg": saved(picture.convert("CMYK"), "JPEG"),
        "mpo.jpg": saved(picture, "MPO", save_all=True),
        "rest.jpg": jpeg + b"rest" * 100,
        **{f"turned_{turn}.jpg": turned(turn) for turn in STORED},
        "turned_6.png": turned(6, "PNG"),
        "turned_6.webp": turned(6, "WEBP"),
        "damaged_exif.jpg": saved(picture, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        "plain.png": png,
        "palette.png": saved(picture.quantize(8), "PNG"),
        "palette_clear.png": saved(picture.quantize(8), "PNG", transparency=0),
        "alpha.png": saved(clear, "PNG"),
        "grey_alpha.png": saved(clear.convert("LA"), "PNG"),
        "one_bit.png": saved(picture.convert("1"), "PNG"),
        "sixteen_bits.png": saved(Image.fromarray(sixteen), "PNG"),
        "animated.png": saved(picture, "PNG", save_all=True),
        "plain.gif": saved(picture, "GIF"),
        "animated.gif": saved(picture, "GIF", save_all=True),
        "clear.gif": saved(picture.quantize(8), "GIF", transparency=0),
        "plain.webp": saved(picture, "WEBP"),
        "alpha.webp": saved(clear, "WEBP", lossless=True),
        "animated.webp": saved(picture, "WEBP", save_all=True),
        "plain.bmp": saved(picture, "BMP"),
        "palette.bmp": saved(picture.quantize(8), "BMP"),
        "plain.tiff": saved(picture, "TIFF"),
        "deflated.tif": saved(picture, "TIFF", compression="tiff_deflate"),
        "pages.tif": saved(picture, "TIFF", save_all=True),
        "cmyk.tif": saved(picture.convert("CMYK"), "TIFF"),
        "sixteen_bits.tif": saved(Image.fromarray(sixteen), "TIFF"),
        "plain.ppm": saved(picture, "PPM"),
        "png_named.jpg": png,
        "jpeg_named.png": jpeg,
        "gif_without_suffix": saved(picture, "GIF"),
        "one_pixel.png": saved(Image.new("RGB", (1, 1), "red"), "PNG"),
        "strip.png": saved(Image.new("RGB", (3000, 1), "red"), "PNG"),
        "näïve 猫 (1).JPG": jpeg,
    }
    refused = {
        "empty.jpg": (b"", "is empty"),
        "one_byte.png": (b"\x89", "no image of a kind"),
        "head_only.jpg": (jpeg[:3], "no image of a kind|truncated"),
        "half.jpg": (jpeg[: len(jpeg) // 2], "[Tt]runcated"),
        "nearly_all.jpg": (jpeg[:-20], "truncated"),
        "half.png": (png[: len(png) // 2], "cannot be decoded"),
        "half.gif": (read["plain.gif"][:120], "cannot be decoded"),
        "half.bmp": (saved(picture, "BMP")[:1000], "truncated"),
        "half.webp": (saved(picture, "WEBP")[:60], "cannot be decoded|no image of a kind"),
        "flipped.png": (png[:60] + bytes([png[60] ^ 255]) + png[61:], "cannot be decoded"),
        "page.jpg": (b"<!DOCTYPE html><title>404</title>", "but a web page"),
        "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "but XML or SVG"),
        "notes.jpg": (b"Remember to ask for the photos.", "but text"),
        "noise.jpg": (np.random.default_rng(0).bytes(3000), "head is damaged"),
        "script.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "but text"),
        "bomb.png": (png_of(60_000, 60_000), "more than 178,956,970"),
        "small_bomb.png": (png_of(14_000, 14_000), "more than 178,956,970"),
        "floats.tif": (saved(Image.fromarray(np.eye(32, dtype="f4")), "TIFF"), "as white"),
    }
    return {name: (content, None) for name, content in read.items()} | refused
