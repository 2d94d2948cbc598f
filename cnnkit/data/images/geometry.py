"""Sizes and boxes: which part of a picture is used, and how large it has to be decoded.

Sizes are (width, height) and boxes (left, top, right, bottom), in pixels, as Pillow has them.
"""

Size = tuple[int, int]
Box = tuple[float, float, float, float]
REDUCTION_GAP = 3  # Pillow on `reducing_gap`: 3.0 is close to indistinguishable from no reduction


def fitted_box(size: Size, target: Size, fit: str) -> Box:
    """Return the part of a picture that fills a target.

    Args:
        size: Of the picture.
        target: Size to be filled.
        fit: "stretch" for all of the picture, "crop" for the largest central part that has the
            target's proportions.

    Returns:
        The box of that part.
    """
    if fit == "stretch":
        return 0, 0, *size
    width, height = size
    aspect = target[0] / target[1]
    box_width, box_height = min(width, height * aspect), min(height, width / aspect)
    left, top = (width - box_width) / 2, (height - box_height) / 2
    return left, top, left + box_width, top + box_height


def least_size(size: Size, target: Size, box: Box) -> Size:
    """Return the smallest size at which a JPEG may be decoded.

    Args:
        size: Of the picture.
        target: Size that the box is resized to.
        box: Part of the picture.

    Returns:
        Size of the decoded picture, REDUCTION_GAP times as large as the target needs.
    """
    fractions = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    width, height = (
        max(1, round(REDUCTION_GAP * side / fraction))
        for side, fraction in zip(target, fractions, strict=True)
    )
    return width, height


def scaled_box(box: Box, size: Size, decoded: Size) -> Box:
    """Return a box in the pixels of a picture that was decoded at a fraction of its size.

    Args:
        box: In pixels of the full size.
        size: The full size.
        decoded: The size after decoding.

    Returns:
        The same part, inside the decoded picture.
    """
    across, down = decoded[0] / size[0], decoded[1] / size[1]
    return (
        min(box[0] * across, decoded[0]),
        min(box[1] * down, decoded[1]),
        min(box[2] * across, decoded[0]),
        min(box[3] * down, decoded[1]),
    )
