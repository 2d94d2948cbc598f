import shutil
from collections import Counter

import keras
import numpy as np
import pytest
import zoo
from PIL import Image

from cnnkit import data
from cnnkit.data import cache
from cnnkit.data.batches import Batches
from cnnkit.data.images import decode, pixel_cache
from cnnkit.errors import BadFilesError, MissingDataError, SettingError, UnknownNameError

pytestmark = pytest.mark.once

SMALL = {"image_size": (6, 5)}  # as painted, so that pixels stay what they are


def contents(split):
    """The bytes of each picture of a split."""
    return [picture.tobytes() for picture in split.inputs[:]]


def paths(dataset):
    return {name: sorted(split.inputs.paths) for name, split in dataset.splits.items()}


def test_pixels_and_labels_are_those_of_the_files(pets):
    loaded = data.folder(pets, **SMALL)
    assert loaded.name == "pets"
    assert loaded.class_names == ("cat", "dog")
    assert loaded.image_shape == (6, 5, 3)
    for split in loaded.splits.values():
        for path, label, pixels in zip(
            split.inputs.paths, split.labels, split.inputs[:], strict=True
        ):
            assert loaded.class_names[label] == path.split("/")[0]
            np.testing.assert_array_equal(pixels, np.asarray(Image.open(pets / path)))


def test_splits_hold_the_wanted_part_of_every_class(pets):
    loaded = data.folder(pets, validation=0.2, test=0.3, **SMALL)
    assert loaded.counts() == {"train": [10, 5], "validation": [4, 2], "test": [6, 3]}


def test_every_class_is_in_every_split_however_small(paint, tmp_path):
    for number in range(3):
        paint(f"few/a/{number}.png", number)
        paint(f"few/b/{number}.png", 10 + number)
    assert set(map(tuple, data.folder(tmp_path / "few", **SMALL).counts().values())) == {(1, 1)}
    (tmp_path / "few/b/2.png").unlink()
    with pytest.raises(SettingError, match="Class 'b' has 2 different pictures"):
        data.folder(tmp_path / "few", **SMALL)


def test_the_split_depends_on_seed_and_content_and_not_on_names(pets, tmp_path):
    first = data.folder(pets, **SMALL)
    assert paths(first) == paths(data.folder(pets, **SMALL))
    assert paths(first) != paths(data.folder(pets, split_seed=1, **SMALL))
    renamed = tmp_path / "renamed"
    for number, file in enumerate(sorted(pets.rglob("*.png"), reverse=True)):
        target = renamed / file.parent.name / f"{number:03}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    second = data.folder(renamed, **SMALL)
    for name, split in first.splits.items():
        assert sorted(contents(split)) == sorted(contents(second.splits[name]))


def test_a_picture_more_moves_at_most_one_other_a_split(pets, paint):
    before = paths(data.folder(pets, **SMALL))
    paint("pets/cat/new.png", 999)
    after = paths(data.folder(pets, **SMALL))
    moved = [path for name in before for path in set(before[name]) - set(after[name])]
    assert len(moved) <= 2


def test_copies_of_a_picture_are_on_one_side(pets, paint):
    for number in range(10):
        paint(f"pets/cat/copy {number}.png", number)
        paint(f"pets/dog/copy {number}.png", number)  # even where the label contradicts
    loaded = data.folder(pets, validation=0.3, test=0.3, **SMALL)
    sides = Counter(content for split in loaded.splits.values() for content in set(contents(split)))
    assert set(sides.values()) == {1}
    assert sum(len(split) for split in loaded.splits.values()) == 50


def test_a_test_picture_among_the_training_pictures_is_left_out_of_these(paint, tmp_path):
    for split, start in (("train", 0), ("val", 50), ("test", 90)):
        for number in range(5):
            paint(f"own/{split}/a/{number}.png", start + number)
    paint("own/train/a/leak.png", 90)
    loaded = data.folder(tmp_path / "own", **SMALL)
    assert loaded.counts() == {"train": [5], "validation": [5], "test": [5]}
    assert loaded.left_out == {"train/a/leak.png": "has the content of test/a/0.png"}


def test_a_split_that_is_missing_is_taken_from_training(paint, tmp_path):
    for split, count in (("train", 20), ("test", 5)):
        for number in range(count):
            paint(f"own/{split}/a/{number}.png")
    loaded = data.folder(tmp_path / "own", validation=0.25, **SMALL)
    assert loaded.counts() == {"train": [15], "validation": [5], "test": [5]}


