"""What the explorer shows of a run: its network, its classes, and pictures of its test split."""

import base64
import io
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
from PIL import Image

from cnnkit.data.border import DARK
from cnnkit.errors import CnnkitError, SettingError
from cnnkit.evaluation import Evaluation
from cnnkit.experiment.rebuild import dataset_of
from cnnkit.explain.outputs import predict_probabilities
from cnnkit.explorer.document import Document, Preparation, Sample, document
from cnnkit.explorer.patches import exciting_patches
from cnnkit.runs.run import Run
from cnnkit.tensorboard.film import film_frames

RIGHT, MISTAKES = 10, 8  # test pictures to choose from
LOOKED_AT = 4_000_000  # pixels of the test pictures among which mistakes are searched
MOST_FRAMES = 12  # of the film
SEARCHED = 3_000_000  # pixels of the training pictures among which patches are searched


@dataclass(frozen=True)
class OpenedRun:
    """A run, ready to be explored.

    Attributes:
        model: Its model, from raw pixels to probabilities.
        document: What the page is told.
        notes: Sentences on what is left out, and why.
    """

    model: keras.Model
    document: Document
    notes: tuple[str, ...] = ()


def open_run(run: Run, *, precision: Literal["float32", "float16"] = "float32") -> OpenedRun:
    """Open a run for the explorer.

    Args:
        run: The run; one of a network of pictures.
        precision: As `document` takes it.

    Returns:
        Model and document. Test pictures and what excites each filter are left out where the data are
        gone; the notes say so.

    Raises:
        SettingError: The network does not classify pictures.
        RunFolderError: The run has no model, or its folder is damaged.
    """
    model, recorded = run.model, run.dataset
    preparation = preparation_of(recorded)
    notes = []
    samples: list[Sample] = []
    patches: dict[str, dict] = {}
    try:
        data = dataset_of(run)
        samples = test_pictures(model, data)
        patches = exciting_patches(
            model, _some(data.train.inputs, SEARCHED), value_range=data.value_range
        )
    except CnnkitError as error:
        notes.append(f"Pictures of the data are left out: {error}")
    described = document(
        model,
        recorded["class_names"],
        preparation,
        name=str(run.experiment.get("experiment") or run.name),
        samples=samples,
        patches=patches,
        multi_label=bool(recorded.get("multi_label")),
        precision=precision,
    )
    frames = film_of(run)
    network = described.network | ({"film": frames} if frames else {})
    return OpenedRun(model, Document(network, described.weights), tuple(notes))


def film_of(run: Run) -> list[dict]:
    """Return the pictures that a run drew while it trained, as the page takes them.

    Args:
        run: The run.

    Returns:
        Epochs, counted from 1, with a PNG as a data address; [] where the run drew none.
    """
    try:
        frames = film_frames(run.folder / "tensorboard" / "explain")
    except SettingError:
        return []
    epochs = list(frames)
    chosen = np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_FRAMES)).round().astype(int)
    return [
        {"epoch": epochs[n], "image": _data_address(frames[epochs[n]])} for n in chosen.tolist()
    ]


def _data_address(frame: np.ndarray) -> str:
    content = io.BytesIO()
    Image.fromarray(frame).save(content, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"


def preparation_of(recorded: dict) -> Preparation:
    """Return how pictures become a network's input, by the rule of its training data.

    Args:
        recorded: A run's dataset.json.

    Raises:
        SettingError: The data are no pictures.
    """
    shape = tuple(recorded["image_shape"])
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise SettingError(
            f"The run's data have shape {shape}; the explorer shows networks of pictures, "
            "(height, width, 1 or 3)."
        )
    border = recorded.get("border_brightness")
    decoding = recorded.get("decoding") or {}
    return Preparation(
        height=shape[0],
        width=shape[1],
        channels=shape[2],
        fit="crop" if decoding.get("fit", "crop") == "crop" else "stretch",
        range=tuple(recorded["value_range"]),
        light_on_dark=shape[2] == 1 and border is not None and border < DARK,
    )


def test_pictures(model: keras.Model, data) -> list[Sample]:
    """Choose test pictures: some that the network gets right, of all classes, and its worst mistakes.

    Args:
        model: From raw pixels to probabilities.
        data: The Dataset.

    Returns:
        The right ones first. Where a picture may have several classes, the first ones.
    """
    inputs = _some(data.test.inputs, LOOKED_AT)
    probabilities = np.asarray(predict_probabilities(model, inputs), np.float64)
    best = probabilities.argmax(axis=1)
    labels: list[int | None]
    if data.task.explains_answers:
        labels = [int(label) for label in data.test.labels[: len(inputs)]]
        evaluation = Evaluation(np.asarray(labels), probabilities, data.class_names)
        right = _of_all_classes(np.flatnonzero(evaluation.is_correct), best, RIGHT)
        chosen = [*right, *evaluation.worst_mistakes(MISTAKES)]
    else:
        labels, chosen = [None] * len(inputs), list(range(min(RIGHT, len(inputs))))
    low, high = data.value_range
    pixels = np.clip((inputs[chosen].astype("float64") - low) / (high - low) * 255, 0, 255)
    return [
        Sample(np.rint(picture), int(best[n]), float(probabilities[n, best[n]]), labels[n])
        for n, picture in zip(chosen, pixels, strict=True)
    ]


def _of_all_classes(samples: np.ndarray, classes: np.ndarray, count: int) -> list[int]:
    """Return samples of as many classes as there are, one after another."""
    seen: dict[int, int] = {}
    turns = []
    for sample in samples:
        turns.append(seen.get(classes[sample], 0))
        seen[classes[sample]] = turns[-1] + 1
    order = sorted(range(len(samples)), key=lambda n: (turns[n], classes[samples[n]]))
    return [int(samples[n]) for n in order[:count]]


def _some(inputs, pixels: int) -> np.ndarray:
    """Return the first pictures, as many as have so many pixels together; twenty at least."""
    count = max(20, pixels // int(np.prod(inputs.shape[1:3])))
    return np.asarray(inputs[np.arange(min(len(inputs), count))])
