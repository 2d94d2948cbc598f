"""What a model is worth on data of any kind is what scikit-learn says of its predictions."""

import csv

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

import cnnkit
from cnnkit import data
from cnnkit.deploy import evaluate, open_trained_model
from cnnkit.errors import BadFilesError, SettingError, UnknownNameError
from cnnkit.evaluation import match_classes

pytestmark = pytest.mark.once

NAMES = ("Dark Grey", "light", "fox")


@pytest.fixture(scope="module")
def run(runs_dir):
    return cnnkit.Run(runs_dir / "shapes" / "one")


@pytest.fixture(scope="module")
def trained():
    """Three classes, told apart by brightness."""
    layers = [
        keras.Input((6, 4, 1)),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax", name="last"),
    ]
    model = keras.Sequential(layers, name="grey")
    model.get_layer("last").set_weights([np.array([[-0.05, 0.05, 0]]), np.array([5.0, -8, 1])])
    return open_trained_model(model, class_names=NAMES)


@pytest.fixture
def folder(tmp_path):
    """Pictures of three classes, of which the model knows two, under names of its own."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(("dark_grey", "Light", "whale")):
        (tmp_path / "new" / name).mkdir(parents=True)
        for index in range(8):
            level = np.clip(rng.normal(40 + 90 * number, 60), 0, 255)
            Image.new("L", (4, 6), int(level)).save(tmp_path / "new" / name / f"{index}.png")
    return tmp_path / "new"


def by_hand(trained, folder):
    """Labels by the model's numbers, and probabilities by Keras alone."""
    labels, pixels = [], []
    for label, name in enumerate(("dark_grey", "Light")):
        for path in sorted((folder / name).iterdir()):
            with Image.open(path) as image:
                pixels.append(np.asarray(image)[..., None])
            labels.append(label)
    return np.array(labels), trained.model.predict(np.stack(pixels), verbose=0)


def test_a_runs_own_test_set_gives_the_runs_own_results(run):
    found, recorded = run.evaluate(resamples=20), run.results["test"]
    assert found.measures.overall["accuracy"].value == recorded["accuracy"]
    assert found.measures.overall["loss"].value == pytest.approx(recorded["loss"], abs=1e-5)
    assert found.measures.samples == recorded["samples"]
    assert (found.match.is_whole, found.match.in_words()) == (True, [])
    assert run.evaluate(split="validation", resamples=20).measures.samples == 16


@pytest.mark.parametrize("kind", ["sounds", "sentences"])
def test_sounds_and_texts_are_evaluated_as_the_run_was(runs_dir, kind):
    run = cnnkit.Run(runs_dir / kind / "one")
    found = run.evaluate(resamples=20)
    assert found.measures.overall["accuracy"].value == run.results["test"]["accuracy"]


def test_a_folder_is_measured_on_the_classes_that_match(trained, folder):
    found = evaluate(trained, folder, resamples=50)
    labels, chances = by_hand(trained, folder)
    overall = found.measures.overall
    assert (found.split, found.measures.samples, found.left_out) == ("all", 16, 8)
    assert overall["accuracy"].value == metrics.accuracy_score(labels, chances.argmax(axis=1))
    loss = metrics.log_loss(labels, chances, labels=range(3))
    assert overall["loss"].value == pytest.approx(loss, abs=1e-5)
    assert found.match.unknown == ("whale",)
    assert found.match.absent == ("fox",)
    assert found.match.renamed == (("dark_grey", "Dark Grey"), ("Light", "light"))
    assert found.match.in_words()[0] == "2 of 3 classes of the data match by name."
    assert found.as_json()["classes_not_in_model"] == ["whale"]


def test_the_split_of_a_folder_with_splits_counts(trained, folder):
    for split, count in (("train", 8), ("test", 3)):
        for name in ("light", "fox"):
            (folder.parent / "sorted" / split / name).mkdir(parents=True)
            for index in range(count):
                Image.new("L", (9, 9), 10 * index).save(
                    folder.parent / "sorted" / split / name / f"{index}.png"
                )
    found = evaluate(trained, folder.parent / "sorted", resamples=20)
    assert (found.split, found.measures.samples) == ("test", 6)
    with pytest.raises(SettingError, match="no validation"):
        evaluate(trained, folder.parent / "sorted", split="validation")


