from dataclasses import replace

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold

from cnnkit import Experiment, data, models
from cnnkit.data.dataset import Dataset, Split
from cnnkit.errors import SettingError
from cnnkit.evaluation import likely_mislabelled
from cnnkit.training.folds import fold_numbers, out_of_fold
from cnnkit.transfer import FineTuning


def test_each_class_is_shared_out_as_evenly_as_scikit_learn_does():
    labels = np.random.default_rng(0).integers(0, 3, 100)
    places = fold_numbers(labels, 4)
    ours = np.array([np.bincount(labels[places == fold], minlength=3) for fold in range(4)])
    splits = StratifiedKFold(4).split(labels[:, None], labels)
    theirs = np.array([np.bincount(labels[held], minlength=3) for _, held in splits])
    assert ours.sum(axis=0).tolist() == theirs.sum(axis=0).tolist()
    assert (np.ptp(ours, axis=0) <= 1).all()
    assert not np.array_equal(places, fold_numbers(labels, 4, seed=1))


@pytest.mark.parametrize("folds", [1, 11])
def test_folds_that_cannot_be_made_are_refused(folds):
    with pytest.raises(SettingError, match=f"from 2 to 10 .* not {folds}"):
        fold_numbers(np.zeros(10, int), folds)


CHANGED = [3, 40, 77, 150, 199]


def experiment(epochs: int = 6):
    shapes = data.xo(train=240, validation=20, test=20, image_size=12, noise=0.0)
    labels = shapes.train.labels.copy()
    labels[CHANGED] = 1 - labels[CHANGED]
    changed = Dataset(
        name="changed", train=Split(shapes.train.inputs, labels), validation=shapes.validation,
        test=shapes.test, class_names=shapes.class_names, value_range=shapes.value_range,
    )  # fmt: skip
    return Experiment(
        data=changed, model=models.convnet((12, 12, 1), 2, widths=(8,), depths=(1,)),
        optimizer=keras.optimizers.Adam(1e-2), epochs=epochs, batch_size=16,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.once
def test_labels_that_were_changed_are_found():
    made = experiment()
    answers = out_of_fold(experiment, folds=2)
    assert answers.shape == (240, 2)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    found = likely_mislabelled(made.data.train.labels, answers)
    assert len(set(CHANGED) & set(found[:8])) >= 4


@pytest.mark.slow
@pytest.mark.once
def test_all_phases_train():
    # What is frozen at first gives zeros, whatever the image: only the second phase tells X from O.
    made = fine_tuned()
    answers = out_of_fold(fine_tuned, folds=2)
    assert accuracy_score(made.data.train.labels, answers.argmax(axis=1)) > 0.7


def fine_tuned():
    network = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            keras.layers.Conv2D(8, 3, kernel_initializer="zeros", trainable=False),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    return replace(
        experiment(epochs=1), model=network,
        phases=(FineTuning(epochs=6, optimizer=keras.optimizers.Adam(1e-2)),),
    )  # fmt: skip


@pytest.mark.once
def test_a_sample_is_answered_by_a_network_that_never_saw_it():
    # The only sample of its class: a network that never saw it cannot know that there is one.
    answers = out_of_fold(alone, folds=2)
    assert answers[7, 1] < 0.5


def alone():
    """Zeros of class 0, and one picture of ones, of class 1."""
    inputs, labels = np.zeros((20, 4, 4, 1), np.float32), np.zeros(20, int)
    inputs[7], labels[7] = 1, 1
    split = Split(inputs, labels)
    held = Dataset(
        name="alone", train=split, validation=split, test=split, class_names=("zero", "one"),
        value_range=(0, 1),
    )  # fmt: skip
    dense = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2, name="logits")]
    return Experiment(
        data=held, model=keras.Sequential(dense), optimizer=keras.optimizers.Adam(0.1), epochs=8,
        batch_size=4,
    )  # fmt: skip
