from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.utils.class_weight import compute_class_weight

from cnnkit.data import Dataset, Split
from cnnkit.data.batches import Batches
from cnnkit.data.sampling import (
    Selection,
    class_weights,
    first_of_each_class,
    limit_per_class,
    oversample,
)
from cnnkit.errors import SettingError
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.losses.weighted import WeightedCrossentropy, weighted_loss
from cnnkit.training.run import run as train
from cnnkit.training.steps.inputs import batches_made_in_step


def dataset(labels, classes):
    labels = np.asarray(labels)
    split = Split(np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1), labels)
    names = tuple("abcdef"[:classes])
    return Dataset(name="few", train=split, validation=split, test=split, class_names=names)


def test_weights_are_scikit_learn_s():
    labels = np.repeat([0, 1, 2], [1, 10, 4])
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights(labels, 3), wanted)


def test_with_several_labels_both_sides_of_every_class_weigh_the_same():
    labels = (np.random.default_rng(0).random((200, 4)) < [0.02, 0.1, 0.5, 0.9]).astype(np.float32)
    weights = class_weights(labels, 4)
    for own, column in zip(weights, labels.T, strict=True):
        both = own[column.astype(int)]
        assert both[column == 1].sum() == pytest.approx(both[column == 0].sum())
        assert both.sum() == pytest.approx(200)
        wanted = compute_class_weight("balanced", classes=np.array([0, 1]), y=column)
        np.testing.assert_allclose(own, wanted)


def test_a_class_without_samples_has_no_weight():
    with pytest.raises(SettingError, match=r"\[1\]"):
        class_weights(np.array([0, 0, 2]), 3)
    with pytest.raises(SettingError, match=r"\[0\]"):
        class_weights(np.ones((5, 1), np.float32), 1)


def test_the_weighted_loss_is_keras_own_with_sample_weights():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [2, 20, 8])
    logits = rng.normal(size=(30, 3)).astype(np.float32)
    weights = class_weights(labels, 3)
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
        labels, logits, sample_weight=weights[labels]
    )
    ours = weighted_loss(dataset(labels, 3))
    for form in (labels, labels[:, None], np.eye(3, dtype=np.float32)[labels]):
        assert float(ours(form, logits)) == pytest.approx(float(theirs), rel=1e-5)


def test_the_weighted_loss_of_several_labels_weighs_every_entry():
    rng = np.random.default_rng(2)
    labels = (rng.random((40, 3)) < [0.1, 0.3, 0.8]).astype(np.float32)
    logits = rng.normal(size=(40, 3)) * 3
    weights = class_weights(labels, 3)
    each = np.where(labels, np.log1p(np.exp(-logits)), np.log1p(np.exp(logits)))
    chosen = weights[np.arange(3), labels.astype(int)]
    ours = weighted_loss(dataset(labels, 3))(labels, logits.astype(np.float32))
    assert float(ours) == pytest.approx((chosen * each).mean(), rel=1e-5)


def test_the_weighted_loss_smooths_labels_as_keras_does():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(30, 3)).astype(np.float32)
    one, several = np.repeat([0, 1, 2], 10), rng.integers(0, 2, (30, 3)).astype(np.float32)
    same = {"from_logits": True, "label_smoothing": 0.2}
    theirs = keras.losses.CategoricalCrossentropy(**same)(np.eye(3)[one], logits)
    ours = weighted_loss(dataset(one, 3), 0.2)(one, logits)  # equal classes have a weight of 1
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    ours = WeightedCrossentropy([[1.0, 1.0]] * 3, 0.2)(several, logits)
    theirs = keras.losses.BinaryCrossentropy(**same)(several, logits)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)

    # Of unequal weights, each counts for its own class' share of the smoothed label.
    weights, share = np.array([0.5, 1.0, 4.0]), np.array([0.9, 0.05, 0.05])
    loss = WeightedCrossentropy(weights.tolist(), 0.15)
    powers = np.exp([1.0, 0.0, -2.0])
    by_hand = -(weights * share * np.log(powers / powers.sum())).sum()
    assert float(loss(np.array([0]), np.float32([[1, 0, -2]]))) == pytest.approx(by_hand, rel=1e-5)
    with pytest.raises(SettingError, match="from 0 to 1, not 1.5"):
        WeightedCrossentropy([1.0, 1.0], 1.5)


def test_the_weighted_loss_is_stored_and_rebuilt():
    loss = WeightedCrossentropy([1.0, 2.0], 0.1)
    rebuilt = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (rebuilt.weights, rebuilt.label_smoothing) == ([1.0, 2.0], 0.1)
    assert rebuilt.from_logits


def test_balanced_sampling_repeats_small_classes_and_keeps_every_sample():
    before = dataset(np.repeat([0, 1, 2], [3, 10, 7]), 3)
    after = oversample(before)
    assert after.counts()["train"] == [10, 10, 10]
    assert after.counts()["test"] == [3, 10, 7]
    values, repeats = np.unique(after.train.inputs[:].reshape(-1), return_counts=True)
    assert values.tolist() == list(range(20))
    for label, low, high in ((0, 3, 4), (1, 1, 1), (2, 1, 2)):
        own = repeats[before.train.labels == label]
        assert (own.min(), own.max()) == (low, high)
    for value, label in zip(after.train.inputs[:].reshape(-1), after.train.labels, strict=True):
        assert before.train.labels[value] == label


