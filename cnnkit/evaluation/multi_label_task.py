"""MultiLabel: the task of a classifier where a sample may have any number of classes."""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnnkit.errors import SettingError
from cnnkit.evaluation.measures import Measures
from cnnkit.evaluation.multi_label import MultiLabelEvaluation
from cnnkit.evaluation.multi_label_measures import measure_multi_label
from cnnkit.evaluation.task_words import counted, lazy_keras, percent

if typing.TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class MultiLabel:
    """A sample may have any number of classes, also none; each class has a sigmoid of its own.

    Attributes:
        name: What a model file calls the task.
        validation_score: As of `SingleLabel`.
        explains_answers: As of `SingleLabel`.
        names_several: As of `SingleLabel`.
        answer_columns: As of `SingleLabel`.
    """

    name: typing.ClassVar[str] = "multi_label"
    validation_score: typing.ClassVar[str] = "average_precision"
    explains_answers: typing.ClassVar[bool] = False
    names_several: typing.ClassVar[bool] = True
    answer_columns: typing.ClassVar[tuple[str, str]] = ("labels", "probabilities")

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
        return lazy_keras().losses.BinaryCrossentropy(
            from_logits=True, label_smoothing=label_smoothing
        )

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
            lazy_keras().metrics.BinaryAccuracy("label_accuracy", threshold=0.0 if from_logits else 0.5),
            lazy_keras().metrics.AUC(
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
        return lazy_keras().layers.Activation("sigmoid", **options)

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
        micro, macro = percent(results["f1_micro"]), percent(results["f1_macro"])
        exact = f"{results['exact_match']:.2%}"
        return {
            "test mAP": percent(results["mean_average_precision"]),
            "test F1": f"{micro} micro, {macro} macro",
            "exact match": f"{exact}  ({counted(results, 'exact_match_interval')})",
        }

    def answers(self, probabilities: np.ndarray, threshold: float | None = None) -> np.ndarray:
        """Return the classes that a prediction names.

        Args:
            probabilities: Of one sample, shape (classes,).
            threshold: The least probability of an answer, from 0 to 1; None takes those above one
                half.

        Returns:
            Indices of classes, the most probable first, shape (answers,), int.
        """
        chosen = probabilities > 0.5 if threshold is None else probabilities >= threshold
        order = np.argsort(-probabilities, kind="stable")
        return order[chosen[order]]

    def certainty(self, probabilities: np.ndarray) -> float:
        """Return how sure a prediction is.

        Args:
            probabilities: Of one sample, shape (classes,).

        Returns:
            Twice the distance from one half of the class that is nearest to it, in [0, 1].
        """
        return float(2 * np.abs(probabilities - 0.5).min())

    def measure(
        self,
        labels: np.ndarray,
        probabilities: np.ndarray,
        class_names: tuple[str, ...],
        *,
        resamples: int,
        seed: int,
    ) -> Measures:
        """Return all that predictions say, with intervals.

        Args:
            labels: As of `evaluate`.
            probabilities: As of `evaluate`.
            class_names: As of `evaluate`.
            resamples: How often the bootstrap draws.
            seed: What it draws from.

        Returns:
            The Measures.
        """
        evaluation = self.evaluate(labels, probabilities, class_names)
        return measure_multi_label(evaluation, resamples=resamples, seed=seed)

    def labels_among(
        self, labels: np.ndarray, pairs: Sequence[int | None], num_classes: int
    ) -> np.ndarray:
        """Return the labels of some data as a model numbers its classes.

        Args:
            labels: 0 or 1 for each class of the data, shape (samples, classes); or class indices,
                shape (samples,), of samples that have one class each.
            pairs: The model's class for each class of the data; None where it knows none.
            num_classes: How many classes the model has.

        Returns:
            0 or 1 for each class of the model, shape (samples, num_classes), float32.
        """
        flags = labels if labels.ndim == 2 else np.arange(len(pairs)) == labels[:, None]
        found = np.zeros((len(labels), num_classes), np.float32)
        for column, place in enumerate(pairs):
            if place is not None:
                found[:, place] = np.maximum(found[:, place], flags[:, column])
        return found
