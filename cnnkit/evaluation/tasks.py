"""The two tasks of a classifier, and everything that differs between them.

In single-label classification each sample has exactly one class; in multi-label classification it
may have any number of them. A Dataset says which task it poses (`Dataset.task`). The rest of cnnkit
uses the methods of the task and never asks which of the two it is.
"""

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cnnkit.errors import SettingError
from cnnkit.evaluation.multi_label import MultiLabelEvaluation
from cnnkit.evaluation.single_label import Evaluation

if typing.TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SingleLabel:
    """Each sample has exactly one class.

    Attributes:
        name: What a model file calls the task.
        validation_score: The metric that a run reports beside the validation loss. The history
            has it under this name with `val_` before it.
        explains_answers: Whether an explanation can follow a sample's answer. Grad-CAM, confusions
            and mistakes beside their neighbours need a single answer.
    """

    name: typing.ClassVar[str] = "single_label"
    validation_score: typing.ClassVar[str] = "accuracy"
    explains_answers: typing.ClassVar[bool] = True

    def loss(
        self, *, label_smoothing: float = 0.0, mixes_labels: bool = False
    ) -> "keras.losses.Loss":
        """Return the loss of logits that an Experiment uses unless it is given another.

        Args:
            label_smoothing: Part of every label, from 0 to 1, that all classes share evenly.
            mixes_labels: Whether the augmentation mixes the labels of samples.

        Returns:
            Keras' cross-entropy with `from_logits=True`. It is the sparse one, which takes class
            indices, unless labels are smoothed or mixed.
        """
        if label_smoothing or mixes_labels:
            return _keras().losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=label_smoothing
            )
        return _keras().losses.SparseCategoricalCrossentropy(from_logits=True)

    def expect_loss(self, loss, dataset_name: str) -> None:
        """Accept every loss: Keras itself checks the shapes.

        Args:
            loss: The loss of an Experiment.
            dataset_name: The data set that an error would name.
        """

    def metrics(self, num_classes: int, *, from_logits: bool) -> tuple:
        """Return the metrics that an Experiment uses unless it is given others.

        Args:
            num_classes: Number of classes.
            from_logits: Whether the model outputs logits rather than probabilities.

        Returns:
            A tuple of metrics, as `keras.Model.compile` takes them.
        """
        return ("accuracy",)

    def output_layer(self, **options) -> "keras.Layer":
        """Return the layer that turns logits into probabilities: a softmax.

        Args:
            **options: Options of the Keras layer, such as `name` and `dtype`.

        Returns:
            A `keras.layers.Softmax`.
        """
        return _keras().layers.Softmax(**options)

    def evaluate(
        self, labels: np.ndarray, probabilities: np.ndarray, class_names: tuple[str, ...]
    ) -> Evaluation:
        """Return what predictions are worth.

        Args:
            labels: Class indices, shape (samples,), int.
            probabilities: Predictions, shape (samples, classes), rows sum to 1.
            class_names: One name a class.

        Returns:
            The Evaluation.
        """
        return Evaluation(labels, np.asarray(probabilities, np.float64), class_names)

    def test_score(self, results: Mapping) -> float | None:
        """Return the number by which runs are compared.

        Args:
            results: Test results, as `Evaluation.as_results` returns them.

        Returns:
            The accuracy, in [0, 1].
        """
        return results.get("accuracy")

    def results_in_words(self, results: Mapping) -> dict[str, str]:
        """Return test results as titles and values, for a terminal.

        Args:
            results: Test results, as `Evaluation.as_results` returns them.

        Returns:
            A value in words for each title.
        """
        rate = f"{results['accuracy']:.2%}"
        return {"test accuracy": f"{rate}  ({_counted(results, 'accuracy_interval')})"}


