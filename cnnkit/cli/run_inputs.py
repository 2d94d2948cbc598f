"""A run's model and images: the data it was trained on, one image of them, or any image file."""

from pathlib import Path

import click
import numpy as np

from cnnkit import keras_import
from cnnkit.data.images.decode import BadImage, decode, read
from cnnkit.errors import SettingError
from cnnkit.experiment.rebuild import dataset_of
from cnnkit.runs import Run, resolve

SPLITS = ("train", "validation", "test")


def image_for(run: Run, word: str) -> tuple[np.ndarray, str]:
    """Return an image as a run's model takes it, float32, and what to call it.

    word: an image file, which is brought to the model's size and channels by the rules of the
    data, or "test:3" for an image of a split, whose label is then told.
    """
    split, colon, number = word.partition(":")
    if colon and split in SPLITS and number.isdecimal():
        return _from_split(run, split, int(number))
    kept = run.dataset
    shape = tuple(kept["image_shape"])
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise SettingError(f"{run.name} takes inputs of shape {shape}, which are no images.")
    try:
        pixels = decode(read(word), shape[:2], channels=shape[-1])
    except BadImage as error:
        raise SettingError(
            f"{word} {error}; give an image file, or one of the data such as test:0."
        ) from error
    kind = "grey" if shape[-1] == 1 else "in colour"
    click.echo(f"{word} is stretched to {shape[0]} x {shape[1]} pixels, {kind}, as for training.")
    low, high = kept["value_range"]
    return (low + (high - low) * (pixels / np.float32(255))).astype("float32"), Path(word).name


def _from_split(run, split, number) -> tuple[np.ndarray, str]:
    dataset = dataset_of(run)
    chosen = dataset.splits[split]
    if number >= len(chosen):
        raise SettingError(f"The {split} split has images 0 to {len(chosen) - 1}, not {number}.")
    image = np.asarray(chosen.inputs[np.array([number])][0], "float32")
    return image, f"{split}:{number} (is {dataset.named(chosen.labels[number])})"


def class_index(run: Run, word: str | None) -> int | None:
    """Return the index of a class given by its name or number, None for none."""
    names = run.dataset["class_names"]
    if word is None or word in names:
        return None if word is None else names.index(word)
    if word.isdecimal() and int(word) < len(names):
        return int(word)
    raise SettingError(f"There is no class {word!r}; there are {', '.join(names[:20])}.")


def model_of(word: str, runs_dir: str):
    """Return (run, its model), found by the word that names the run."""
    run = resolve(word, runs_dir)
    keras_import.import_keras()
    return run, run.model


def opened(word: str, runs_dir: str, image: str, label: str | None = None) -> tuple:
    """Return (run, model, image as the model takes it, what to call the image, class index)."""
    run, model = model_of(word, runs_dir)
    pixels, name = image_for(run, image)
    return run, model, pixels, name, class_index(run, label)


def write_picture(figure, path: Path) -> None:
    """Write a figure as a PNG file, and say so."""
    from cnnkit import plots

    try:
        path.write_bytes(plots.png(figure))
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror}.") from error
    click.echo(f"Picture  {path}")
