from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy import ndimage

from cnnkit import Experiment, data
from cnnkit.data import Dataset, Split
from cnnkit.data.augmentation.catalogue import augmentation, augmentations
from cnnkit.data.augmentation.random_layers import Elastic, OneOf
from cnnkit.data.batches import Batches
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.training.run import run as train

MIXING = ("mixup", "cutmix")


def shapes(channels=3, samples=48, value_range=(0, 255)):
    """Bright blocks on a dark ground, of three classes."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (samples, 20, 24, channels)).astype(np.uint8)
    images[:, 5:13, 8:18] += rng.integers(120, 190, (samples, 1, 1, channels)).astype(np.uint8)
    labels = np.arange(samples) % 3
    if value_range != (0, 255):
        low, high = value_range
        images = (images / 255 * (high - low) + low).astype(np.float32)
    split = Split(images, labels)
    return Dataset(
        name="shapes", train=split, validation=split, test=split, class_names=("a", "b", "c"),
        value_range=value_range,
    )  # fmt: skip


def batch(dataset, name, step=0, **options):
    policy = augmentation(name, dataset)
    return Batches(dataset.train, 16, scale=dataset.scale, augment=policy, **options)[step]


@pytest.mark.parametrize(
    ("channels", "value_range"), [(3, (0, 255)), pytest.param(1, (-1, 1), marks=pytest.mark.once)]
)
@pytest.mark.parametrize("name", augmentations())
def test_every_policy_changes_pictures_and_keeps_shape_and_range(name, channels, value_range):
    dataset = shapes(channels, value_range=value_range)
    plain = Batches(dataset.train, 16, scale=dataset.scale)[0][0]
    images, _ = batch(dataset, name)
    assert images.shape == plain.shape
    low, high = (edge * dataset.scale for edge in value_range)
    assert low - 1e-4 <= images.min() < images.max() <= high + 1e-4
    changed = np.abs(images - plain).max(axis=(1, 2, 3)) > 0.01
    assert changed.mean() >= (0.25 if name in MIXING else 0.5)


@pytest.mark.parametrize("name", [name for name in augmentations() if name not in MIXING])
def test_every_picture_is_changed_in_its_own_way(name):
    dataset = shapes(samples=16)
    dataset.train.inputs[:] = dataset.train.inputs[0]
    images, _ = batch(dataset, name)
    assert len(np.unique(images.round(4), axis=0)) >= 8


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=(pytest.mark.once,) * (n == "rand_augment")) for n in augmentations()],
)
def test_what_a_policy_does_is_a_function_of_seed_epoch_and_step(name):
    dataset = shapes()
    first = batch(dataset, name, seed=5, step=1, epoch=2)
    again = batch(dataset, name, seed=5, step=1, epoch=2)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    for other in ({"seed": 6, "epoch": 2}, {"seed": 5, "epoch": 3}):
        assert np.abs(first[0] - batch(dataset, name, step=1, **other)[0]).max() > 0.01


@pytest.mark.once
@pytest.mark.parametrize("name", augmentations())
def test_pixels_scaled_after_a_policy_are_those_scaled_before_it(name):
    dataset = shapes()
    after, labels = batch(dataset, name, seed=2)
    scaled = np.asarray(dataset.train.inputs, np.float32) / np.float32(255)
    split = Split(scaled, dataset.train.labels)
    fractions = replace(dataset, train=split, validation=split, test=split, value_range=(0, 1))
    before, same = batch(fractions, name, seed=2)
    np.testing.assert_allclose(labels, same, atol=1e-6)
    # Solarization and equalization jump where a value is at an edge of theirs.
    assert np.mean(np.abs(after - before) > 1e-3) < 0.01


@pytest.mark.parametrize("name", augmentations())
def test_called_for_inference_a_policy_changes_nothing(name):
    dataset = shapes()
    images = Batches(dataset.train, 4)[0][0]
    kept = augmentation(name, dataset)(images, training=False)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(kept), images, atol=1e-6)


def test_mixed_labels_are_those_of_the_pictures_mixed():
    # Each class is a shade of its own, so that a picture's mean tells what it was mixed of.
    labels = np.arange(30) % 3
    pictures = np.zeros((30, 16, 16, 1), np.float32) + labels[:, None, None, None] / 2
    split = Split(pictures, labels)
    dataset = Dataset(
        name="shades", train=split, validation=split, test=split, class_names=("0", "1", "2"),
        value_range=(0, 1),
    )  # fmt: skip
    for name in MIXING:
        images, mixed = Batches(split, 30, augment=augmentation(name, dataset), seed=2)[0]
        assert mixed.shape == (30, 3)
        np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-5)
        shades = images.mean(axis=(1, 2, 3))
        tolerance = 1e-5 if name == "mixup" else 0.1  # a pasted piece ends at whole pixels
        np.testing.assert_allclose(mixed @ [0, 0.5, 1], shades, atol=tolerance)
        assert ((mixed > 0).sum(axis=1) == 2).sum() >= 5


def test_labels_as_a_number_a_class_are_one_hot():
    split = shapes(samples=5).train
    _, labels = Batches(split, 5, num_classes=3)[0]
    np.testing.assert_array_equal(labels, np.eye(3)[[0, 1, 2, 0, 1]])


def test_the_elastic_field_is_as_smooth_and_as_strong_as_in_the_paper():
    """Each pixel's value is its own coordinate, so the result shows where it came from."""
    side = 29
    y, x = np.mgrid[:side, :side].astype(np.float32)
    images = np.tile(np.stack([y, x], axis=-1), (64, 1, 1, 1))
    bent = keras.ops.convert_to_numpy(Elastic(4 / 29, 34 / 29**2, seed=0)(images, training=True))
    inner = slice(13, 16)  # away from the border, where the field leaves the picture
    ours = (bent - images)[:, inner, inner]
    noise = np.random.default_rng(0).uniform(-1, 1, (64, 2, side, side))
    theirs = 34 * ndimage.gaussian_filter(noise, (0, 0, 4, 4), mode="constant")
    assert ours.std() == pytest.approx(theirs[:, :, inner, inner].std(), rel=0.15)
    steps = np.diff(bent - images, axis=2)[:, inner, inner].std() / ours.std()
    wanted = np.diff(theirs, axis=3)[:, :, inner, inner].std() / theirs[:, :, inner, inner].std()
    assert steps == pytest.approx(wanted, rel=0.25)
    across = np.corrcoef(ours[..., 0].ravel(), ours[..., 1].ravel())[0, 1]
    assert abs(across) < 0.35  # the two directions have fields of their own


