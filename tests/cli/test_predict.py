"""`cnnkit predict`: every form says the same, and a bad file is named and stops nothing."""

import csv
import io
import json

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from cnnkit.cli import main

pytestmark = pytest.mark.once

NAMES = ("cat", "dog", "../fox / vixen")


@pytest.fixture(scope="module")
def model():
    """Three classes of grey pictures, told apart by brightness; the softmax is steep."""
    layers = [
        keras.Input((4, 4, 1)),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax", name="last"),
    ]
    model = keras.Sequential(layers)
    model.get_layer("last").set_weights([np.array([[-0.05, 0, 0.05]]), np.array([5.0, 1, -8.0])])
    return model


@pytest.fixture
def here(tmp_path, model, monkeypatch):
    """A model file, its classes, and a folder of pictures of rising brightness."""
    monkeypatch.chdir(tmp_path)
    model.save("grey.keras")
    (tmp_path / "classes.txt").write_text("\n".join(NAMES))
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for number in range(10):
        folder = "in/deep" if number % 2 else "in"
        Image.new("L", (4, 4), 25 * number).save(f"{folder}/{number}.png")
    return tmp_path


@pytest.fixture
def chances(model):
    """By file, the probabilities by hand."""
    pictures = np.stack([np.full((4, 4, 1), 25.0 * number) for number in range(10)])
    rows = model.predict(pictures, verbose=0)
    return {f"in/{'deep/' * (n % 2)}{n}.png": row for n, row in enumerate(rows)}


def call(*words, exit_code=0, **options):
    done = CliRunner().invoke(
        main, ["predict", "grey.keras", "--classes", "classes.txt", *words], **options
    )
    assert done.exit_code == exit_code, done.output
    return done


def test_each_form_has_the_same_answers(here, chances):
    lines = [json.loads(line) for line in call("in", "--format", "jsonl").stdout.splitlines()]
    assert {each["file"] for each in lines} == set(chances)
    for each in lines:
        row = chances[each["file"]]
        assert each["label"] == NAMES[row.argmax()]
        assert each["probability"] == pytest.approx(row.max(), abs=1e-6)
    rows = list(csv.DictReader(io.StringIO(call("in", "--format", "csv").stdout)))
    call("in", "--output", "found.parquet")
    table = pq.read_table("found.parquet").to_pylist()
    for each, row, column in zip(lines, rows, table, strict=True):
        assert each["file"] == row["file"] == column["file"]
        assert each["label"] == row["label"] == column["label"]
        assert each["probability"] == pytest.approx(float(row["probability"]))
        assert each["probability"] == pytest.approx(column["probability"])
        assert (row["error"], column["error"]) == ("", None)
    shown = call("in").stdout.splitlines()
    for each, line in zip(lines, shown, strict=True):
        assert line.split("%")[0].strip() == f"{100 * each['probability']:.2f}"
        assert line.endswith(each["file"])
        assert each["label"] in line


def test_standard_output_has_the_answers_alone(here):
    done = call("in", "--format", "csv")
    assert done.stdout.startswith("file,label,probability,error\n")
    assert done.stderr == "Images are stretched to 4 x 4 pixels, in grey.\n"


@pytest.mark.parametrize("form", ["table", "jsonl", "csv", "parquet"])
def test_a_bad_file_is_named_in_its_place_and_the_status_says_so(here, form):
    (here / "in" / "2.png").write_bytes(b"")
    (here / "in" / "deep" / "3.png").write_bytes(b"no picture")
    done = call("in", "--format", form, "--output", "found", exit_code=1)
    assert "in/2.png is empty\n" in done.stderr
    assert "in/deep/3.png is no image" in done.stderr
    assert done.stderr.endswith("2 of 10 files could not be read.\n")
    if form == "table":
        assert len((here / "found").read_text().splitlines()) == 8
        return
    if form == "parquet":
        records = pq.read_table("found").to_pylist()
    elif form == "csv":
        records = list(csv.DictReader(io.StringIO((here / "found").read_text())))
    else:
        records = [json.loads(line) for line in (here / "found").read_text().splitlines()]
    errors = {each["file"]: each.get("error") for each in records if each.get("error")}
    assert len(records) == 10
    assert errors["in/2.png"] == "is empty"
    assert set(errors) == {"in/2.png", "in/deep/3.png"}
    assert not any(each["label"] for each in records if each.get("error"))


def test_several_classes_are_listed_the_most_probable_first(here, chances):
    row = chances["in/4.png"]
    order = [NAMES[index] for index in np.argsort(-row)]
    found = json.loads(call("in/4.png", "--top", "2", "--format", "jsonl").stdout)
    assert [each["label"] for each in found["top"]] == order[:2]
    found = next(
        csv.DictReader(io.StringIO(call("in/4.png", "--top", "3", "--format", "csv").stdout))
    )
    assert [found[f"top_{rank}"] for rank in (1, 2, 3)] == order
    name, *lines = call("in/4.png", "--top", "3").stdout.splitlines()
    assert name == "in/4.png"
    assert [line.split("%")[1].strip() for line in lines] == order


def test_less_than_the_threshold_is_no_answer(here, chances):
    lines = [json.loads(x) for x in call("in", "--threshold", "0.7", "--format", "jsonl").stdout.splitlines()]  # fmt: skip
    named = {each["file"]: each["label"] for each in lines}
    assert {name for name, label in named.items() if label is None} == {
        name for name, row in chances.items() if row.max() < 0.7
    }
    assert None in named.values()
    call("in", "--threshold", "1.5", exit_code=2)


