"""Examine an export: open it in its own runtime, and compare its answers and speed with the model's."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from cnnkit.deploy.agreement import Agreement, Bound, agreement, expect_agreement
from cnnkit.deploy.formats.catalogue import Format
from cnnkit.deploy.samples import Samples
from cnnkit.deploy.speed import Speed, speed
from cnnkit.deploy.trained_model import TrainedModel
from cnnkit.errors import SettingError
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.keras_graph.compilation import compile_function

BATCH = 64


@dataclass(frozen=True)
class Exported:
    """One export, or the model itself in Keras, and how it did on real samples.

    Attributes:
        format: The format's name; "keras" for the model itself.
        precision: Of the weights.
        folder: Where the export is; None for the model itself.
        size: Bytes of the model's files; of the weights for the model itself.
        speed: How fast it is on this machine.
        score: Its accuracy on the samples (mean average precision where samples may have several
            classes), from 0 to 1; None if no labels are known.
        interval: Both ends of the accuracy's 95 % interval, or None.
        agreement: How far its probabilities are from those of the model; None for the model itself.
        samples: What it was checked on, in words.
    """

    format: str
    precision: str
    folder: Path | None
    size: int
    speed: Speed
    score: float | None
    interval: tuple[float, float] | None
    agreement: Agreement | None
    samples: str


class Examination:
    """The model's own answers on some samples, and exports compared with them.

    Args:
        trained: The model.
        check: The samples.
        bound: How far an export's answers may be from the model's.
    """

    def __init__(self, trained: TrainedModel, check: Samples, bound: Bound):
        self.trained, self.check, self.bound = trained, check, bound

    def of_model(self, model: keras.Model) -> Exported:
        """Examine the model itself, before its exports.

        Args:
            model: As `exportable` returns it.
        """
        # Unlike `predict`, this does not set up a data pipeline at each call.
        compiled = compile_function(lambda inputs: model(inputs, training=False)["probabilities"])

        def classify(inputs):
            return as_numpy(compiled(keras.ops.convert_to_tensor(inputs)))

        self.expected = self._answers(classify)
        size = sum(int(np.prod(each.shape)) for each in model.weights) * 4
        return self._row("keras", "float32", None, size, classify, self.expected, None)

    def of_export(self, plan: Format, precision: str, part: Path, folder: Path) -> Exported:
        """Examine an export.

        Args:
            plan: Its format.
            precision: Of its weights.
            part: Where it is.
            folder: Where it will be.

        Raises:
            SettingError: The runtime cannot run it, or it answers otherwise (`RefusedExportError`).
        """
        size = sum(file.stat().st_size for file in part.rglob("*") if file.is_file())
        try:
            classify = plan.module().load(part)
            found = self._answers(classify)
        except Exception as error:  # a runtime raises anything at an operation that it lacks
            reason = " ".join(str(error).split())[:300]
            raise SettingError(
                f"{plan.title}'s own runtime cannot run the exported {self.trained.name}: {reason}"
            ) from error
        seen = agreement(self.expected, found)
        title = plan.title if precision == "float32" else f"{plan.title} in {precision}"
        scores = self._score(self.expected)[0], self._score(found)[0]
        known = None if None in scores else scores
        expect_agreement(title, precision, self.bound, seen, known)
        return self._row(plan.name, precision, folder, size, classify, found, seen)

    def _answers(self, classify: Callable) -> np.ndarray:
        inputs = self.check.inputs
        batches = (inputs[at : at + BATCH] for at in range(0, len(inputs), BATCH))
        return np.concatenate([classify(batch.astype(np.float32)) for batch in batches])

    def _score(self, probabilities: np.ndarray) -> tuple:
        if self.check.labels is None:
            return None, None
        task = self.trained.task
        evaluation = task.evaluate(self.check.labels, probabilities, self.trained.class_names)
        results = evaluation.as_results()
        return task.test_score(results), results.get("accuracy_interval")

    def _row(self, format, precision, folder, size, classify, answers, seen) -> Exported:
        score, interval = self._score(answers)
        fast = speed(classify, self.check.inputs)
        words = self.check.origin
        return Exported(format, precision, folder, size, fast, score, interval, seen, words)
