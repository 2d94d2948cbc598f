"""What a run says of itself in its model.keras, so that the file is of use without the run folder.

It stands in the file's metadata.json beside what Keras writes there. Keras does not look at it when it
opens a model, and leaves it out when it saves one again. Without cnnkit it is read by
`json.load(zipfile.ZipFile("model.keras").open("metadata.json"))["cnnkit"]`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnnkit import atomic
from cnnkit.errors import SettingError
from cnnkit.model_files import archive
from cnnkit.runs import files
from cnnkit.runs.run import Run
from cnnkit.runs.schemas import SCHEMAS, TEXT, mismatch, nested_too_deeply

KEY = "cnnkit"
TASKS = ("single_label", "multi_label")
# Of the machine rather than of the model, long, or in the file's own configuration.
_NOT_OF_THE_RECIPE = ("model", "callback_settings")
_NOT_OF_THE_SOURCE = ("file", "working_folder", "import_path")
_NOT_OF_THE_DATA = ("left_out", "repeated")
_SCHEMA: dict[str, Any] = {
    "task?": TEXT, "recipe": SCHEMAS["experiment.json"], "dataset": SCHEMAS["dataset.json"],
    "vocabulary": [TEXT],
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """What a model.keras says of how its model came about, and of what it takes and returns.

    Attributes:
        dataset: As a run's dataset.json: `name`, `content_hash`, `class_names`, `image_shape`,
            `value_range`, and `decoding`, which says how image files become inputs (`image_size`,
            `channels`, `fit`). Runs of `cnnkit.fit` on arrays know but some of it.
        recipe: As a run's experiment.json, without the layers, and without where its source lay.
        task: "single_label" or "multi_label"; None where the run does not know.
        vocabulary: The words that token numbers stand for, if inputs are texts.
    """

    dataset: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    task: str | None = None
    vocabulary: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """A name for each of the model's outputs; empty where they have none."""
        return tuple(map(str, self.dataset.get("class_names", ())))

    @property
    def data_hash(self) -> str | None:
        """SHA-256 of what the model was trained on; None where that is not known."""
        return self.dataset.get("content_hash")

    def added_to(self, content: bytes) -> bytes:
        """Return the content of a `.keras` file that says this of its model.

        Args:
            content: As Keras saves it.
        """
        described = {
            "task": self.task,
            "dataset": self.dataset,
            "recipe": self.recipe,
            "vocabulary": self.vocabulary,
        }
        return archive.with_metadata(content, {KEY: atomic.as_read(described)})


def description_of(run: Run, task: str | None = None) -> ModelDescription:
    """Return what a run's model file is to say, from the files that the run begins with.

    Args:
        run: The run.
        task: One of TASKS, or None.

    Raises:
        RunFolderError: The run folder does not hold its recipe or its data.
    """
    recipe = {name: part for name, part in run.experiment.items() if name not in _NOT_OF_THE_RECIPE}
    if isinstance(recipe.get("source"), dict):
        source = recipe["source"].items()
        recipe["source"] = {name: part for name, part in source if name not in _NOT_OF_THE_SOURCE}
    dataset = {name: part for name, part in run.dataset.items() if name not in _NOT_OF_THE_DATA}
    if isinstance(dataset.get("call"), dict):  # a loader's name, or the path of a folder
        dataset["call"] = dataset["call"] | {"name": Path(str(dataset["call"].get("name"))).name}
    return ModelDescription(
        dataset=dataset, recipe=recipe, task=task, vocabulary=_vocabulary_of(run)
    )


def read_description(path: str | os.PathLike) -> ModelDescription | None:
    """Read what a model.keras says of itself, without Keras and without opening the model.

    Args:
        path: The file.

    Returns:
        The description; None of a file that no run of cnnkit wrote, or that was saved again.

    Raises:
        MissingDataError: There is no such file.
        SettingError: It is no `.keras` file, or what it says is not what a run writes.
        RefusedFileError: It has members that no model needs, or declares far more than it holds.
    """
    return parse_description(path, archive.read_metadata(path))


def parse_description(path: str | os.PathLike, metadata: bytes) -> ModelDescription | None:
    """Return the description in a metadata.json.

    Args:
        path: The model file, for messages.
        metadata: The content of its metadata.json.

    Returns:
        As `read_description`.

    Raises:
        SettingError: What it says is not what a run writes.
    """
    try:
        content = json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from None
    if not isinstance(content, dict) or content.get(KEY) is None:
        return None
    described = content[KEY]
    wrong = "it is nested too deeply" if nested_too_deeply(described) else ""
    wrong = wrong or mismatch(described, _SCHEMA, KEY) or ""
    if wrong:
        raise _unreadable(path, wrong)
    return ModelDescription(
        dataset=described.get("dataset", {}),
        recipe=described.get("recipe", {}),
        task=described.get("task"),
        vocabulary=tuple(described.get("vocabulary", ())),
    )


def _unreadable(path: str | os.PathLike, reason: str) -> SettingError:
    return SettingError(
        f"The metadata in {path} cannot be read ({reason}): copy the file again, or give the run "
        "folder that it comes from."
    )


def _vocabulary_of(run: Run) -> tuple[str, ...]:
    try:
        text = files.read_bytes(run.folder, "vocabulary.txt").decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(text.removesuffix("\n").split("\n"))
