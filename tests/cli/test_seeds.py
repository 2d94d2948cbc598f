"""`cnnkit run --seeds N`, against runs of one seed each."""

import re
import shlex
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from cnnkit.cli import main
from cnnkit.runs import Run, list_runs, predictions

pytestmark = pytest.mark.once

QUICK = """
import keras
from cnnkit import Experiment, data, models

def experiment(epochs: int = 1, seed: int = 5):
    \"\"\"A small run on X and O.\"\"\"
    shapes = data.xo(train=32, validation=16, test=16, image_size=12, seed=1)
    model = models.convnet(shapes.image_shape, 2, widths=(4,), depths=(1,), hidden_units=())
    return Experiment(data=shapes, model=model, optimizer=keras.optimizers.Adam(0.01), epochs=epochs, batch_size=8)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with an experiment, three runs of its own seeds, and one run of the last seed."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "quick.py").write_text(QUICK)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        several = cnnkit("run", "./quick.py", "--seeds", 3, "--name", "all three")
        cnnkit("run", "./quick.py", "--seed", 7, "--name", "alone")
        yield folder, several.output


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def weights(run):
    return keras.models.load_model(run.folder / "model.keras").get_weights()


def test_each_seed_is_a_run_of_its_own(project):
    names = {run.name: run.experiment["seed"] for run in list_runs("runs")}
    assert names == {"all three-seed5": 5, "all three-seed6": 6, "all three-seed7": 7, "alone": 7}


def test_a_run_among_others_has_the_bits_of_a_run_alone(project):
    among, alone = (Run(f"runs/quick/{name}") for name in ("all three-seed7", "alone"))
    for one, other in zip(weights(among), weights(alone), strict=True):
        np.testing.assert_array_equal(one, other)
    unlike = (run.history for run in (among, alone))
    first, second = ({k: v for k, v in each.items() if k != "seconds"} for each in unlike)
    assert first == second


def test_the_mean_of_the_seeds_is_printed(project):
    _, output = project
    scores = [
        Run(f"runs/quick/all three-seed{seed}").results["test"]["accuracy"] for seed in (5, 6, 7)
    ]
    assert f"{100 * np.mean(scores):.2f} % (" in output
    command = re.search(r"cnnkit (compare --each .*)", output)[1]
    assert "0, 1, 2" not in output
    done = cnnkit(*shlex.split(command))  # a run's name may have a blank
    assert done.exit_code == 0
    assert all(f"all three-seed{seed}" in done.output for seed in (5, 6, 7))


def test_answers_to_the_test_items_are_kept_and_hashed(project):
    sums = Path("runs/quick/alone/SHA256SUMS").read_text()
    assert "predictions.safetensors" in sums
    assert len(Run("runs/quick/alone").dataset["test_hash"]) == 64


def test_the_page_shows_the_pictures_that_tell_runs_apart(project):
    runs = [Run(f"runs/quick/all three-seed{seed}") for seed in (5, 6)]
    correct = [predictions.read(run).is_correct for run in runs]
    done = cnnkit("compare", *(run.folder for run in runs), "--html", "page.html", "--pictures")
    assert done.exit_code == 0, done.output
    shown = set(re.findall(r"<figcaption>test:(\d+)<", Path("page.html").read_text()))
    apart = set(np.flatnonzero(correct[0] != correct[1]).astype(str))
    assert apart
    assert shown <= apart
    assert len(shown) == min(5, (correct[0] & ~correct[1]).sum()) + min(
        5, (~correct[0] & correct[1]).sum()
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--seeds", 2, "--resume", "alone"), "leave --seeds out"),
        (("--seeds", 2, "--seed", 2**32 - 1), "Seeds end at 4294967295"),
        (("--seeds", 0), "0 is not in the range"),
    ],
)
def test_mistakes(project, words, message):
    done = cnnkit("run", "./quick.py", *words)
    assert done.exit_code == 2
    assert message in done.output
