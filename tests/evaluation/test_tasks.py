"""What single-label and multi-label runs do differently agrees with what each is measured by."""

import keras
import numpy as np
import pytest

from cnnkit.data import Dataset, Split
from cnnkit.errors import SettingError
from cnnkit.evaluation.tasks import MultiLabel, SingleLabel, task_of_labels, task_of_results

NAMES = ("a", "b", "c")
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(400, 3)).astype("float32")
LABELS = {
    SingleLabel(): RNG.integers(0, 3, 400),
    MultiLabel(): RNG.integers(0, 2, (400, 3)).astype("float32"),
}
both = pytest.mark.parametrize("task", LABELS, ids=lambda task: type(task).__name__)


def probabilities(task):
    return keras.ops.convert_to_numpy(task.output_layer(name="probabilities")(LOGITS))


@both
def test_labels_data_sets_and_results_say_which_task_they_are_of(task):
    split = Split(np.zeros((400, 2, 2, 1), "uint8"), LABELS[task])
    assert task_of_labels(LABELS[task]) == split.task == task
    assert (
        Dataset(name="few", train=split, validation=split, test=split, class_names=NAMES).task
        == task
    )
    results = task.evaluate(LABELS[task], probabilities(task), NAMES).as_results()
    assert task_of_results(results) == task


@both
def test_the_loss_of_logits_is_the_loss_of_the_evaluation(task):
    evaluation = task.evaluate(LABELS[task], probabilities(task), NAMES)
    expected = evaluation.as_results()["loss"]
    assert float(task.loss()(LABELS[task], LOGITS)) == pytest.approx(expected, rel=1e-5)


def test_smoothed_or_mixed_labels_are_a_number_a_class():
    labels = keras.utils.to_categorical(LABELS[SingleLabel()], 3)
    plain = SingleLabel().loss()(LABELS[SingleLabel()], LOGITS)
    mixed = SingleLabel().loss(mixes_labels=True)(labels, LOGITS)
    assert float(mixed) == pytest.approx(float(plain), rel=1e-5)
    smoothed = SingleLabel().loss(label_smoothing=0.3)(labels, LOGITS)
    by_hand = SingleLabel().loss(mixes_labels=True)(0.7 * labels + 0.1, LOGITS)
    assert float(smoothed) == pytest.approx(float(by_hand), rel=1e-5)


@both
@pytest.mark.parametrize("from_logits", [True, False])
def test_the_metrics_are_those_of_the_evaluation(task, from_logits):
    evaluation = task.evaluate(LABELS[task], probabilities(task), NAMES)
    outputs = LOGITS if from_logits else probabilities(task)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Identity()])
    model.compile(loss=task.loss(), metrics=list(task.metrics(3, from_logits=from_logits)))
    answer = model.evaluate(outputs, LABELS[task], verbose=0, return_dict=True)
    score = task.test_score(evaluation.as_results())
    assert answer[task.validation_score] == pytest.approx(score, abs=0.02)  # Keras interpolates


@both
def test_results_in_words_give_the_score_first(task):
    results = task.evaluate(LABELS[task], probabilities(task), NAMES).as_results()
    words = task.results_in_words(results)
    assert next(iter(words.values())).startswith(f"{task.test_score(results):.2%}")


def test_a_loss_of_one_class_does_not_suit_samples_with_several():
    with pytest.raises(SettingError, match="'tags' may have several classes"):
        MultiLabel().expect_loss(SingleLabel().loss(), "tags")