def test_balanced_sampling_is_a_function_of_its_seed():
    before = dataset(np.repeat([0, 1], [6, 10]), 2)
    first, again, other = (oversample(before, seed).train.inputs for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert oversample(before).content_hash == oversample(before).content_hash != before.content_hash


def test_samples_of_several_classes_cannot_be_repeated():
    with pytest.raises(SettingError, match="class_weights"):
        oversample(dataset(np.ones((4, 2), np.float32), 2))


def test_few_keeps_so_many_of_each_class_for_training_alone():
    whole = dataset(np.repeat([0, 1, 2], [1, 10, 4]), 3)
    some = limit_per_class(whole, 3, seed=1)
    assert some.counts()["train"] == [1, 3, 3]
    assert some.validation is whole.validation
    kept = some.train.inputs[:].reshape(-1)
    np.testing.assert_array_equal(whole.train.labels[kept], some.train.labels)
    assert limit_per_class(whole, 3, seed=1).content_hash == some.content_hash
    assert limit_per_class(whole, 3, seed=2).content_hash != some.content_hash
    assert limit_per_class(whole, 99).counts() == whole.counts()
    with pytest.raises(SettingError, match="not 0"):
        limit_per_class(whole, 0)


def test_few_of_several_labels_stops_where_every_class_has_enough():
    labels = (np.random.default_rng(0).random((100, 3)) < [0.1, 0.5, 0.9]).astype(np.float32)
    some = limit_per_class(dataset(labels, 3), 5)
    counts = some.counts()["train"]
    assert min(counts) >= 5
    assert len(some.train) <= 15


@pytest.mark.parametrize("choose", [oversample, lambda before: limit_per_class(before, 3)])
def test_arrays_in_memory_stay_so_and_images_read_on_demand_do(choose):
    before = dataset(np.repeat([0, 1], [6, 10]), 2)
    after = choose(before)
    assert isinstance(after.train.inputs, np.ndarray)
    assert after.train.in_memory

    class OnDemand(Selection):
        """Knows its hash without reading, as images of a folder do."""

    lazy = OnDemand(before.train.inputs, np.arange(16))
    after_lazy = choose(replace(before, train=Split(lazy, before.train.labels)))
    assert not after_lazy.train.in_memory
    assert after_lazy.train.inputs.inputs is lazy
    np.testing.assert_array_equal(after_lazy.train.inputs[:], after.train.inputs)


@pytest.mark.parametrize("choose", [oversample, lambda before: limit_per_class(before, 3)])
def test_steps_gather_chosen_samples_inside_the_compiled_loop(choose):
    after = choose(dataset(np.repeat([0, 1], [6, 10]), 2))
    model = keras.Sequential(
        [keras.Input((1, 1, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    train, validation = Batches(after.train, 4, seed=0), Batches(after.validation, 4)
    with batches_made_in_step(model, train, validation) as (inputs, _):
        positions, same, _ = inputs[0]
    np.testing.assert_array_equal(positions, train.chosen(0))
    np.testing.assert_array_equal(same, positions)


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    count=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_the_first_of_each_class_are_those_that_a_loop_takes(labels, count, seed):
    order = np.random.default_rng(seed).permutation(len(labels))
    taken, wanted = {}, []
    for position in order:
        label = labels[position]
        taken[label] = taken.get(label, 0) + 1
        if taken[label] <= count:
            wanted.append(position)
    chosen = first_of_each_class(labels, count, order)
    assert chosen.tolist() == sorted(wanted)
    assert first_of_each_class(np.eye(4)[labels], count, order).tolist() == sorted(wanted)


@pytest.mark.once
@pytest.mark.parametrize(
    ("balance", "counts"), [("weights", [4, 12, 3]), ("sampling", [12, 12, 12])]
)
def test_the_built_in_experiment_balances_classes(tmp_path, monkeypatch, balance, counts):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [4, 12, 3])
    split = Split(rng.integers(0, 256, (19, 8, 8, 1), dtype=np.uint8), labels)
    unequal = Dataset(
        name="unequal", train=split, validation=split, test=split, class_names=("a", "b", "c")
    )
    monkeypatch.setattr("cnnkit.data.load", lambda name, **options: unequal)
    run = train(
        built_in_experiment,
        runs_dir=tmp_path,
        dataset="unequal",
        model="mlp",
        epochs=1,
        balance=balance,
    )
    assert run.dataset["counts"]["train"] == counts
    assert run.dataset["counts"]["test"] == [4, 12, 3]
    weighted = run.experiment["loss"]["class_name"] == "WeightedCrossentropy"
    assert weighted == (balance == "weights")
    if weighted:
        loss = run.experiment["loss"]["config"]["weights"]
        np.testing.assert_allclose(loss, class_weights(labels, 3))
