"""Runs whose network begins with frozen layers: the same result, and the features computed once."""

import dataclasses
import os
import signal

import keras
import numpy as np
import pytest
from keras import layers

import cnnkit
from cnnkit import Experiment, data, report
from cnnkit.errors import SettingError
from cnnkit.evaluation import Evaluation
from cnnkit.training.deployment import deployable_model
from cnnkit.training.steps.frozen_features import without_frozen_part

SHAPES = {"train": 96, "validation": 24, "test": 24, "image_size": 12}


def network(dropout=0.0):
    keras.utils.set_random_seed(5)
    image = keras.Input((12, 12, 1))
    body = keras.Sequential([layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D()])
    body.trainable = False
    values = layers.Dropout(dropout)(layers.Flatten()(body(image)))
    return keras.Model(image, layers.Dense(2, name="logits")(values), name="small")


def experiment_of(callbacks=(), augment=None, cached_views=0):
    def frozen(epochs: int = 2):
        """Only the head of a network learns."""
        return Experiment(
            data=data.xo(**SHAPES), model=network(), optimizer=keras.optimizers.Adam(1e-2),
            epochs=epochs, callbacks=callbacks, augment=augment, cached_views=cached_views,
        )  # fmt: skip

    return frozen


def files(cache):
    return sorted(cache.glob("*-features-*/*.npy"))


def test_a_run_on_kept_features_ends_as_one_in_place(tmp_path, own_image_cache, capfd):
    images = data.xo(**SHAPES).test.inputs
    kept = cnnkit.run(experiment_of(), runs_dir=tmp_path, name="kept")
    assert "96/96" in capfd.readouterr().out  # features were computed, and it showed
    assert len(files(own_image_cache)) == 2  # of test, only what the whole model says is wanted
    wants_the_model = keras.callbacks.LambdaCallback()
    whole = cnnkit.run(experiment_of((wants_the_model,)), runs_dir=tmp_path, name="whole")
    np.testing.assert_allclose(
        kept.model.predict(images, verbose=0), whole.model.predict(images, verbose=0), atol=1e-5
    )
    np.testing.assert_allclose(kept.history["loss"], whole.history["loss"], rtol=1e-4)
    np.testing.assert_allclose(kept.history["val_loss"], whole.history["val_loss"], rtol=1e-4)
    assert kept.results["test"]["accuracy"] == whole.results["test"]["accuracy"]


@pytest.mark.once
def test_a_run_that_is_stopped_while_it_extracts_features_goes_on_from_there(
    tmp_path, own_image_cache, monkeypatch
):
    computed, compute = [], keras.Model.predict_on_batch

    def stopped(self, batch):
        computed.append(len(batch))
        if len(computed) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return compute(self, batch)

    frozen = experiment_of()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt) as caught:
        patch.setattr(keras.Model, "predict_on_batch", stopped)
        cnnkit.run(frozen, runs_dir=tmp_path, name="one")
    assert computed == [32, 32]
    assert any("64 of 96 rows are cached" in note for note in caught.value.__notes__)
    run = cnnkit.runs.resolve("one", tmp_path)
    assert run.status["state"] == "interrupted"
    resumed = cnnkit.resume(frozen, run)
    whole = cnnkit.run(experiment_of(), runs_dir=tmp_path, name="whole")
    assert resumed.history["loss"] == whole.history["loss"]


@pytest.mark.parametrize("dropout", [0.0, 0.5])  # at 0, the dense layer is all that is left
def test_the_reports_neighbours_are_those_of_the_whole_network(own_image_cache, dropout):
    made = dataclasses.replace(experiment_of()(), model=network(dropout))
    part, model = without_frozen_part(made, seed=0), deployable_model(made)
    assert part is not made
    chances = model.predict(made.data.test.inputs, verbose=0).astype(float)
    evaluation = Evaluation(made.data.test.labels, chances, made.data.class_names)
    alone = report.explain_samples(model, made.data, evaluation, head=part)
    whole = report.explain_samples(model, made.data, evaluation)
    assert alone.compared == whole.compared == 96
    np.testing.assert_array_equal(alone.neighbours, whole.neighbours)
    np.testing.assert_array_equal(alone.neighbour_labels, whole.neighbour_labels)


def test_features_are_computed_once(own_image_cache, capfd):
    stop = keras.callbacks.EarlyStopping(patience=9)
    first = without_frozen_part(experiment_of((stop,))(), seed=0)
    assert "96/96" in capfd.readouterr().out
    second = without_frozen_part(experiment_of()(), seed=1)
    assert "96/96" not in capfd.readouterr().out
    np.testing.assert_array_equal(first.data.train.inputs, second.data.train.inputs)
    assert first.data.train.inputs.shape == (96, 200)


def test_views_are_of_other_changes_with_the_labels_of_their_images(own_image_cache):
    shifts = layers.RandomTranslation(0.2, 0.2, seed=1)
    part = without_frozen_part(experiment_of(augment=shifts, cached_views=2)(), seed=3)
    train, plain = part.data.train, without_frozen_part(experiment_of()(), seed=3).data.train
    assert (len(train), part.augment, part.cached_views) == (192, None, 0)
    assert np.bincount(train.labels).tolist() == (2 * np.bincount(plain.labels)).tolist()
    assert len(np.unique(train.inputs, axis=0)) > 150
    # A shift of nothing shows whose view each row is.
    still = layers.RandomTranslation(0.0, 0.0)
    part = without_frozen_part(experiment_of(augment=still, cached_views=2)(), seed=3)
    for row, label in zip(part.data.train.inputs[::17], part.data.train.labels[::17], strict=True):
        nearest = np.abs(plain.inputs - row).sum(axis=1).argmin()
        np.testing.assert_allclose(plain.inputs[nearest], row, atol=1e-4)
        assert plain.labels[nearest] == label
    assert len(part.data.test) == 0


def test_an_augmented_network_without_views_trains_as_it_is(own_image_cache):
    experiment = experiment_of(augment=layers.RandomTranslation(0.2, 0.2))()
    assert without_frozen_part(experiment, seed=0) is experiment
    assert files(own_image_cache) == []


@pytest.mark.parametrize("views", [-1, 2])
def test_views_without_augmentation_are_a_mistake(views):
    with pytest.raises(SettingError, match=f"not {views}"):
        experiment_of(cached_views=views)()
