import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnkit.cli import main
from cnnkit.data.inspection.inspection import inspect

pytestmark = pytest.mark.once


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_inspection_prints_a_table_and_writes_a_page(photos):
    result = cnnkit("data", "inspect", "photos")
    assert result.exit_code == 0, result.output
    assert "Nothing is wrong" in result.output
    assert Path("photos-inspection.html").is_file()
    assert len(Path("photos-inspection.csv").read_text().splitlines()) == 25
    assert (
        "takes from the training files 10% of every class for validation and test" in result.output
    )


def test_the_exit_status_says_whether_anything_is_wrong_and_fixing_mends_it(photos):
    (photos / "x/bad.jpg").write_bytes(b"")
    os.mkfifo(photos / "x/pipe.jpg")
    result = cnnkit("data", "inspect", "photos", "--output", "found")
    assert result.exit_code == 1
    assert "Cannot be read: 2" in result.output
    assert "x/bad.jpg: is empty" in result.output
    assert (photos / "x/bad.jpg").exists()
    assert cnnkit("data", "inspect", "photos", "--fix").exit_code == 0
    assert not (photos / "x/bad.jpg").exists()
    assert cnnkit("data", "inspect", "photos").exit_code == 0
    assert "Moved 2 files back" in cnnkit("data", "inspect", "photos", "--undo").output
    assert (photos / "x/bad.jpg").exists()
    assert not Path("photos-quarantine").exists()
    assert cnnkit("data", "inspect", "photos", "--undo").exit_code == 2


def test_a_folder_that_is_not_there_is_one_sentence(photos):
    result = cnnkit("data", "inspect", "fotos")
    assert result.exit_code == 2
    assert result.output.count("Error: ") == 1
    assert "no folder fotos" in result.output


def test_a_folder_trains_by_its_path_and_the_run_names_what_was_left_out(photos):
    (photos / "x/bad.jpg").write_bytes(b"")
    for number in (2, 4):  # of class x
        shutil.copy(photos / f"x/{number}.png", photos / f"o/as_{number}.png")
    options = ["--dataset-option", "image_size=16", "--model", "lenet5", "--epochs", 1]
    refused = cnnkit("run", "--dataset", "photos", *options)
    assert refused.exit_code == 2
    assert "x/bad.jpg is empty" in refused.output
    assert not Path("runs").exists()
    options += ["--dataset-option", "skip_bad=True", "--name", "it"]
    result = cnnkit("run", "--dataset", "./photos", *options)
    assert result.exit_code == 0, result.output
    said = "Left out: x/bad.jpg is empty."
    assert said in result.output
    again = cnnkit("run", "--resume", "it", "--allow-changes", "--epochs", 2)
    assert again.exit_code == 0, again.output
    assert said in again.output
    recorded = json.loads(Path("runs/photos-lenet5/it/dataset.json").read_text())
    assert recorded["left_out"] == {"x/bad.jpg": "is empty"}
    said = "The same content in several classes: o/as_2.png is also x/2.png, and 1 more"
    assert result.output.count(said) == 1
    found = inspect("photos").wrong["the same picture in several classes"]
    assert recorded["repeated"] == found
    assert len(found) == 2
    assert recorded["class_names"] == ["o", "x"]
    assert "photos" in Path("runs/photos-lenet5/it/report.html").read_text()
    listed = cnnkit("data", "cache").output
    assert "16x16x3-stretch" in listed
    assert "24" in listed
    assert "Deleted" in cnnkit("data", "cache", "--clear").output
    assert "16x16x3" not in cnnkit("data", "cache").output


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The backbone .* is untrained")
def test_learning_rates_and_features_say_what_became_of_a_folder(photos):
    options = ["--dataset", "photos", "--dataset-option", "image_size=32"]
    tried = cnnkit("lr-find", *options, "--model", "lenet5", "--steps", 10)
    written = cnnkit("features", *options, "--backbone", "mobilenet_025", "--weights", "none")
    for output in (tried.output, written.output):
        assert "photos: 20 train, 2 validation, 2 test; 2 classes. Taken from" in output


def test_a_data_set_is_shown_as_a_picture(photos):
    result = cnnkit("data", "show", "photos", "--dataset-option", "image_size=8")
    assert result.exit_code == 0, result.output
    for name in ("photos.png", "photos-mean.png"):
        assert Path(name).read_bytes().startswith(b"\x89PNG")
    result = cnnkit("data", "show", "digits", "--augment", "elastic", "--output", "bent.png")
    assert result.exit_code == 0, result.output
    assert Path("bent.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digit"], "did you mean 'digits'"),
        (["digits", "--augment", "elastik"], "did you mean 'elastic'"),
        (["digits", "--dataset-option", "image_size"], "KEY=VALUE"),
        (["digits", "--dataset-option", "size=3"], "option of dataset 'digits' named 'size'"),
        (["digits", "--output", "/proc/nowhere/a.png"], "cannot be written"),
    ],
)
def test_a_mistake_while_showing_is_one_sentence(photos, arguments, words):
    result = cnnkit("data", "show", *arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert result.output.count("Error: ") == 1
