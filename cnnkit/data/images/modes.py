"""Convert pictures of any mode to upright RGB or grey of 8 bits."""

import numpy as np
from PIL import Image

from cnnkit.errors import BadImage

ORIENTATION = 0x0112  # EXIF 2.32, section 4.6.4.A
TURNS = {  # brings a picture of each orientation upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # orientations that exchange width and height


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of a picture.

    Args:
        image: The picture.

    Returns:
        1 to 8; 1, upright, if there is none or it cannot be read.
    """
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # EXIF is a TIFF file inside the file and can be damaged in as many ways
        return 1
    return value if value in TURNS else 1


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn or flip a picture as its EXIF orientation asks.

    Args:
        image: The picture as stored.
        orientation: 1 to 8.

    Returns:
        The upright picture.
    """
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def eight_bit(image: Image.Image, channels: int) -> Image.Image:
    """Convert a picture to 8 bits a channel; transparency is blended over white.

    Args:
        image: A picture of any mode.
        channels: 3 for RGB, 1 for grey.

    Returns:
        A picture of mode "RGB" or "L".

    Raises:
        BadImage: It has values of 32 bits that 16 bits do not hold.
    """
    if image.mode.startswith("I") or image.mode == "F":
        image = _from_16_bits(image)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    image.load()
    mode = "RGB" if channels == 3 else "L"
    return image if image.mode == mode else image.convert(mode)


def _from_16_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise BadImage(
            f"has values of 32 bits (mode {image.mode}), and nothing says which is shown as white"
        )
    return Image.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
