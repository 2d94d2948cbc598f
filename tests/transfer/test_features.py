import errno

import keras
import numpy as np
import pytest

from cnnkit import transfer
from cnnkit.data import Dataset, Split

pytestmark = pytest.mark.filterwarnings("ignore:The backbone .* is untrained")


def images_of(samples, seed):
    random = np.random.default_rng(seed)
    inputs = random.integers(0, 256, (samples, 32, 32, 3), dtype="uint8")
    return Split(inputs, random.integers(0, 2, samples))


@pytest.fixture(scope="module")
def photos():
    sizes = zip(("train", "validation", "test"), (70, 5, 3), strict=True)
    splits = {name: images_of(size, seed) for seed, (name, size) in enumerate(sizes)}
    return Dataset(name="noise", class_names=("a", "b"), **splits)


@pytest.fixture(scope="module")
def body():
    keras.utils.set_random_seed(0)
    return transfer.backbone("mobilenet_025", (32, 32, 3), weights="none")


def kept(folder):
    return sorted(folder.glob("features/*"))


def test_features_are_what_the_pooled_backbone_gives(photos, body):
    found = transfer.features(body, photos)
    for name, split in found.splits.items():
        expected = body.predict_on_batch(photos.splits[name].inputs).mean(axis=(1, 2))
        np.testing.assert_allclose(split.inputs, expected, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(split.labels, photos.splits[name].labels)
    assert found.image_shape == (256,)
    assert found.scale == 1


def test_features_are_computed_once(photos, body, own_image_cache):
    first = transfer.features(body, photos)
    written = {path: path.stat().st_mtime_ns for path in kept(own_image_cache)}
    second = transfer.features(body, photos)
    assert len(written) == 3
    assert {path: path.stat().st_mtime_ns for path in kept(own_image_cache)} == written
    np.testing.assert_array_equal(first.train.inputs, second.train.inputs)


def test_other_weights_and_other_precision_are_kept_apart(photos, body, own_image_cache):
    transfer.features(body, photos)
    half = transfer.features(body, photos, half=True)
    other = transfer.backbone("mobilenet_025", (32, 32, 3), weights="none")
    transfer.features(other, photos)
    assert half.train.inputs.dtype == "float16"
    assert len(kept(own_image_cache)) == 9


def test_the_same_network_built_again_finds_what_is_kept(photos, body, own_image_cache):
    transfer.features(body, photos)
    again = transfer.backbone("mobilenet_025", (32, 32, 3), weights="none")
    again.set_weights(body.get_weights())
    transfer.features(again, photos)
    assert len(kept(own_image_cache)) == 3


def test_a_damaged_file_is_computed_anew(photos, body, own_image_cache):
    first = np.array(transfer.features(body, photos).train.inputs)
    for path in kept(own_image_cache):
        path.write_bytes(path.read_bytes()[:200])
    np.testing.assert_array_equal(transfer.features(body, photos).train.inputs, first)


def test_a_full_disk_is_said_and_features_are_there(photos, body, monkeypatch, own_image_cache):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        found = transfer.features(body, photos)
    assert found.train.inputs.shape == (70, 256)
    assert kept(own_image_cache) == []


def test_a_head_trained_on_features_predicts_as_one_trained_in_place(photos, body):
    from cnnkit.transfer.heads import head, joined

    found = transfer.features(body, photos)
    alone, whole = head(256, 2), transfer.classifier(body, 2)
    whole.get_layer("logits").set_weights(alone.get_layer("logits").get_weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for model, split in ((alone, found.train), (whole, photos.train)):
        model.compile(keras.optimizers.Adam(1e-2), loss)
        inputs = np.asarray(split.inputs)
        model.fit(inputs, split.labels, batch_size=35, epochs=3, shuffle=False, verbose=0)
    predicted = whole.predict_on_batch(photos.test.inputs)
    np.testing.assert_allclose(
        joined(body, alone).predict_on_batch(photos.test.inputs), predicted, rtol=0, atol=1e-4
    )
