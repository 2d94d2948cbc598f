"""The run, image and class that a user names on the command line."""

from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from cnnkit.data.border import border_brightness, is_opposite
from cnnkit.data.images.decode import decode, read
from cnnkit.errors import BadImage, SettingError
from cnnkit.experiment.rebuild import dataset_of
from cnnkit.keras_import import import_keras
from cnnkit.runs.listing import resolve
from cnnkit.runs.run import Run

SPLITS = ("train", "validation", "test")


class RunImage(NamedTuple):
    """A run and one image for its model.

    Attributes:
        run: The run.
        model: The run's model, a `keras.Model`.
        pixels: The image as the model takes it, float32, shape (height, width, channels).
        title: What to call the image.
        label: The index of the class that the user asks about, or None.
    """

    run: Run
    model: Any
    pixels: np.ndarray
    title: str
    label: int | None


def load_run(word: str, runs_dir: str) -> tuple[Run, Any]:
    """Return a run and its model.

    Args:
        word: A run's folder, the start of its name, or "latest".
        runs_dir: Where the runs are.

    Returns:
        The run and its `keras.Model`.
    """
    run = resolve(word, runs_dir)
    import_keras()  # quietly, before the model imports it
    return run, run.model


def load_run_image(
    word: str, runs_dir: str, image: str, label: str | None = None, *, invert: bool = False
) -> RunImage:
    """Return a run, its model and an image for it.

    Args:
        word: A run's folder, the start of its name, or "latest".
        runs_dir: Where the runs are.
        image: An image file, or a sample of the run's data such as "test:3".
        label: A class by name or number.
        invert: Whether to exchange black and white.

    Returns:
        All of them as a RunImage.
    """
    run, model = load_run(word, runs_dir)
    pixels, title = image_for(run, image)
    low, high = run.dataset["value_range"]
    if invert:
        pixels = low + high - pixels
    _warn_of_inverted(run, pixels, title)
    return RunImage(run, model, pixels, title, class_index(run, label))


def image_for(run: Run, word: str) -> tuple[np.ndarray, str]:
    """Return an image as a run's model takes it.

    Args:
        run: The run.
        word: An image file, which is resized and converted as the training images were, or a
            sample of the run's data such as "test:3".

    Returns:
        The pixels, float32, shape (height, width, channels), and a title. The title of a sample
        names its class.

    Raises:
        SettingError: There is no such image, or the model does not take images.
    """
    split, colon, number = word.partition(":")
    if colon and split in SPLITS and number.isdecimal():
        return _sample(run, split, int(number))
    dataset = run.dataset
    shape = tuple(dataset["image_shape"])
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise SettingError(f"{run.name} takes inputs of shape {shape}, which are no images.")
    recorded = dataset.get("decoding") or {}
    fit = recorded.get("fit", "stretch")
    try:
        pixels = decode(read(word), shape[:2], channels=shape[-1], fit=fit)
    except BadImage as error:
        raise SettingError(
            f"{word} {error}; give an image file, or one of the data such as test:0."
        ) from error
    kind = "grey" if shape[-1] == 1 else "in colour"
    act = {"stretch": "stretched", "crop": "cut to its centre and resized"}.get(
        fit, f"fitted ({fit})"
    )
    like = ", as for training" if recorded else ""
    click.echo(f"{word} is {act} to {shape[0]} x {shape[1]} pixels, {kind}{like}.")
    low, high = dataset["value_range"]
    return (low + (high - low) * (pixels / np.float32(255))).astype("float32"), Path(word).name


def _warn_of_inverted(run: Run, pixels: np.ndarray, title: str) -> None:
    """Say so where the training images have a dark border and this image a light one, or reversed."""
    trained_on = run.dataset.get("border_brightness")  # older runs have none
    border = border_brightness(pixels[None], run.dataset["value_range"])
    if border is None or trained_on is None or not is_opposite(trained_on, border):
        return
    dark, light = "light on dark", "dark on light"
    here, there = (dark, light) if border < trained_on else (light, dark)
    click.echo(
        f"Warning: {title} is {here}, and {run.name} learnt from images that are {there}: its answer "
        "means little; --invert exchanges black and white.",
        err=True,
    )


def class_index(run: Run, word: str | None) -> int | None:
    """Return the index of a class.

    Args:
        run: The run whose classes count.
        word: The class by name or number, or None.

    Returns:
        The index, or None for None.

    Raises:
        SettingError: There is no such class.
    """
    names = run.dataset["class_names"]
    if word is None or word in names:
        return None if word is None else names.index(word)
    if word.isdecimal() and int(word) < len(names):
        return int(word)
    raise SettingError(f"There is no class {word!r}; there are {', '.join(names[:20])}.")


def _sample(run: Run, split: str, number: int) -> tuple[np.ndarray, str]:
    dataset = dataset_of(run)
    samples = dataset.splits[split]
    if number >= len(samples):
        raise SettingError(f"The {split} split has images 0 to {len(samples) - 1}, not {number}.")
    image = np.asarray(samples.inputs[np.array([number])][0], "float32")
    return image, f"{split}:{number} (is {dataset.named(samples.labels[number])})"