def test_the_least_sure_come_first(here, chances):
    margins = {name: np.diff(np.sort(row)[-2:])[0] for name, row in chances.items()}
    worst = sorted(margins, key=margins.get)[:3]
    lines = call("in", "--unsure", "3", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["file"] for line in lines] == worst


def test_files_are_copied_to_folders_of_their_labels(here, chances):
    for _ in range(2):  # the second time, all are there
        call("in", "--copy-to", "sorted", "--threshold", "0.7")
    named = {name: NAMES[row.argmax()] for name, row in chances.items() if row.max() >= 0.7}
    clean = {"cat": "cat", "dog": "dog", "../fox / vixen": "fox _ vixen"}
    expected = {f"{clean[label]}/{name.rsplit('/')[-1]}" for name, label in named.items()}
    expected |= {f"_none/{name.rsplit('/')[-1]}" for name in set(chances) - set(named)}
    copies = (here / "sorted").rglob("*.png")
    found = {str(each.relative_to(here / "sorted")) for each in copies}
    assert found == expected
    for copy in (here / "sorted").rglob("*.png"):
        (original,) = (here / "in").rglob(copy.name)
        assert copy.read_bytes() == original.read_bytes()


def test_a_copy_takes_the_place_of_no_other_file(here):
    Image.new("L", (4, 4), 1).save("in/deep/0.png")  # another picture than in/0.png
    call("in/0.png", "in/deep/0.png", "--copy-to", "in/out")
    assert {each.name for each in (here / "in/out/cat").iterdir()} == {"0.png", "0-2.png"}
    again = call("in", "--copy-to", "in/out", "--format", "csv").stdout
    assert "in/out" not in again  # what was copied is not looked at


@pytest.mark.parametrize("words", ["in/0.png\nin/deep/1.png\n", "in/0.png\r\n\r\nin/deep/1.png"])
def test_standard_input_names_files(here, words):
    lines = call("-", "--format", "jsonl", input=words).stdout.splitlines()
    assert [json.loads(line)["file"] for line in lines] == ["in/0.png", "in/deep/1.png"]
    done = call("-", "--format", "jsonl", input=f"none.png\n{words}", exit_code=1)
    assert json.loads(done.stdout.splitlines()[0]) == {
        "file": "none.png", "label": None, "probability": None, "error": "is not there",
    }  # fmt: skip


def test_standard_input_is_the_content_of_a_file(here, chances):
    content = (here / "in/4.png").read_bytes()
    found = json.loads(call("-", "--format", "jsonl", input=content).stdout)
    assert found["file"] == "-"
    assert found["probability"] == pytest.approx(chances["in/4.png"].max(), abs=1e-6)


def test_standard_input_is_texts_for_a_model_of_texts(tmp_path, monkeypatch):
    from cnnkit import deploy

    layers = [keras.Input((5,)), keras.layers.Dense(2, activation="softmax")]
    model = deploy.TrainedModel(
        "words", keras.Sequential(layers), ("bad", "good"), deploy.open_trained_model(keras.Sequential(layers)).task,
        deploy.TextInput(5, ("", "[UNK]", "fine", "film")),
    )  # fmt: skip
    monkeypatch.setattr(deploy, "open_trained_model", lambda *words, **options: model)
    keras.Sequential(layers).save(tmp_path / "any.keras")
    words = ["predict", str(tmp_path / "any.keras"), "-", "--format", "jsonl"]
    done = CliRunner().invoke(main, words, input="fine film\nfilm film\n")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["file"] for each in lines] == ["fine film", "film film"]
    expected = model.model.predict(np.array([[2, 3, 0, 0, 0], [3, 3, 0, 0, 0]]), verbose=0)
    assert [each["probability"] for each in lines] == pytest.approx(expected.max(axis=1).tolist())


def test_several_classes_of_one_picture_are_lists(here):
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "sigmoid")]
    model = keras.Sequential(layers)
    model.save("grey.keras")
    pixels = np.full((1, 4, 4, 1), 100.0)
    chances = model.predict(pixels, verbose=0)[0]
    expected = [NAMES[index] for index in np.argsort(-chances) if chances[index] > 0.5]
    found = json.loads(call("in/4.png", "--format", "jsonl").stdout)
    assert found["labels"] == expected
    row = next(csv.DictReader(io.StringIO(call("in/4.png", "--format", "csv").stdout)))
    assert row["labels"] == "|".join(expected)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["in/none.png"], "no file or folder in/none.png"),
        (["--format", "parquet", "in"], "name a file with --output"),
        (["empty"], "There are no pictures in empty"),
        (["--output", "none/found.csv", "in"], "found.csv cannot be written"),
        (["--classes", "two.txt", "in"], "3 classes apart, and there are 2 names"),
    ],
    ids=lambda words: words if isinstance(words, str) else "",
)
def test_a_mistake_is_told_in_a_sentence(here, words, told):
    (here / "empty").mkdir()
    (here / "two.txt").write_text("a\nb\n")
    output = " ".join(call(*words, exit_code=2).output.split())
    assert told in output
    assert "Traceback" not in output


def test_a_misspelt_name_suggests_the_nearest(here):
    done = CliRunner().invoke(main, ["predict", "mobilnet_v2", "in"])
    assert done.exit_code == 2
    assert "did you mean 'mobilenet_v2'" in done.output
