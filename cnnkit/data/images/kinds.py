"""Kinds of image files: which are decoded, and what the others are and what would read them."""

import contextlib
import importlib

from PIL import Image

READABLE = (
    "JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM",
)  # fmt: skip

HEIC = "but a HEIC photo, which pillow-heif reads (pip install pillow-heif)"
AVIF = "but an AVIF picture, which a newer Pillow reads (pip install -U Pillow)"
PDF = "but a PDF document; pypdfium2 turns its pages into pictures"
DICOM = "but a DICOM file, which pydicom reads; save its pixels as PNG"
VIDEO = "but a video; ffmpeg writes its frames as pictures"
RAW = "but a camera's raw file, which rawpy reads; save it as JPEG or PNG"
SOUND = "but a sound, which cnnkit.data.sounds reads"
JPEG_XL = "but a JPEG XL picture; save it as PNG, for example with djxl"
ARRAY = "but a NumPy array, which numpy.load reads"

SIGNATURES = (  # first bytes after an offset, and what a file that has them is
    (0, b"%PDF-", PDF),
    (128, b"DICM", DICOM),
    (0, b"\x1aE\xdf\xa3", VIDEO),  # Matroska, WebM
    (0, b"FLV", VIDEO), (0, b"\0\0\x01\xba", VIDEO), (0, b"\0\0\x01\xb3", VIDEO),
    (0, b"0&\xb2u\x8ef\xcf\x11", VIDEO),  # Windows Media
    (8, b"AVI ", VIDEO),
    (4, b"moov", VIDEO), (4, b"mdat", VIDEO), (4, b"wide", VIDEO),  # QuickTime
    (0, b"FUJIFILMCCD-RAW", RAW), (0, b"IIU\0", RAW), (0, b"IIRO", RAW), (0, b"IIRS", RAW),
    (0, b"MMOR", RAW), (0, b"\0MRM", RAW), (0, b"FOVb", RAW), (8, b"CR\x02", RAW),
    (8, b"WAVE", SOUND), (0, b"fLaC", SOUND), (0, b"ID3", SOUND), (0, b"OggS", SOUND),
    (0, b"\xff\x0a", JPEG_XL), (4, b"JXL ", JPEG_XL),
    (0, b"\x93NUMPY", ARRAY), (0, b"8BPS", "but a Photoshop file; save it as PNG"),
    (0, b"\x89HDF", "but an HDF5 file, which h5py reads"),
    (0, b"PK\x03\x04", "but a ZIP archive; unpack it"),
    (0, b"\x1f\x8b", "but a gzip archive; unpack it"),
)  # fmt: skip
BRANDS = {  # of ISO base media files (ISO/IEC 14496-12), bytes 8 to 11
    b"avif": AVIF, b"avis": AVIF, b"crx ": RAW,
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIC),
}  # fmt: skip

NEW_SUBFILE, PHOTOMETRIC, SUB_IFDS, DNG_VERSION = 254, 262, 330, 50706  # TIFF tags
SENSOR_PIXELS = (32803, 34892)  # photometric interpretations: colour filter array, linear raw


def readable(content: bytes) -> list[str]:
    """Return the kinds that can be decoded here; HEIC is among them if pillow-heif is installed.

    Args:
        content: The file's bytes.

    Returns:
        Names of Pillow's formats.
    """
    Image.init()
    if _describe(content) is HEIC:
        _register_heif()
    return [kind for kind in READABLE if kind in Image.OPEN]


def refusal(content: bytes) -> str:
    """Say why no kind in READABLE fits a file.

    Args:
        content: The file's bytes.

    Returns:
        The rest of a sentence that begins with the file's name.
    """
    guess = _describe(content) or _describe_text(content) or "or its head is damaged"
    return f"is no image of a kind read here, {guess}"


def is_camera_raw(image: Image.Image) -> bool:
    """Whether a TIFF file holds a camera's raw pixels, behind a thumbnail that Pillow would read.

    DNG, NEF and ARW files begin as TIFF files do.

    Args:
        image: An opened image of any kind.

    Returns:
        True for a raw file.
    """
    if image.format != "TIFF":
        return False
    tags = getattr(image, "tag_v2", {})
    thumbnail = tags.get(NEW_SUBFILE) == 1 and SUB_IFDS in tags
    return DNG_VERSION in tags or thumbnail or tags.get(PHOTOMETRIC) in SENSOR_PIXELS


def _register_heif() -> None:
    if "HEIF" not in Image.OPEN:
        # Imported for the first HEIC file only: it is optional and takes time to load.
        with contextlib.suppress(ImportError):
            importlib.import_module("pillow_heif").register_heif_opener()


def _describe(content: bytes) -> str | None:
    """Name a file's kind by its signature."""
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        if brand in (b"mif1", b"msf1") and b"avif" in content[16:64]:
            return AVIF
        return BRANDS.get(brand, VIDEO)
    for offset, signature, kind in SIGNATURES:
        if content.startswith(signature, offset):
            return kind
    return None


def _describe_text(content: bytes) -> str | None:
    start = content[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "but a web page"
    if start.startswith((b"<svg", b"<?xml")):
        return "but XML or SVG; save a drawing as PNG"
    if b"\0" not in content[:512] and start.isascii():
        return "but text"
    return None