def test_one_of_takes_every_choice_and_nothing_else():
    choices = [keras.layers.Rescaling(factor) for factor in (1, 2, 3)]
    images = np.ones((300, 2, 2, 1), np.float32)
    result = keras.ops.convert_to_numpy(OneOf(choices, seed=0)(images, training=True))
    assert (result.min(axis=(1, 2, 3)) == result.max(axis=(1, 2, 3))).all()
    values, counts = np.unique(result[:, 0, 0, 0], return_counts=True)
    assert values.tolist() == [1, 2, 3]
    assert counts.min() > 60


@pytest.mark.parametrize(
    "name", [n for n in augmentations() if n not in ("affine", "trivial", "rand_augment")]
)
def test_a_policy_survives_being_stored(name):
    # Keras 3.15 cannot rebuild its RandomShear from its own configuration: those with it are left out.
    policy = augmentation(name, shapes())
    rebuilt = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(policy))
    assert type(rebuilt) is type(policy)
    assert rebuilt.get_config().keys() == policy.get_config().keys()


def test_an_unknown_policy_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'flip_crop'"):
        augmentation("flip_krop", shapes())


@keras.saving.register_keras_serializable("tests")
class Black(keras.layers.Layer):
    """Blackens pictures."""

    def call(self, images, training=False):
        return images * 0


def flat(dataset):
    return keras.Sequential(
        [keras.Input(dataset.image_shape), keras.layers.Flatten(), keras.layers.Dense(3)]
    )


@pytest.mark.once
def test_validation_and_test_are_never_augmented(tmp_path):
    dataset = shapes(samples=42)

    model = flat(dataset)
    before = model.get_weights()

    def blackened(epochs: int = 2):
        """Training pictures are black."""
        return Experiment(
            data=dataset, model=model, optimizer=keras.optimizers.SGD(0.1), epochs=epochs,
            batch_size=16, augment=Black(),
        )  # fmt: skip

    run = train(blackened, runs_dir=tmp_path)
    kernel, bias = model.get_weights()
    np.testing.assert_array_equal(kernel, before[0])  # black teaches no kernel,
    assert np.abs(bias - before[1]).max() > 0  # but a bias
    plain = run.model.predict(dataset.validation.inputs, verbose=0)
    assert len(np.unique(plain.round(5), axis=0)) > 3  # on black pictures it would be one
    right = plain.argmax(axis=1) == dataset.validation.labels
    chosen = run.results["validation"]["epoch"] - 1
    assert run.history["val_accuracy"][chosen] == pytest.approx(right.mean())
    loss = keras.losses.SparseCategoricalCrossentropy()(dataset.validation.labels, plain)
    assert run.history["val_loss"][chosen] == pytest.approx(float(loss), rel=1e-4)
    assert run.results["test"]["accuracy"] == pytest.approx(right.mean())  # test is validation here


@pytest.mark.once
@pytest.mark.parametrize("name", [pytest.param("flip_crop", marks=pytest.mark.slow), "cutmix"])
def test_the_built_in_experiment_trains_with_a_policy(tmp_path, name):
    from cnnkit.experiment.built_in import built_in_experiment

    run = train(
        built_in_experiment, runs_dir=tmp_path, dataset="xo", epochs=2, batch_size=32, augment=name,
        dataset_options={"train": 64, "validation": 16, "test": 16, "image_size": 12},
    )  # fmt: skip
    assert run.history["val_accuracy"][-1] >= 0.25
    assert run.experiment["settings"]["augment"] == name


def test_mixing_labels_with_a_loss_of_one_class_is_refused():
    dataset = shapes()
    with pytest.raises(SettingError, match="CategoricalCrossentropy"):
        Experiment(
            data=dataset, model=flat(dataset), optimizer=keras.optimizers.SGD(), epochs=1,
            augment=data.augmentation("mixup", dataset),
        )  # fmt: skip
