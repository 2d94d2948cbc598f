"""The script beside an export: ten lines that use it, without cnnkit and without Keras."""

from pathlib import Path

from cnnkit.deploy.inputs import Inputs, PictureInput

NAME = "predict.py"

HEAD = '''\
"""python predict.py {file}: the most probable classes of {what}."""

import json
import sys
{extra}from pathlib import Path

import numpy as np
'''
PICTURE = """\
picture = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGBA")
picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert({mode!r})
picture = {resized}
inputs = np.asarray(picture, np.float32).reshape(1, {height}, {width}, {channels}){scaled}
"""
ARRAY = """\
inputs = np.load(sys.argv[1]).astype(np.float32)[None]  # of shape {shape}
"""
TAIL = """\
for index in np.argsort(-probabilities[0])[:5]:
    print(f"{probabilities[0, index]:7.2%}  {card['class_names'][index]}")
"""


def write_script(folder: Path, lines: str, inputs: Inputs) -> None:
    """Write predict.py.

    Args:
        folder: That of the export.
        lines: What opens and calls the model, from `inputs` to `probabilities`: a format's SCRIPT.
        inputs: How a file becomes an input.
    """
    imports, _, use = lines.partition("\n\n")
    is_picture = isinstance(inputs, PictureInput)
    head = HEAD.format(
        file="PICTURE" if is_picture else "ARRAY.npy",
        what="a picture" if is_picture else "one input, stored as an array",
        extra="import zipfile\n" if "zipfile" in use else "",
    )
    read = ""
    if "inputs" in use:
        shown = inputs.shape
        read = _picture(inputs) if isinstance(inputs, PictureInput) else ARRAY.format(shape=shown)
    pillow = "from PIL import Image, ImageOps\n" if "ImageOps" in read else ""
    text = f"{head}{imports}\n{pillow}\nfolder = Path(__file__).parent\n{read}{use}{TAIL}"
    (folder / NAME).write_text(text, encoding="utf-8")


def _picture(inputs: PictureInput) -> str:
    height, width = inputs.image_size
    size, how = f"({width}, {height})", "Image.Resampling.BILINEAR"
    fitted = {
        "stretch": f"picture.resize({size}, {how})",
        "crop": f"ImageOps.fit(picture, {size}, {how})",
    }
    low, high = inputs.value_range
    return PICTURE.format(
        mode="L" if inputs.channels == 1 else "RGB",
        resized=fitted[inputs.fit],
        height=height,
        width=width,
        channels=inputs.channels,
        scaled="" if (low, high) == (0, 255) else f" / 255 * {high - low} + {low}",
    )
