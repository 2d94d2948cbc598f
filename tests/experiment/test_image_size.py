"""Training at other image sizes: against Pillow, against images resized beforehand, and in phases."""

import dataclasses
import json
from typing import ClassVar

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import cnnkit
from cnnkit import Experiment, data, experiment as experiment_package
from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Split
from cnnkit.errors import SettingError
from cnnkit.experiment.image_size import AtImageSize


@keras.saving.register_keras_serializable("tests")
class Seen(layers.Layer):
    """Notes the sizes of what passes in training, as it is compiled."""

    sizes: ClassVar[list] = []

    def call(self, images, training=False):
        if training:
            Seen.sizes.append(tuple(images.shape[1:3]))
        return images


def open_network(seed: int = 0):
    keras.utils.set_random_seed(seed)
    image = keras.Input((None, None, 1))
    maps = layers.Conv2D(4, 3, activation="relu")(Seen()(image))
    return keras.Model(image, layers.Dense(2)(layers.GlobalMaxPooling2D()(maps)))


def experiment(**changes):
    shapes = data.xo(train=24, validation=8, test=8, image_size=16)
    own = {"optimizer": keras.optimizers.SGD(0.1), "epochs": 2, "batch_size": 8}
    own |= {"restore_best_weights": False}
    return Experiment(data=shapes, model=open_network(), **own | changes)


def by_pillow(images, size):
    """Images of one channel, float32, (samples, *size, 1)."""
    resized = [
        Image.fromarray(image[..., 0]).resize(size[::-1], Image.Resampling.BILINEAR)
        for image in images.astype("float32")
    ]
    return np.stack([np.asarray(one) for one in resized])[..., None]


@pytest.mark.parametrize("size", [(12, 12), (9, 14), (24, 20)])
def test_batches_are_resized_as_pillow_resizes(size):
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1), np.uint8)
    split = Split(images, np.zeros(3, np.int64))
    resized, _ = Batches(split, 3, scale=1 / 255, image_size=size)[0]
    np.testing.assert_allclose(resized, by_pillow(images, size) / 255, atol=1e-5)


def test_a_run_trains_as_keras_does_on_images_resized_beforehand(tmp_path):
    small = experiment(image_size=(10, 12))

    def on_small_images():
        return small

    cnnkit.run(on_small_images, runs_dir=tmp_path, seed=0)
    again = experiment()
    again.model.compile(again.optimizer, again.loss)
    for epoch in range(2):
        whole = Batches(again.data.train, 8, scale=again.data.scale, seed=0, epoch=epoch)
        for images, labels in (whole[step] for step in range(3)):
            again.model.train_on_batch(by_pillow(images, (10, 12)), labels)
    for one, other in zip(small.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.once
def test_phases_go_from_small_images_to_whole_ones(tmp_path):
    Seen.sizes.clear()
    last = keras.optimizers.SGD(0.01)

    def three_sizes():
        return experiment(
            image_size=(8, 8),
            augment=layers.RandomFlip(),
            phases=(
                AtImageSize(epochs=1, optimizer=keras.optimizers.SGD(0.1), image_size=(12, 12)),
                AtImageSize(epochs=1, optimizer=last),
            ),
        )

    run = cnnkit.run(three_sizes, runs_dir=tmp_path, name="one")
    assert list(dict.fromkeys(Seen.sizes)) == [(8, 8), (12, 12), (16, 16)]
    assert len(run.history["loss"]) == 4
    assert int(last.iterations) == 3  # of an epoch of 24 images
    known = json.loads((run.folder / "experiment.json").read_text())
    assert known["image_size"] == [8, 8]
    assert [phase["image_size"] for phase in known["phases"]] == [[12, 12], None]
    named = [
        each["phase"] for each in json.loads((run.folder / "phases.json").read_text())["phases"]
    ]
    assert named[1:] == ["at 12 x 12 pixels", "at the images' own size"]


class Fall(keras.callbacks.Callback):
    """Raises an error once, after so many steps of both phases."""

    done, at = 0, None

    def on_train_batch_end(self, batch, logs=None):
        Fall.done += 1
        if Fall.done == Fall.at:
            raise RuntimeError("the power failed")


def growing():
    last = AtImageSize(epochs=2, optimizer=keras.optimizers.Adam(0.01))
    return experiment(image_size=(10, 12), phases=(last,), callbacks=(Fall(),))


@pytest.mark.slow
def test_a_run_stopped_in_both_phases_ends_with_the_same_bits(tmp_path):
    Fall.done, Fall.at = 0, None
    whole = cnnkit.run(growing, runs_dir=tmp_path, name="whole")
    Fall.done, Fall.at = 0, 4
    with pytest.raises(RuntimeError, match="the power failed"):
        cnnkit.run(growing, runs_dir=tmp_path, name="it", checkpoint_steps=1)
    run, Fall.at = cnnkit.runs.resolve("it", tmp_path), 9
    with pytest.raises(RuntimeError, match="the power failed"):
        cnnkit.resume(growing, run, checkpoint_steps=1)
    run = cnnkit.resume(growing, run)
    for one, other in zip(whole.model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole.history["loss"] == run.history["loss"]


@pytest.mark.parametrize("where", ["first", "later"])
def test_a_network_of_one_size_is_refused_before_training(where):
    fixed = cnnkit.models.lenet5((16, 16, 1), 2)
    changed = (
        {"image_size": (12, 12)}
        if where == "first"
        else {
            "phases": (
                AtImageSize(epochs=1, optimizer=keras.optimizers.SGD(), image_size=(12, 12)),
            )
        }
    )
    words = (
        r"takes images of 16 x 16 alone, .*\(12, 12\): build it with image_shape=\(None, None, 1\)"
    )
    with pytest.raises(SettingError, match=words):
        dataclasses.replace(experiment(), model=fixed, **changed)


@pytest.mark.parametrize("size", [(0, 4), (4,), (4, 4, 1)])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(SettingError, match="image_size is the .height, width."):
        experiment(image_size=size)


def test_a_phase_has_an_epoch():
    with pytest.raises(SettingError, match="epochs is a whole number of at least 1, not 0"):
        AtImageSize(epochs=0, optimizer=keras.optimizers.SGD())


def test_where_it_is_found():
    assert experiment_package.AtImageSize is AtImageSize
