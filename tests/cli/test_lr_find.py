"""`cnnkit lr-find`, as a user types it."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from cnnkit.cli import main

pytestmark = pytest.mark.once

TWO_CLASSES = """
import keras
from cnnkit import Experiment, data, main, models

def experiment(epochs: int = 2, seed: int = 0):
    \"\"\"A small run on X and O.\"\"\"
    shapes = data.xo(train=160, validation=16, test=16, image_size=9, seed=seed)
    model = models.convnet(shapes.image_shape, 2, widths=(8,), depths=(1,), hidden_units=())
    return Experiment(data=shapes, model=model, optimizer=keras.optimizers.Adam(), epochs=epochs)
"""


@pytest.fixture
def ask(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "strokes.py").write_text(TWO_CLASSES)
    return lambda *words: CliRunner().invoke(main, ["lr-find", *words])


def test_it_suggests_a_rate_and_draws_the_loss(ask):
    result = ask("strokes", "--steps", "40", "--seed", "3")
    assert result.exit_code == 0, result.output
    rate = float(re.search(r"Suggested +(\S+),", result.output)[1])
    assert 1e-4 < rate < 1
    with Image.open("learning_rate.png") as picture:
        assert min(picture.size) > 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stroke",), "did you mean 'strokes'"),
        (("strokes", "--lowest", "2"), "lowest=2.0"),
        (("strokes", "--steps", "2"), "2 is not in the range"),
        (("strokes", "--highest", "1e-5"), "try lower rates"),
    ],
)
def test_a_mistake_is_one_sentence(ask, words, said):
    result = ask(*words)
    assert (result.exit_code, said in " ".join(result.output.split())) == (2, True), result.output


def test_a_setting_called_like_an_option_of_the_trial_is_refused(ask):
    text = TWO_CLASSES.replace("seed: int = 0)", "seed: int = 0, steps: int = 5)")
    Path("experiments/strides.py").write_text(text)
    result = ask("strides")
    assert result.exit_code == 2
    assert "'steps' of the experiment 'strides' has the name of an option of lr-find" in " ".join(
        result.output.split()
    )
