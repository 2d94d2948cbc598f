"""Knowledge distillation: a student network learns from a teacher's outputs and the labels."""

import keras

from cnnkit.data.dataset import Dataset
from cnnkit.data.input_scale import input_scale
from cnnkit.errors import SettingError
from cnnkit.runs import Run


def distiller(
    student: keras.Model,
    teacher: Run,
    data: Dataset,
    *,
    temperature: float = 3.0,
    student_loss_weight: float = 0.5,
) -> keras.distillation.Distiller:
    """Return Keras' Distiller around a student, for `Experiment(model=...)`.

    The run saves the student alone. As in Hinton et al. 2015, https://arxiv.org/abs/1503.02531, the
    loss is a weighted sum: the loss of the labels, and the divergence between the probabilities of
    student and teacher, both softened by the temperature, times the temperature's square.

    Args:
        student: A model from images to logits, as an Experiment takes it.
        teacher: A run on the same data, whose network ends in logits.
        data: The student's data set.
        temperature: Softens the probabilities of both networks; greater than 0.
        student_loss_weight: Weight of the loss of the labels, from 0 to 1; the divergence has the
            rest.

    Returns:
        The Distiller. Teacher and student may take pixels in different ranges, as a pretrained
        network and one of `cnnkit.models` do.

    Raises:
        SettingError: The teacher's classes, pixels, image size or outputs differ from the student's.
    """
    class_names = tuple(teacher.dataset["class_names"])
    if class_names != tuple(data.class_names):
        raise SettingError(
            f"The {len(class_names)} classes of the teacher {teacher.name!r} differ from those of "
            f"the data set {data.name!r}."
        )
    divergence = keras.distillation.LogitsDistillation(
        temperature,
        # Keras 3.15 rejects its own default, "kl_divergence", for a single output.
        loss=keras.losses.KLDivergence(),
    )
    try:
        return keras.distillation.Distiller(
            _logits_of(teacher, data, input_scale(student, data)),
            student,
            divergence,
            student_loss_weight=student_loss_weight,
        )
    except ValueError as error:
        raise SettingError(f"{teacher.name!r} cannot teach {student.name!r}: {error}") from None


def as_json(model: keras.Model) -> dict | None:
    """Return how a model is distilled, for experiment.json.

    Args:
        model: The model of an Experiment.

    Returns:
        The teacher, the losses and their weights; None for a model that is not distilled.
    """
    if not isinstance(model, keras.distillation.Distiller):
        return None
    return {
        "teacher": model.teacher.name,
        "teacher_parameters": model.teacher.count_params(),
        "losses": [keras.saving.serialize_keras_object(loss) for loss in model.distillation_losses],
        "loss_weights": list(model.distillation_loss_weights),
        "student_loss_weight": model.student_loss_weight,
    }


def _logits_of(run: Run, data: Dataset, student_scale: float) -> keras.Model:
    """Return the network inside a run's model, as one that takes what the student takes."""
    layers = run.model.layers
    inner = [layer for layer in layers if isinstance(layer, keras.Model)]
    scale = next((e.scale for e in layers if isinstance(e, keras.layers.Rescaling)), 1)
    if len(inner) != 1 or not isinstance(layers[-1], keras.layers.Softmax):
        raise SettingError(f"The model of {run.name!r} has no logits to learn from.")
    needed = input_scale(inner[0], data)
    if scale != needed:
        raise SettingError(
            f"The teacher {run.name!r} takes pixels times {scale:g}, and those of the data set "
            f"{data.name!r} would have to be given times {needed:g}."
        )
    if scale == student_scale:
        return inner[0]
    pixels = keras.Input(data.image_shape, name="student_pixels")
    scaled = keras.layers.Rescaling(scale / student_scale, name="teacher_pixels")(pixels)
    return keras.Model(pixels, inner[0](scaled), name=inner[0].name)
