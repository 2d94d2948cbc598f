"""The experiments on transfer, at their smallest."""

import numpy as np
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit import data
from experiments import digits_transfer, photos_transfer, transfer_vs_scratch


@pytest.mark.slow
@pytest.mark.once
def test_digits_transfer_learns_other_digits_than_it_was_pretrained_on(tmp_path):
    run = cnnkit.run(digits_transfer.experiment, epochs=1, fine_tuning_epochs=1, runs_dir=tmp_path)
    assert run.dataset["class_names"] == list("56789")
    assert run.dataset["counts"]["train"] == [5] * 5
    digits = data.digits()
    assert run.dataset["samples"]["test"] == np.isin(digits.test.labels, range(5, 10)).sum()
    head, everything = run.read_json("phases.json")["phases"]
    assert head["trained_layers"] == ["logits"]
    assert len(everything["trained_layers"]) == 5


def test_photos_transfer_trains_the_head_and_then_the_last_block(cached_keras, shared):
    folder = shared / "data" / "cats_dogs_varied"
    found = photos_transfer.experiment(
        folder, "mobilenet_025", image_size=32, fine_tuning_epochs=2, blocks=1
    )
    assert [each.path for each in found.model.trainable_variables] == [
        "logits/kernel", "logits/bias",
    ]  # fmt: skip
    (phase,) = found.phases
    phase.begin(found.model)
    trained = {each.path.split("/")[0] for each in found.model.trainable_variables}
    assert trained == {"conv_dw_13", "conv_pw_13", "logits"}


def test_the_comparison_draws_the_medians_of_what_it_measured():
    accuracies = {True: [[0.5, 0.7, 0.9]], False: [[0.2, 0.4, 0.3]]}
    (axes,) = transfer_vs_scratch.figure([5], accuracies).axes
    assert [float(line.get_ydata()[0]) for line in axes.lines] == pytest.approx([0.7, 0.3])


def test_the_comparison_as_a_program(tmp_path, monkeypatch):
    asked = []

    class Finished:
        def __init__(self, seed):
            self.results = {"test": {"accuracy": 0.5 + seed / 10}}

    def run(experiment, seed, **settings):
        asked.append((settings["pretrained"], settings["images_per_class"], seed))
        (tmp_path / "transfer_vs_scratch").mkdir(exist_ok=True)
        return Finished(seed)

    monkeypatch.setattr(cnnkit, "run", run)
    done = CliRunner().invoke(
        transfer_vs_scratch.program,
        ["--images-per-class", "2,5", "--repeats", "2", "--runs-dir", str(tmp_path)],
    )
    assert done.exit_code == 0, done.output
    assert asked == [(p, n, s) for p in (True, False) for n in (2, 5) for s in (0, 1)]
    assert "             5       55.00%         55.00%" in done.output
    written = (tmp_path / "transfer_vs_scratch" / "accuracy.csv").read_text().splitlines()
    assert written[1:3] == ["2,True,0,0.5", "2,True,1,0.6"]
    assert (tmp_path / "transfer_vs_scratch" / "accuracy.png").stat().st_size > 1000