def test_a_table_of_several_classes_a_file(trained, folder):
    paths = sorted(folder.rglob("*.png"))
    with open(folder / "table.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "labels"])
        for index, path in enumerate(paths):
            words = ["light|fox", "", "fox|whale"][index % 3]
            writer.writerow([path.relative_to(folder), words])
    layers = [keras.Input((6, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "sigmoid")]
    model = keras.Sequential(layers)
    found = evaluate(
        open_trained_model(model, class_names=NAMES), folder / "table.csv", resamples=20
    )
    pixels = []
    for path in paths:
        with Image.open(path) as image:
            pixels.append(np.asarray(image)[..., None])
    chances = model.predict(np.stack(pixels), verbose=0)
    labels = np.array([[[0, 1, 1], [0, 0, 0], [0, 0, 1]][index % 3] for index in range(len(paths))])
    overall = found.measures.overall
    assert overall["exact_match"].value == metrics.accuracy_score(labels, chances > 0.5)
    expected = metrics.roc_auc_score(labels[:, 1:], chances[:, 1:])
    assert overall["roc_area"].value == pytest.approx(expected)
    with pytest.raises(SettingError, match="several classes a sample"):
        evaluate(trained, folder / "table.csv")


def test_a_table_of_texts_is_read_by_the_runs_own_vocabulary(runs_dir, tmp_path):
    reviews = data.load("sentences", train=32, validation=16, test=16)
    tokens, labels = np.asarray(reviews.test.inputs), reviews.test.labels
    with open(tmp_path / "new.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row, label in zip(tokens, labels, strict=True):
            words = " ".join(reviews.vocabulary[number] for number in row if number)
            writer.writerow([words, reviews.class_names[label]])
    run = cnnkit.Run(runs_dir / "sentences" / "one")
    found = run.evaluate(tmp_path / "new.csv", resamples=20)
    assert found.measures.overall["accuracy"].value == run.results["test"]["accuracy"]


def test_views_are_means_over_mirror_images_and_shifts(trained, folder):
    found = evaluate(trained, folder, views=True, resamples=20)
    images = []
    for name in ("dark_grey", "Light"):
        for path in sorted((folder / name).iterdir()):
            with Image.open(path) as image:
                images.append(np.asarray(image)[..., None].astype("float32"))
    means = []
    for image in np.stack(images):
        views = [image]
        for axis in (0, 1):
            for step in (1, -1):
                moved = np.roll(image, step, axis)
                edge = [slice(None)] * 3
                edge[axis] = 0 if step > 0 else -1
                moved[tuple(edge)] = 0
                views.append(moved)
        views += [view[:, ::-1] for view in views]
        means.append(trained.model.predict(np.stack(views), verbose=0).mean(axis=0))
    np.testing.assert_allclose(found.measures.evaluation.probabilities, means, atol=1e-5)
    assert "mirror image" in found.views


def test_bad_files_are_named_or_left_out(trained, folder):
    (folder / "Light" / "3.png").write_bytes(b"")
    with pytest.raises(BadFilesError, match=r"3\.png is empty"):
        evaluate(trained, folder)
    found = evaluate(trained, folder, skip_bad=True, resamples=20)
    assert found.measures.samples == 15
    assert list(found.bad.values()) == ["is empty"]


def test_what_cannot_be_measured_is_refused(run, trained, runs_dir, tmp_path):
    (tmp_path / "none" / "bee").mkdir(parents=True)
    Image.new("L", (4, 6)).save(tmp_path / "none" / "bee" / "0.png")
    for words, told in (
        ((trained, None), "needs a dataset"),
        ((trained, tmp_path / "none"), r"No class of 'none' \(bee"),
        ((run, "digits"), r"shape \(12, 12, 1\), and those of 'digits'"),
        ((run, None, "tests"), "not 'tests'"),
        ((cnnkit.Run(runs_dir / "sounds" / "one"), None, "test", True), "takes sounds"),
    ):
        options = dict(zip(("split", "views"), words[2:], strict=False))
        with pytest.raises(SettingError, match=told):
            evaluate(*words[:2], **options)
    with pytest.raises(UnknownNameError, match="did you mean 'digits'"):
        evaluate(run, "digit")


def test_names_match_by_id_and_never_by_a_name_that_two_classes_have():
    match = match_classes(
        ["n01", "crane", "Emu", "crane 2"], ["crane", "crane", "emu"], ["n00", "n01", "n02"]
    )
    assert match.pairs == (1, None, 2, None)
    assert match.unknown == ("crane", "crane 2")
    assert match.absent == ("crane",)
