"""The line of advice at the edges of its rules; the numbers are worked out by hand."""

import pytest

from cnnkit.report.advice import advice

pytestmark = pytest.mark.once

MANY = [1000] * 10  # validation samples of ten classes: guessing is right in 10 %


def history(loss, val_loss, accuracy=0.9, val_accuracy=0.9):
    epochs = len(loss)
    return {
        "loss": loss,
        "val_loss": val_loss,
        "accuracy": [accuracy] * epochs,
        "val_accuracy": [val_accuracy] * epochs,
    }


@pytest.mark.parametrize(
    ("ends", "kind"), [(1.1, "No sign"), (1.11, "Over-fitted"), (1.0, "No sign")]
)
def test_a_validation_loss_that_rose_by_more_than_a_tenth_is_over_fitted(ends, kind):
    line = advice(history([3, 2, 1], [1.0, 1.05, ends]), MANY)
    assert line.startswith(kind)


def test_a_training_loss_that_rose_too_is_not_over_fitted():
    line = advice(history([1, 2, 3], [1.0, 2.0, 3.0]), MANY)
    assert line.startswith("No sign")
    assert "epoch 2 and ended 50%" in advice(history([3, 2, 1], [2.5, 2.0, 3.0]), MANY)


@pytest.mark.parametrize(("accuracy", "kind"), [(0.955, "No sign"), (0.957, "Over-fitted")])
def test_training_far_above_the_interval_of_validation_is_over_fitted(accuracy, kind):
    # 9,000 of 10,000: Wilson's interval ends at 90.57 %, 5 points above it are 95.57 %.
    assert advice(history([1] * 3, [1] * 3, accuracy), MANY).startswith(kind)


@pytest.mark.parametrize(
    ("val_loss", "kind"),
    [
        ([3, 2, 1, 1, 0.95], "No sign"),
        ([3, 2, 1, 1, 0.94], "Under-fitted"),
        ([1, 0.9, 0.8, 0.5], "No sign"),  # four epochs have no last fifth
        ([3, 2, 1, 1, 1, 1, 1, 1, 0.9, 0.91], "No sign"),  # not the lowest
    ],
)
def test_a_validation_loss_that_falls_still_is_under_fitted(val_loss, kind):
    assert advice(history([1] * len(val_loss), val_loss), MANY).startswith(kind)


@pytest.mark.parametrize(
    ("accuracy", "counts", "kind"),
    [
        (0.55, MANY, "No sign"),  # half of the way from 10 % to 100 %
        (0.549, MANY, "Under-fitted"),
        (0.9, [9000, 1000], "Under-fitted"),  # guessing reaches as much
        (0.95, [9000, 1000], "No sign"),
    ],
)
def test_a_network_that_fits_not_even_its_training_samples_is_under_fitted(accuracy, counts, kind):
    line = advice(history([1] * 3, [1] * 3, accuracy, accuracy), counts)
    assert line.startswith(kind)


@pytest.mark.parametrize(("samples", "few"), [(380, True), (382, False)])
def test_validation_samples_are_too_few_for_an_interval_of_five_points(samples, few):
    # Wilson's interval of 50 % reaches 1.96 / (2 √(n + 1.96²)), which is 0.05 for n = 380.3.
    line = advice(history([1] * 3, [1] * 3, 0.5, 0.5), [samples // 2] * 2)
    assert ("Too few validation samples" in line) == few


def test_few_samples_are_said_after_another_finding():
    line = advice(history([3, 2, 1], [1.0, 1.05, 2.0]), [5, 5])
    assert line.startswith("Over-fitted")
    assert "Too few validation samples: with 10" in line


@pytest.mark.parametrize(
    "curves", [{}, {"loss": [1, 2]}, {"loss": [1, 1], "val_loss": [1, float("nan")]}]
)
def test_curves_that_say_nothing_give_no_advice(curves):
    assert advice(curves, MANY) == ""


def test_losses_alone_are_judged_by_losses():
    assert advice({"loss": [2, 1], "val_loss": [1, 2]}).startswith("Over-fitted")
    assert advice({"loss": [2, 1], "val_loss": [1, 1]}).startswith("No sign")
