"""Kinds of image files: which are decoded, and what the others are."""

from PIL import Image

READABLE = (
    "JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM",
)  # fmt: skip


def readable(content: bytes) -> list[str]:
    """Return the kinds that can be decoded here.

    Args:
        content: The file's bytes.

    Returns:
        Names of Pillow's formats.
    """
    Image.init()
    return [kind for kind in READABLE if kind in Image.OPEN]


def refusal(content: bytes) -> str:
    """Say why no kind in READABLE fits a file.

    Args:
        content: The file's bytes.

    Returns:
        The rest of a sentence that begins with the file's name.
    """
    return f"is no image of a kind read here, {_guess(content)}"


def _guess(content: bytes) -> str:
    start = content[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "but a web page"
    if start.startswith((b"<svg", b"<?xml")):
        return "but XML or SVG"
    if b"\0" not in content[:512] and start.isascii():
        return "but text"
    return "or its head is damaged"