@dataclass(frozen=True)
class MultiLabel:
    """A sample may have any number of classes, also none; each class has a sigmoid of its own.

    Attributes:
        name: What a model file calls the task.
        validation_score: As of `SingleLabel`.
        explains_answers: As of `SingleLabel`.
    """

    name: typing.ClassVar[str] = "multi_label"
    validation_score: typing.ClassVar[str] = "average_precision"
    explains_answers: typing.ClassVar[bool] = False

    def loss(
        self, *, label_smoothing: float = 0.0, mixes_labels: bool = False
    ) -> "keras.losses.Loss":
        """Return the loss of logits that an Experiment uses unless it is given another.

        Args:
            label_smoothing: How far every label, 0 or 1, moves to one half; from 0 to 1.
            mixes_labels: Changes nothing here, as labels are a number a class in any case.

        Returns:
            Keras' binary cross-entropy with `from_logits=True`.
        """
        return _keras().losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)

    def expect_loss(self, loss, dataset_name: str) -> None:
        """Check that a loss allows several classes a sample.

        Args:
            loss: The loss of an Experiment.
            dataset_name: The data set that the error names.

        Raises:
            SettingError: The loss is a categorical one, which expects one class.
        """
        if "Categorical" in type(loss).__name__:
            raise SettingError(
                f"Samples of the data set {dataset_name!r} may have several classes, but the loss "
                f"{type(loss).__name__} takes one. Leave the loss out to get a sigmoid a class."
            )

    def metrics(self, num_classes: int, *, from_logits: bool) -> tuple:
        """Return the metrics that an Experiment uses unless it is given others.

        Args:
            num_classes: Number of classes.
            from_logits: Whether the model outputs logits rather than probabilities.

        Returns:
            Two Keras metrics: `label_accuracy`, the part of all labels that is right, and
            `average_precision`, the area under the precision-recall curve, averaged over classes.
        """
        # Keras reads "accuracy" here as: is the likeliest class the first true one?
        return (
            _keras().metrics.BinaryAccuracy("label_accuracy", threshold=0.0 if from_logits else 0.5),
            _keras().metrics.AUC(
                curve="PR", multi_label=True, num_labels=num_classes, from_logits=from_logits,
                name="average_precision",
            ),
        )  # fmt: skip

    def output_layer(self, **options) -> "keras.Layer":
        """Return the layer that turns logits into probabilities: a sigmoid a class.

        Args:
            **options: Options of the Keras layer, such as `name` and `dtype`.

        Returns:
            A `keras.layers.Activation`.
        """
        return _keras().layers.Activation("sigmoid", **options)

    def evaluate(
        self, labels: np.ndarray, probabilities: np.ndarray, class_names: tuple[str, ...]
    ) -> MultiLabelEvaluation:
        """Return what predictions are worth.

        Args:
            labels: 0 or 1 for each class, shape (samples, classes).
            probabilities: Predictions, shape (samples, classes), each in [0, 1].
            class_names: One name a class.

        Returns:
            The MultiLabelEvaluation.
        """
        return MultiLabelEvaluation(labels, np.asarray(probabilities, np.float64), class_names)

    def test_score(self, results: Mapping) -> float | None:
        """Return the number by which runs are compared.

        Args:
            results: Test results, as `MultiLabelEvaluation.as_results` returns them.

        Returns:
            The mean average precision, in [0, 1]; None where no sample has a class.
        """
        return results.get("mean_average_precision")

    def results_in_words(self, results: Mapping) -> dict[str, str]:
        """Return test results as titles and values, for a terminal.

        Args:
            results: Test results, as `MultiLabelEvaluation.as_results` returns them.

        Returns:
            A value in words for each title.
        """
        micro, macro = _percent(results["f1_micro"]), _percent(results["f1_macro"])
        exact = f"{results['exact_match']:.2%}"
        return {
            "test mAP": _percent(results["mean_average_precision"]),
            "test F1": f"{micro} micro, {macro} macro",
            "exact match": f"{exact}  ({_counted(results, 'exact_match_interval')})",
        }


Task = SingleLabel | MultiLabel
TASKS: tuple[Task, ...] = (SingleLabel(), MultiLabel())


def task_of_labels(labels: np.ndarray) -> Task:
    """Return the task that labels pose.

    Args:
        labels: Class indices, shape (samples,), or a number for each class, shape (samples,
            classes).

    Returns:
        MultiLabel where labels have two dimensions, else SingleLabel.
    """
    return MultiLabel() if np.ndim(labels) == 2 else SingleLabel()


def task_of_results(results: Mapping | None) -> Task:
    """Return the task that test results are of.

    Args:
        results: The `test` entry of a results.json; None or {} for a run that was not tested.

    Returns:
        MultiLabel where results have an exact match, else SingleLabel.
    """
    return MultiLabel() if results and "exact_match" in results else SingleLabel()


def _keras():
    import keras  # commands that only read results must not pay for Keras

    return keras


def _counted(results: Mapping, interval: str) -> str:
    low, high = results[interval]
    return f"{results['correct']} of {results['samples']}; 95 % interval {low:.2%} to {high:.2%}"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.2%}"
