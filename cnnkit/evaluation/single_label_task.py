"""SingleLabel: the task of a classifier where each sample has exactly one class."""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnnkit.errors import SettingError
from cnnkit.evaluation.measures import Measures
from cnnkit.evaluation.single_label import Evaluation
from cnnkit.evaluation.single_label_measures import measure_single_label
from cnnkit.evaluation.task_words import counted, lazy_keras

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
        names_several: Whether a prediction may name several classes.
        answer_columns: What the answers and their probabilities are called in a table.
    """

    name: typing.ClassVar[str] = "single_label"
    validation_score: typing.ClassVar[str] = "accuracy"
    explains_answers: typing.ClassVar[bool] = True
    names_several: typing.ClassVar[bool] = False
    answer_columns: typing.ClassVar[tuple[str, str]] = ("label", "probability")

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
            return lazy_keras().losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=label_smoothing
            )
        return lazy_keras().losses.SparseCategoricalCrossentropy(from_logits=True)

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
        return lazy_keras().layers.Softmax(**options)

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
        return {"test accuracy": f"{rate}  ({counted(results, 'accuracy_interval')})"}

    def answers(self, probabilities: np.ndarray, threshold: float | None = None) -> np.ndarray:
        """Return the class that a prediction names.

        Args:
            probabilities: Of one sample, shape (classes,).
            threshold: The least probability of an answer, from 0 to 1; None takes any.

        Returns:
            The index of the most probable class, shape (1,), int; shape (0,) if it is below the
            threshold.
        """
        best = np.argmax(probabilities, keepdims=True)
        return best if threshold is None else best[probabilities[best] >= threshold]

    def certainty(self, probabilities: np.ndarray) -> float:
        """Return how sure a prediction is.

        Args:
            probabilities: Of one sample, shape (classes,), at least 2 classes.

        Returns:
            The probability of the best class minus that of the second, in [0, 1].
        """
        second, best = np.partition(probabilities, -2)[-2:]
        return float(best - second)

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
        return measure_single_label(evaluation, resamples=resamples, seed=seed)

    def labels_among(
        self, labels: np.ndarray, pairs: Sequence[int | None], num_classes: int
    ) -> np.ndarray:
        """Return the labels of some data as a model numbers its classes.

        Args:
            labels: Class indices of the data, shape (samples,).
            pairs: The model's class for each class of the data; None where it knows none.
            num_classes: How many classes the model has.

        Returns:
            Class indices of the model, shape (samples,), int.

        Raises:
            SettingError: The data have several classes a sample.
        """
        if labels.ndim == 2:
            raise SettingError(
                "The data have several classes a sample, and the model tells one: use data with "
                "one class each."
            )
        return np.array([-1 if place is None else place for place in pairs])[labels]
