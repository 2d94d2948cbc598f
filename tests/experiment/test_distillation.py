"""A small network that learns from a larger one, in runs."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.callbacks import Explain
from cnnkit.errors import SettingError
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.distillation import distiller
from cnnkit.training.deployment import deployable_model

RATE = 1e-20  # the networks all but stand still, so that their losses are known
TEMPERATURE, WEIGHT = 2.0, 0.3


class Fail(keras.callbacks.Callback):
    """Raises an error once, at a step of an epoch."""

    at = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == Fail.at:
            Fail.at = None
            raise RuntimeError("the power failed")


def digits():
    return data.digits(image_size=8)


def large():
    return Experiment(
        data=digits(),
        model=models.mlp((8, 8, 1), 10, hidden_units=(12,)),
        optimizer=keras.optimizers.SGD(),
        epochs=1,
    )


def small(teacher: str = "", learning_rate: float = RATE, epochs: int = 1, explained: bool = False):
    """A student."""
    known = digits()
    student = models.mlp((8, 8, 1), 10, hidden_units=())
    model = distiller(
        student, cnnkit.runs.Run(teacher), known,
        temperature=TEMPERATURE, student_loss_weight=WEIGHT,
    )  # fmt: skip
    optimizer = keras.optimizers.SGD(learning_rate)
    explain = Explain(images=2, embedded=9) if explained else None
    return Experiment(
        data=known, model=model, optimizer=optimizer, epochs=epochs, callbacks=(Fail(),),
        explain=explain,
    )  # fmt: skip


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """The folder of a run, as far as a teacher needs one; what it teaches need not be right."""
    keras.utils.set_random_seed(5)
    run = cnnkit.runs.Run.create(tmp_path_factory.mktemp("runs"), "large", "teacher")
    run.write_status("finished")
    run.write_json("dataset.json", {"class_names": digits().class_names})
    deployable_model(large()).save(run.folder / "model.keras")
    return str(run.folder)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.slow
def test_the_loss_is_hintons_and_the_run_keeps_the_student(teacher, tmp_path):
    keras.utils.set_random_seed(0)
    known = small(teacher)
    kernel, bias = known.network.get_weights()
    run = cnnkit.run(small, teacher=teacher, runs_dir=tmp_path)
    split = known.data.validation
    images = np.asarray(split.inputs[:], np.float64).reshape(len(split), -1) * known.data.scale
    logits = images @ kernel + bias
    hidden, shift, out, last = cnnkit.runs.Run(teacher).model.get_weights()
    taught = np.maximum(images @ hidden + shift, 0) @ out + last
    by_labels = -np.log(softmax(logits)[np.arange(len(split)), split.labels]).mean()
    soft, answer = softmax(taught / TEMPERATURE), softmax(logits / TEMPERATURE)
    by_teacher = TEMPERATURE**2 * (soft * np.log(soft / answer)).sum(axis=1).mean()
    (loss,), (accuracy,) = (run.history[f"val_{name}"] for name in ("loss", "accuracy"))
    assert loss == pytest.approx(WEIGHT * by_labels + (1 - WEIGHT) * by_teacher, rel=1e-4)
    assert accuracy == pytest.approx((logits.argmax(axis=1) == split.labels).mean(), rel=1e-5)
    for ours, theirs in zip(run.model.get_weights(), (kernel, bias), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-15)
    told = run.experiment["distillation"]
    assert told["losses"][0]["config"]["temperature"] == TEMPERATURE
    assert told["teacher_parameters"] == 64 * 12 + 12 + 12 * 10 + 10


@pytest.mark.slow
def test_stopped_in_mid_epoch_it_ends_with_the_same_bits(teacher, tmp_path):
    settings = {"teacher": teacher, "learning_rate": 0.1, "epochs": 2, "explained": True}
    settings["runs_dir"] = tmp_path
    whole = cnnkit.run(small, name="whole", **settings)
    Fail.at = (1, 5)
    with pytest.raises(RuntimeError, match="power"):
        cnnkit.run(small, name="it", checkpoint_steps=4, **settings)
    run = cnnkit.resume(small, cnnkit.runs.resolve("it", tmp_path))
    assert run.status["resumed"][0]["step"] == 4
    assert run.results["test"] == whole.results["test"]
    for ours, theirs in zip(run.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    taught = cnnkit.runs.Run(teacher).model.get_weights()
    assert len(run.model.get_weights()) < len(taught)


def test_a_teacher_of_other_things_is_refused(teacher):
    known, run = digits(), cnnkit.runs.Run(teacher)
    student = models.mlp((8, 8, 1), 10, hidden_units=())
    other = replace(known, class_names=tuple("abcdefghij"))
    with pytest.raises(SettingError, match="10 classes of the teacher 'teacher' differ"):
        distiller(student, run, other)
    with pytest.raises(SettingError, match="times"):
        distiller(student, run, replace(known, value_range=(0, 256)))
    with pytest.raises(SettingError, match="cannot teach"):
        distiller(models.mlp((9, 9, 1), 10, hidden_units=()), run, known)


def test_the_built_in_experiment_takes_a_teacher(teacher):
    options = {"dataset_options": {"image_size": 8}, "model": "mlp"}
    made = built_in_experiment(**options, teacher=teacher)
    assert isinstance(made.model, keras.distillation.Distiller)
    assert made.network is made.model.student
    taught = made.model.teacher.get_weights()
    for ours, theirs in zip(taught, cnnkit.runs.Run(teacher).model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
