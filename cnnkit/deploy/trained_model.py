"""TrainedModel: a model ready for use, with what its inputs and outputs mean."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from cnnkit.deploy.inputs import ArrayInput, Inputs, PictureInput, SoundInput, TextInput
from cnnkit.deploy.probabilities import task_of_outputs, with_graph, with_probabilities
from cnnkit.deploy.sources import find_source
from cnnkit.errors import RunFolderError, SettingError
from cnnkit.evaluation.tasks import TASKS, Task, task_of_results
from cnnkit.model_files import load_model
from cnnkit.runs import files
from cnnkit.runs.model_description import read_description
from cnnkit.runs.run import Run
from cnnkit.transfer.catalogue import BackboneInfo
from cnnkit.transfer.imagenet import imagenet_classes, imagenet_classifier

FREE_SIZE = 224  # pixels a side, where a model takes pictures of any size


@dataclass(frozen=True)
class TrainedModel:
    """A model ready for use, with what its inputs and outputs mean.

    Attributes:
        name: What to call it: EXPERIMENT/RUN, the file's name or the backbone's.
        model: A `keras.Model`, not compiled, from a batch of raw inputs, as `inputs.batch` makes it,
            to the probabilities of the classes, shape (batch, classes).
        class_names: A name a class, in the order of the outputs.
        task: SingleLabel, where rows of probabilities sum to 1; or MultiLabel, where each
            probability stands for itself.
        inputs: How files become inputs: `inputs.shape`, `inputs.decode(bytes)`, `inputs.batch`.
        class_ids: Other names of the classes, such as ImageNet's WordNet ids; () if there are none.
    """

    name: str
    model: keras.Model
    class_names: tuple[str, ...]
    task: Task
    inputs: Inputs
    class_ids: tuple[str, ...] = ()

    def __repr__(self) -> str:
        kind, classes = type(self.task).__name__, len(self.class_names)
        return f"<TrainedModel {self.name!r}: {self.inputs.kind} {self.inputs.shape} -> {classes} classes, {kind}>"


def open_trained_model(
    source: str | os.PathLike | Run | BackboneInfo | keras.Model,
    *,
    runs_dir: str | os.PathLike = "runs",
    trust: bool = False,
    weights: str = "imagenet",
    class_names: Sequence[str] | None = None,
) -> TrainedModel:
    """Open a model for use: of a run, of a file, a pretrained one, or one in memory.

    Args:
        source: A run, its folder, the start of its name, or "latest"; the path of a .keras file; the
            name of a pretrained network; or a Keras model, which takes raw inputs, such as pixels
            from 0 to 255.
        runs_dir: The folder that holds the runs.
        trust: Whether to open a file that brings code, or that has changed since its run wrote it.
        weights: Of a pretrained network, as `transfer.imagenet_classifier` takes them.
        class_names: A name a class; None for those that the source knows, or else numbers. A run's
            model.keras knows them, and how files become inputs, also without its folder.

    Returns:
        The TrainedModel.

    Raises:
        UnknownNameError: Nothing has such a name.
        RunFolderError: The run has no model that can be used.
        MissingDataError: There is no such file, or the weights cannot be had.
        SettingError: It is no classifier, the file is damaged or refused, or there are not as many
            names as classes.
    """
    if not isinstance(source, Run | BackboneInfo | keras.Model):
        source = find_source(source, runs_dir)
    if isinstance(source, Run):
        opened = _of_run(Run(source.folder, trust=True) if trust else source)
    elif isinstance(source, BackboneInfo):
        opened = _pretrained(source, weights)
    elif isinstance(source, keras.Model):
        opened = _of_model(source.name, source)
    else:
        opened = _of_file(source, trust)
    return opened if class_names is None else _renamed(opened, tuple(map(str, class_names)))


def _of_run(run: Run) -> TrainedModel:
    model, tested = with_graph(run.model), run.results.get("test")
    name = f"{run.folder.absolute().parent.name}/{run.name}"
    task = task_of_results(tested) if tested else task_of_outputs(model)
    return _described(name, model, task, run.dataset, _vocabulary(run))


def _of_file(path: Path, trust: bool) -> TrainedModel:
    """Open a model file; one that a run wrote says what its inputs and outputs mean."""
    said, model = read_description(path), load_model(path, trust=trust)
    if said is None:
        return _of_model(path.stem, model)
    model = with_graph(model)
    task = next((each for each in TASKS if each.name == said.task), None) or task_of_outputs(model)
    return _described(path.stem, model, task, said.dataset, said.vocabulary)


def _described(
    name: str, model: keras.Model, task: Task, dataset: Mapping, vocabulary: tuple[str, ...]
) -> TrainedModel:
    usable, inputs = with_probabilities(name, model, task), _inputs(dataset, vocabulary, model)
    opened = TrainedModel(name, usable, _numbers(model), task, inputs)
    recorded = tuple(map(str, dataset.get("class_names") or ()))
    return _renamed(opened, recorded) if recorded else opened


def _pretrained(info: BackboneInfo, weights: str) -> TrainedModel:
    model = imagenet_classifier(info.name, weights)
    ids, labels = zip(*imagenet_classes(), strict=True)
    names = tuple(label.replace("_", " ") for label in labels)
    inputs = PictureInput((info.native_size,) * 2)
    return TrainedModel(info.name, model, names, task_of_outputs(model), inputs, ids)


def _of_model(name: str, model: keras.Model) -> TrainedModel:
    model = with_graph(model)
    task = task_of_outputs(model)
    usable = with_probabilities(name, model, task)
    return TrainedModel(name, usable, _numbers(model), task, _picture_or_array(model.input_shape))


def _renamed(opened: TrainedModel, names: tuple[str, ...]) -> TrainedModel:
    if len(names) != len(opened.class_names):
        raise SettingError(
            f"{opened.name} tells {len(opened.class_names)} classes apart, and there are "
            f"{len(names)} names of classes: {', '.join(names[:10])}."
        )
    return TrainedModel(
        opened.name, opened.model, names, opened.task, opened.inputs, opened.class_ids
    )


def _numbers(model: keras.Model) -> tuple[str, ...]:
    """Return names for classes that have none; a single output stands for two classes."""
    return tuple(map(str, range(max(model.output_shape[-1], 2))))


def _inputs(dataset: Mapping, vocabulary: tuple[str, ...], model: keras.Model) -> Inputs:
    """Return how the data of a run became inputs, as its dataset.json tells."""
    shape = tuple(model.input_shape[1:])
    call = dataset.get("call") or {}
    recorded = {**(call.get("options") or {}), **(dataset.get("decoding") or {})}
    if vocabulary:
        return TextInput(shape[0], vocabulary)
    if len(shape) == 1 and (rate := recorded.get("sampling_rate") or _rate_in_words(dataset)):
        return SoundInput(shape[0], int(rate))
    fit, value_range = recorded.get("fit", "stretch"), dataset.get("value_range") or (0, 255)
    return _picture_or_array((None, *shape), fit, tuple(value_range))


def _rate_in_words(dataset: Mapping) -> str | None:
    """Return the sampling rate as older runs record it."""
    found = re.search(r"(\d+) samples a second$", dataset.get("source") or "")
    return found and found[1]


def _vocabulary(run: Run) -> tuple[str, ...]:
    """Return the words that a run's token numbers stand for; () where its inputs are no texts."""
    if not (run.folder / "vocabulary.txt").exists():
        return ()
    try:
        content = files.read_bytes(run.folder, "vocabulary.txt").decode()
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{run.folder / 'vocabulary.txt'} cannot be read: {error}.") from None
    return tuple(content.removesuffix("\n").split("\n"))


def _picture_or_array(
    shape: tuple, fit: str = "stretch", value_range: tuple[float, float] = (0, 255)
) -> Inputs:
    if len(shape) != 4 or shape[-1] not in (1, 3):
        return ArrayInput(tuple(shape[1:]))
    height, width = (FREE_SIZE if side is None else side for side in shape[1:3])
    return PictureInput((height, width), shape[-1], fit, value_range)