def test_the_zoo_is_named_all_together_and_left_out_when_asked(tmp_path):
    animals = zoo.zoo()
    (tmp_path / "zoo/animal").mkdir(parents=True)
    for name, (content, _) in animals.items():
        (tmp_path / "zoo/animal" / name).write_bytes(content)
    (tmp_path / "zoo/animal/gone.jpg").symlink_to("nowhere")
    refused = {f"animal/{name}" for name, (_, refusal) in animals.items() if refusal}
    refused.add("animal/gone.jpg")
    with pytest.raises(BadFilesError) as caught:
        data.folder(tmp_path / "zoo", image_size=8)
    assert set(caught.value.reasons) == refused
    assert all(name in str(caught.value) for name in refused)
    assert "skip_bad=True" in str(caught.value)
    loaded = data.folder(tmp_path / "zoo", image_size=8, skip_bad=True)
    assert refused == set(loaded.left_out)
    assert sum(map(len, loaded.splits.values())) == len(animals) + 1 - len(refused)


def test_after_loading_no_file_is_decoded_again(pets):
    loaded = data.folder(pets, **SMALL)
    before = loaded.train.inputs[:]
    shutil.rmtree(pets)
    np.testing.assert_array_equal(loaded.train.inputs[:], before)


def test_without_a_cache_pixels_are_the_same_and_nothing_is_written(pets, own_image_cache):
    plain = data.folder(pets, cache=False, **SMALL)
    assert list(own_image_cache.rglob("*")) == []
    kept = data.folder(pets, **SMALL)
    np.testing.assert_array_equal(plain.train.inputs[:], kept.train.inputs[:])
    assert plain.content_hash == kept.content_hash


def test_a_damaged_cache_is_mended_from_the_files(pets, own_image_cache):
    before = data.folder(pets, **SMALL).train.inputs[:]
    (file,) = own_image_cache.rglob("*.npy")
    file.write_bytes(file.read_bytes()[: pixel_cache.HEADER] + bytes(30 * 6 * 5 * 3))
    np.testing.assert_array_equal(data.folder(pets, **SMALL).train.inputs[:], before)
    assert file.read_bytes().count(0) < 1000


def test_a_cache_that_cannot_be_written_is_warned_of_and_done_without(pets, monkeypatch):
    monkeypatch.setenv("CNNKIT_CACHE", "/proc/nowhere")
    with pytest.warns(RuntimeWarning, match="/proc/nowhere cannot be written"):
        loaded = data.folder(pets, **SMALL)
    assert len(loaded.train.inputs[:]) == 24


def test_data_larger_than_the_cache_may_be_are_decoded_each_time(pets, monkeypatch):
    monkeypatch.setenv("CNNKIT_CACHE_GIGABYTES", "1e-6")
    loaded = data.folder(pets, **SMALL)
    assert cache.entries() == []
    assert len(loaded.train.inputs[:]) == 24


@pytest.mark.parametrize("change", ["other", "gone"])
def test_a_file_that_changes_between_loading_and_training_is_named(pets, paint, change):
    loaded = data.folder(pets, cache=False, **SMALL)
    path = loaded.train.inputs.paths[3]
    (pets / path).unlink()
    if change == "other":
        paint(f"pets/{path}", 12345)
    words = "has changed since" if change == "other" else "is not there"
    with pytest.raises(BadFilesError, match=f"{path} {words}"):
        loaded.train.inputs[:]


@pytest.mark.parametrize(
    "indices", [0, -1, slice(2, 9, 3), [5, 5, 1], np.array([7, 2]), [], np.arange(24) % 2 == 0]
)
def test_pictures_are_indexed_as_arrays_are(pets, indices):
    inputs = data.folder(pets, **SMALL).train.inputs
    np.testing.assert_array_equal(inputs[indices], np.asarray(inputs)[indices])
    assert inputs.shape == np.asarray(inputs).shape
    with pytest.raises(IndexError):
        inputs[24]


def epoch(dataset, seed=3, **position):
    batches = Batches(dataset.train, 7, seed=seed, scale=dataset.scale, **position)
    return [batches[step] for step in range(batches.num_batches)]


