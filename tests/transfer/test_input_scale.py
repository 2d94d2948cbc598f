"""A pixel is scaled once: what a network takes, it says, and it is given just that."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

import cnnkit
from cnnkit import Experiment, data, models, transfer
from cnnkit.data import Dataset, Split
from cnnkit.data.batches import Batches
from cnnkit.data.input_scale import input_scale
from cnnkit.errors import SettingError
from cnnkit.experiment.distillation import distiller
from cnnkit.training.deployment import deployable_model

pytestmark = pytest.mark.filterwarnings("ignore:The backbone .* is untrained")


def photos(value_range=(0, 255)):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), dtype="uint8")
    if value_range == (0, 1):
        pixels = pixels.astype("float32") / np.float32(255)
    split = Split(pixels, np.arange(24) % 2)
    return Dataset(
        name="photos", train=split, validation=split, test=split, class_names=("a", "b"),
        value_range=value_range,
    )  # fmt: skip


def pretrained(**options):
    keras.utils.set_random_seed(3)
    return transfer.create("mobilenet_025", (32, 32, 3), 2, weights="none", **options)


def experiment_of(dataset, model, **options):
    return Experiment(
        data=dataset, model=model, optimizer=keras.optimizers.SGD(0.01), epochs=1, batch_size=8,
        **options,
    )  # fmt: skip


def scaled_twice(model):
    """Return the network behind what brings 0 to 1 back to 0 to 255, as it was once made."""
    unit = keras.Input((32, 32, 3))
    return keras.Model(unit, model.call(layers.Rescaling(255)(unit)))


def test_a_pretrained_network_is_given_pixels_exactly_as_they_are_stored():
    made = experiment_of(photos(), pretrained())
    inputs, _ = Batches(made.data.train, **made.batch_options)[0]
    np.testing.assert_array_equal(inputs, made.data.train.inputs[:8])
    assert inputs.dtype == np.float32


@pytest.mark.parametrize("value_range", [(0, 255), (0, 1)])
def test_networks_are_given_what_they_take_whatever_is_stored(value_range):
    dataset, pixels = photos(value_range), photos().train.inputs.astype("float32")
    for network, wanted in (
        (pretrained(), pixels),
        (models.mlp((32, 32, 3), 2), pixels / 255),
        (transfer.classifier(transfer.backbone("mobilenet_025", (32, 32, 3), weights="none"), 2),
         pixels),
    ):  # fmt: skip
        inputs = dataset.train.inputs * np.float32(input_scale(network, dataset))
        np.testing.assert_allclose(inputs, wanted, rtol=1e-6)


def test_values_that_are_no_pixels_stay_as_they_are():
    shapes = data.xo(train=4, validation=2, test=2)
    assert input_scale(models.mlp(shapes.image_shape, 2), shapes) == 1


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [True, False])
def test_training_ends_with_the_weights_of_pixels_scaled_twice(frozen):
    """The former way, written out: 0 to 255, to 0 to 1, to 0 to 255."""
    once, other = pretrained(frozen=frozen), pretrained(frozen=frozen)
    dataset = photos()
    for network, options in ((once, experiment_of(dataset, once).batch_options), (other, None)):
        model = network if options else scaled_twice(other)
        options = options or {"batch_size": 8, "scale": 1 / 255}
        model.compile(
            keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        model.fit(Batches(dataset.train, seed=1, **options), epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(once.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3 * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize("make", [pretrained, lambda: models.mlp((32, 32, 3), 2)])
def test_the_saved_model_takes_raw_pixels_and_scales_at_most_once(make):
    made = experiment_of(photos(), make())
    model, pixels = deployable_model(made), photos().test.inputs
    taken = pixels.astype("float32") * np.float32(made.input_scale)
    logits = made.model.predict(taken, verbose=0)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(pixels, verbose=0), probabilities, atol=1e-5)
    before = [each for each in model.layers if isinstance(each, layers.Rescaling)]
    assert len(before) == (made.input_scale != 1)


def test_a_run_keeps_a_model_of_raw_pixels(tmp_path, own_image_cache):
    def tuned():
        """A head on a frozen network."""
        return experiment_of(
            photos(), pretrained(), augment=layers.RandomFlip("horizontal"), cached_views=2,
            restore_best_weights=False,
        )  # fmt: skip

    run = cnnkit.run(tuned, runs_dir=tmp_path)
    features = transfer.embedding_model(run.model)
    body = transfer.embedding_model(pretrained())
    pixels = photos().test.inputs
    np.testing.assert_allclose(
        features.predict(pixels, verbose=0),
        body.predict(pixels.astype("float32"), verbose=0),
        atol=1e-3,
    )


@pytest.mark.slow
def test_teacher_and_student_may_take_pixels_in_different_ranges(tmp_path):
    teacher = cnnkit.Run.create(tmp_path, "large", "teacher")
    teacher.write_status("finished")
    teacher.write_json("dataset.json", {"class_names": ("a", "b")})
    deployable_model(experiment_of(photos(), pretrained())).save(teacher.folder / "model.keras")
    student, pixels = models.mlp((32, 32, 3), 2), photos().test.inputs.astype("float32")
    taught = distiller(student, cnnkit.Run(teacher.folder), photos()).teacher
    np.testing.assert_allclose(
        taught.predict(pixels / 255, verbose=0), pretrained().predict(pixels, verbose=0), atol=1e-3
    )
    with pytest.raises(SettingError, match="times"):
        distiller(student, cnnkit.Run(teacher.folder), photos((0, 1)))


def test_changed_images_reach_the_network_as_the_augmentation_leaves_them(own_image_cache):
    """Views are of values as stored; what the augmentation gives is what is predicted."""

    class Brighter(layers.Layer):
        def call(self, inputs, training=False):
            return inputs + 1.0  # of 255

    taken = keras.Input((32, 32, 3))
    body = keras.Model(taken, layers.GlobalAveragePooling2D()(taken))
    views = transfer.AugmentedViews(Brighter(), 1, seed=0)
    rows = transfer.split_features(body, photos().train, views=views, cache=False)
    plain = transfer.split_features(body, photos().train, cache=False)
    np.testing.assert_allclose(rows - plain[views.order(photos().train)], 1, atol=1e-4)


def test_replacing_the_data_asks_the_network_again():
    made = experiment_of(photos(), pretrained())
    assert made.input_scale == 1
    assert dataclasses.replace(made, data=photos((0, 1))).input_scale == 255
