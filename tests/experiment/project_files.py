"""Experiment files as tests write them, and the commands that read them."""

from pathlib import Path

from click.testing import CliRunner

from cnnkit.cli import main

FILE = """
from pathlib import Path
import random
import keras
import numpy as np
from cnnkit import Experiment, data, models
{imports}

def cats(epochs: int = 1{setting}):
    \"\"\"Pictures, and a network of one layer.\"\"\"
    pictures = {data}
    return Experiment(
        data=pictures, model=models.mlp(pictures.image_shape, 2, hidden_units=()),
        optimizer="sgd", epochs=epochs, batch_size=8,
    )
"""


def cnnkit_command(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def written(name="mine.py", *, data="", imports="", setting=""):
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(FILE.format(data=data or "data.xo(train=8, validation=8, test=8, image_size=9)", imports=imports,
                                setting=setting))  # fmt: skip
    return path