@pytest.mark.parametrize("cached", [True, False])
def test_batches_are_the_same_again_after_a_resume_and_with_any_number_of_workers(pets, cached):
    loaded = data.folder(pets, cache=cached, **SMALL)
    wanted = epoch(loaded, epoch=1)
    seen = {}

    class Watched(Batches):
        def __getitem__(self, step):
            seen[self.epoch, step] = super().__getitem__(step)
            return seen[self.epoch, step]

    for workers in (1, 2):
        model = keras.Sequential([keras.Input((6, 5, 3)), keras.layers.Flatten()])
        model.add(keras.layers.Dense(2))
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        batches = Watched(loaded.train, 7, seed=3, scale=loaded.scale)
        batches.workers = workers
        model.fit(batches, initial_epoch=1, epochs=2, verbose=0, callbacks=[batches.follow()])
        for step, (inputs, labels) in enumerate(wanted):
            np.testing.assert_array_equal(seen[1, step][0], inputs)
            np.testing.assert_array_equal(seen[1, step][1], labels)
        seen.clear()


def test_few_shot_keeps_so_many_of_every_class_for_training_alone(pets):
    whole, few = data.folder(pets, **SMALL), data.folder(pets, samples_per_class=3, **SMALL)
    assert few.counts() == whole.counts() | {"train": [3, 3]}
    assert set(contents(few.train)) < set(contents(whole.train))
    fewer = data.folder(pets, samples_per_class=2, **SMALL)
    assert set(contents(fewer.train)) < set(contents(few.train))


def test_the_content_hash_tells_pixels_and_settings_and_not_the_place(pets, tmp_path, paint):
    first = data.folder(pets, **SMALL).content_hash
    moved = shutil.copytree(pets, tmp_path / "elsewhere/pets")
    assert data.folder(moved, **SMALL).content_hash == first
    assert data.folder(pets, image_size=(6, 6)).content_hash != first
    paint("pets/cat/0.png", 777)
    assert data.folder(pets, **SMALL).content_hash != first


def test_a_path_is_a_data_set_s_name(pets, monkeypatch):
    monkeypatch.chdir(pets.parent)
    for name in (str(pets), "./pets", "pets"):
        assert data.load(name, **SMALL).name == "pets"
    with pytest.raises(MissingDataError, match="no folder pests"):
        data.load("./pests")
    with pytest.raises(UnknownNameError, match="did you mean 'image_size'"):
        data.load("pets", imagesize=3)
    with pytest.raises(UnknownNameError, match="did you mean 'digits'"):
        data.load("digit")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": 0}, "each 1 to 8192"),
        ({"channels": 2}, "not 2"),
        ({"fit": "squeeze"}, "not 'squeeze'"),
        ({"validation": 0}, "validation=0 is no fraction"),
        ({"validation": 0.6, "test": 0.6}, "below 1"),
        ({"samples_per_class": 0}, "at least 1, not 0"),
    ],
)
def test_a_setting_out_of_range_is_named(pets, options, words):
    with pytest.raises(SettingError, match=words):
        data.folder(pets, **options)


def test_a_class_without_training_images_is_named(paint, tmp_path):
    for split, name in (("train", "a"), ("valid", "a"), ("test", "b")):
        paint(f"own/{split}/{name}/1.png")
    with pytest.raises(SettingError, match="nothing to train on of b"):
        data.folder(tmp_path / "own", **SMALL)


def test_a_turned_photograph_trains_upright(tmp_path):
    for turn in zoo.STORED:
        (tmp_path / f"turned/{turn}").mkdir(parents=True)
        for copy in range(3):
            content = zoo.turned(turn) + bytes([copy])
            (tmp_path / f"turned/{turn}/{copy}.jpg").write_bytes(content)
    loaded = data.folder(tmp_path / "turned", image_size=(32, 48))
    upright = decode.decode(zoo.turned(1), (32, 48)).astype(int)
    assert np.abs(loaded.train.inputs[:] - upright).mean(axis=(1, 2, 3)).max() < 3


def test_real_photographs_of_varied_sizes(shared):
    loaded = data.folder(shared / "data/flowers128", image_size=32)
    assert loaded.class_names == ("daisy", "dandelion", "rose", "sunflower", "tulip")
    assert sum(loaded.counts()["validation"]) >= 450
    assert loaded.train.inputs[:8].std() > 30


def test_a_data_set_knows_how_its_images_were_decoded(pets):
    loaded = data.folder(pets, fit="crop", **SMALL)
    assert loaded.decoding == {"image_size": (6, 5), "channels": 3, "fit": "crop"}
