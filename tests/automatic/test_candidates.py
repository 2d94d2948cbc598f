"""What is compared, and for how long: data, budget and a clock in; recipes out."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from statsmodels.stats.proportion import proportion_confint
from threadpoolctl import threadpool_limits

from cnnkit import transfer
from cnnkit.automatic import Candidate, Trial, backbones, cross_validate, halve, networks
from cnnkit.automatic.candidates import expect_comparable
from cnnkit.automatic.page import advice, certainty
from cnnkit.data import Dataset, Split
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once


def pictures(size, samples=1000, channels=3, classes=2, **options):
    def split(count):
        labels = np.arange(count) % classes
        inputs = np.broadcast_to(
            np.uint8([0, 255])[labels % 2, None, None, None], (count, size, size, channels)
        )
        return Split(inputs, labels)

    return Dataset(
        name="pictures", train=split(samples), validation=split(50), test=split(50),
        class_names=tuple(map(str, range(classes))), **options,
    )  # fmt: skip


def names(found):
    return [each.name for each in found]


def test_small_pictures_are_learnt_from_scratch_and_large_ones_are_not():
    every = ["lenet5", "convnet", "vgg_small", "resnet20"]
    assert names(networks(pictures(32), 3600)) == every
    assert networks(pictures(96), 3600) == []


def test_a_short_budget_leaves_out_the_dear_but_never_all():
    assert names(networks(pictures(32, 50_000), 1200)) == ["lenet5", "convnet"]
    assert names(networks(pictures(32, 50_000), 0.1)) == ["lenet5"]


def test_the_first_training_has_steps_enough_to_judge_it():
    epochs = {
        size: networks(pictures(32, size), 3600)[0].first_epochs for size in (100, 1293, 4000)
    }
    assert epochs == {100: 10, 1293: 8, 4000: 3}  # 40, 328 and 375 steps of 32 images


def test_grey_pictures_are_not_mirrored():
    grey, colour = (networks(pictures(32, channels=each), 60)[0] for each in (1, 3))
    assert (grey.settings["augment"], colour.settings["augment"]) == ("affine", "flip_crop")


def test_backbones_are_those_that_are_here_the_cheapest_first_within_the_time():
    here = {"vgg16", "mobilenet_v2", "mobilenet_v2_035"}.__contains__
    every = ["mobilenet_v2_035", "mobilenet_v2", "vgg16"]
    assert backbones(pictures(224, 100), 3600, here) == every
    costs = [transfer.backbone_info(name).multiply_adds for name in every]
    assert costs == sorted(costs)
    assert backbones(pictures(224, 100), 60, here) == every[:2]
    assert backbones(pictures(28), 3600, here) == []  # they take no fewer than 32 pixels


class Clock:
    """A clock that moves when a training says so."""

    now = 0.0

    def __call__(self):
        return self.now


def training(clock, accuracies, pace=1.0, fixed=2.0):
    """A trainer whose accuracies are given by name, and the list of what it was asked to do."""
    asked = []

    def train(candidate, epochs):
        asked.append((candidate.name, epochs))
        clock.now += fixed + pace * epochs
        accuracy = accuracies[candidate.name]
        reason = "" if accuracy is not None else "it does not fit"
        return Trial(
            candidate, epochs, fixed + pace * epochs, None, accuracy or 0.0, 1.0, pace, reason
        )  # fmt: skip

    return train, asked


def four(most=60):
    return [Candidate(name, {}, 3, most) for name in "abcd"]


def test_the_better_half_goes_on_with_three_times_the_epochs():
    clock = Clock()
    train, asked = training(clock, {"a": 0.5, "b": 0.9, "c": 0.7, "d": 0.6})
    assert names(halve(four(), train, clock, 1000)) == ["b"]
    assert asked == [("a", 3), ("b", 3), ("c", 3), ("d", 3), ("b", 9), ("c", 9), ("b", 27)]


def test_nothing_begins_that_would_not_end_in_time():
    clock = Clock()
    train, asked = training(clock, {"a": 0.5, "b": 0.9, "c": 0.7, "d": 0.6})
    halve(four(), train, clock, 31.5)  # 20 for the first round, 11 for nine epochs
    assert asked == [("a", 3), ("b", 3), ("c", 3), ("d", 3), ("b", 9)]
    assert clock.now <= 31.5


def test_even_without_time_one_candidate_is_trained():
    clock = Clock()
    train, asked = training(clock, {"a": None, "b": 0.9, "c": 0.7, "d": 0.6})
    assert names(halve(four(), train, clock, 0)) == ["b"]
    assert asked == [("a", 3), ("b", 3)]


def test_what_fails_is_out_and_the_others_go_on():
    clock = Clock()
    train, asked = training(clock, {"a": None, "b": 0.2, "c": None, "d": 0.1})
    assert names(halve(four(), train, clock, 1000)) == ["b"]
    assert ("a", 9) not in asked


def test_the_last_training_fills_the_time_that_is_left_and_no_more():
    trial = Trial(four()[0], epochs=3, seconds=8.0, pace=2.0)  # two of eight seconds are no epochs
    assert trial.epochs_within(30) == 14
    assert trial.seconds_for(14) == 30
    assert trial.epochs_within(1e9) == 60


def test_cross_validation_is_that_of_scikit_learn():
    digits = load_digits()
    features, labels = digits.data[:300], digits.target[:300]
    score = cross_validate("pixels", features, labels, seed=3)
    folds = StratifiedKFold(5, shuffle=True, random_state=3)
    with threadpool_limits(1):  # threads that wait for each other take seconds
        means = {
            penalty: cross_val_score(
                LogisticRegression(C=penalty, max_iter=200), features, labels, cv=folds
            )
            for penalty in (0.01, 0.1, 1.0)
        }
    best = max(means, key=lambda penalty: means[penalty].mean())
    assert score.penalty == best
    np.testing.assert_allclose(score.folds, means[best])
    hits = round(score.measure.value * 300)
    np.testing.assert_allclose(
        score.measure.interval, proportion_confint(hits, 300, method="wilson")
    )


def test_a_class_of_one_image_is_not_cross_validated():
    assert cross_validate("pixels", np.eye(5), np.array([0, 0, 1, 1, 2])) is None


def trial(name, accuracy, run=object()):  # noqa: B008
    return Trial(Candidate(name, {}, 3, 60), 3, 1.0, run, accuracy, 1.0, 0.1)


def test_the_page_names_those_that_may_be_as_good():
    images = pictures(32)  # of which 50 validate
    first, near, far = trial("first", 0.96), trial("near", 0.9), trial("far", 0.4)
    text = " ".join(certainty(images, [first, near, far], first))
    low = proportion_confint(48, 50, method="wilson")[0]
    assert f"{100 * low:.1f}" in text
    assert "may be as good: near." in text


def test_few_validation_images_are_the_first_advice():
    first = trial("first", 0.96)
    assert advice(pictures(32), [first], first, [])[0].startswith("Label more images: 50")


def test_data_that_cannot_be_compared_are_refused_in_a_sentence():
    labels = np.eye(2, dtype="float32")[np.arange(50) % 2]
    labels[0] = 1
    split = Split(pictures(32).test.inputs, labels)
    several = Dataset(name="several", train=split, validation=split, test=split, class_names="ab")
    with pytest.raises(
        SettingError, match="'several' may have several classes: train with cnnkit run"
    ):
        expect_comparable(several)
