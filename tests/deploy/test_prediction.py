"""Predictions are those of the model by hand, in order, whatever lies between."""

import tracemalloc

import keras
import numpy as np
import pytest
from PIL import Image

import cnnkit
from cnnkit import data
from cnnkit.deploy import Prediction, open_trained_model, predict, predictions
from cnnkit.errors import BadFilesError, MissingDataError, SettingError
from cnnkit.evaluation.tasks import MultiLabel, SingleLabel

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def run(runs_dir):
    return cnnkit.Run(runs_dir / "shapes" / "one")


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (11, 12, 12), np.uint8)


@pytest.fixture
def folder(tmp_path, pixels):
    """Eleven pictures, some of them in a folder below, and what is no picture."""
    folder = tmp_path / "pictures"
    (folder / "b").mkdir(parents=True)
    names = [f"a{number}.png" for number in range(8)] + [f"b/{number}.PNG" for number in range(3)]
    for name, each in zip(names, pixels, strict=True):
        Image.fromarray(each).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


@pytest.fixture
def by_hand(run, pixels):
    """Probabilities of the pictures, by Keras alone."""
    model = keras.saving.load_model(run.folder / "model.keras", compile=False)
    return model.predict(pixels[..., None] / np.float32(127.5) - 1, verbose=0)


def all_of(found):
    return np.stack([each.probabilities for each in found])


@pytest.mark.parametrize("batch_size", [1, 4, 32])
def test_a_folder_is_predicted_as_by_hand_in_order(run, folder, by_hand, batch_size):
    found = run.predict(folder, batch_size=batch_size)
    np.testing.assert_allclose(all_of(found), by_hand, atol=1e-6)
    names = [each.source.removeprefix(f"{folder}/") for each in found]
    assert names == [*(f"a{n}.png" for n in range(8)), *(f"b/{n}.PNG" for n in range(3))]


def test_arrays_files_and_contents_of_files_are_the_same(run, folder, pixels, by_hand):
    values = pixels[..., None] / np.float32(127.5) - 1
    np.testing.assert_allclose(all_of(run.predict(values)), by_hand, atol=1e-6)
    np.testing.assert_allclose(all_of(run.predict(values[3])), by_hand[3:4], atol=1e-6)
    mixed = [values[1], folder / "a0.png", (folder / "a2.png").read_bytes(), str(folder / "a3.png")]
    found = run.predict(mixed)
    np.testing.assert_allclose(all_of(found), by_hand[[1, 0, 2, 3]], atol=1e-6)
    assert [bool(each.source) for each in found] == [False, True, False, True]


def test_an_array_of_another_shape_is_refused(run):
    with pytest.raises(SettingError, match=r"shape \(12, 12, 1\), not \(12, 13, 1\)"):
        run.predict(np.zeros((2, 12, 13, 1)))
    with pytest.raises(SettingError, match="batch_size"):
        run.predict(np.zeros((2, 12, 12, 1)), batch_size=0)


def test_bad_files_are_all_named_or_kept_in_their_place(run, folder, by_hand):
    (folder / "a3.png").write_bytes(b"")
    (folder / "a5.png").write_bytes((folder / "a5.png").read_bytes()[:60])
    with pytest.raises(BadFilesError, match="2 of 11 files") as caught:
        run.predict(folder)
    assert {name.rsplit("/", 1)[1] for name in caught.value.reasons} == {"a3.png", "a5.png"}
    found = run.predict(folder, skip_bad=True, batch_size=3)
    assert [each.problem != "" for each in found] == [n in (3, 5) for n in range(11)]
    good = [each for each in found if not each.problem]
    np.testing.assert_allclose(all_of(good), np.delete(by_hand, [3, 5], axis=0), atol=1e-6)
    assert found[3].answers() == found[3].top() == []
    assert (found[3].label, found[3].certainty) == ("", 0)
    with pytest.raises(MissingDataError, match=r"none\.png"):
        run.predict(folder / "none.png")


def test_names_are_those_of_the_classes_the_most_probable_first():
    chances = np.array([0.2, 0.5, 0.3], np.float32)
    one = Prediction("x.png", chances, ("a", "b", "c"), SingleLabel())
    assert one.label == "b"
    assert [label for label, _ in one.top(2)] == ["b", "c"]
    assert one.answers(0.6) == []
    assert one.certainty == pytest.approx(0.2)
    assert repr(one) == "<Prediction 'x.png': b 50.00%>"


def test_several_classes_are_named_above_the_threshold():
    chances = np.array([0.55, 0.1, 0.9], np.float32)
    several = Prediction("x.png", chances, ("a", "b", "c"), MultiLabel())
    assert several.label == "c, a"
    assert [label for label, _ in several.answers(0.1)] == ["c", "a", "b"]
    assert several.answers(0.95) == []
    assert several.certainty == pytest.approx(0.1)


def test_sounds_are_predicted_as_the_waveforms_are(runs_dir, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    waves = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 1600)).astype(np.float32)
    for number, wave in enumerate(waves):
        soundfile.write(tmp_path / f"{number}.wav", wave, 6400, subtype="FLOAT")
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    run = cnnkit.Run(runs_dir / "sounds" / "one")
    found = run.predict(tmp_path, skip_bad=True)
    assert [bool(each.problem) for each in found] == [False, False, False, True]
    expected = run.model.predict(waves, verbose=0)
    np.testing.assert_allclose(all_of(found[:3]), expected, atol=1e-5)


def test_texts_are_predicted_as_the_tokens_are(runs_dir, tmp_path):
    reviews = data.load("sentences", train=32, validation=16, test=16)
    run = cnnkit.Run(runs_dir / "sentences" / "one")
    tokens = np.asarray(reviews.test.inputs[:4])
    texts = [" ".join(reviews.vocabulary[number] for number in row if number) for row in tokens]
    (tmp_path / "0.txt").write_text(texts[0])
    expected = run.model.predict(tokens, verbose=0)
    np.testing.assert_allclose(all_of(run.predict(texts)), expected, atol=1e-6)
    np.testing.assert_allclose(all_of(run.predict(texts[1])), expected[1:2], atol=1e-6)
    np.testing.assert_allclose(all_of(run.predict(tmp_path)), expected[:1], atol=1e-6)
    np.testing.assert_allclose(all_of(run.predict(tokens)), expected, atol=1e-6)


def test_a_model_in_memory_predicts_like_its_own_predict():
    layers = [keras.Input((6, 5, 3)), keras.layers.Flatten(), keras.layers.Dense(3, "sigmoid")]
    model = keras.Sequential(layers)
    images = np.random.default_rng(1).integers(0, 256, (5, 6, 5, 3), np.uint8)
    found = predict(model, images)
    np.testing.assert_allclose(all_of(found), model.predict(images, verbose=0), atol=1e-6)
    assert found[0].task == MultiLabel()


def test_memory_does_not_grow_with_the_number_of_files(run, tmp_path, pixels):
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path, each in zip(paths, pixels, strict=False):
        Image.fromarray(each).save(path)
    trained = open_trained_model(run)

    def peak(files):
        tracemalloc.start()
        sources = (paths[number % 8] for number in range(files))
        assert sum(1 for _ in predictions(trained, sources)) == files
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(64)  # compiles
    assert peak(2000) - peak(200) < 1800 * 500  # bytes: less than a name and an answer a file
