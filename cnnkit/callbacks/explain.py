"""Explain: what a network sees, written for TensorBoard while it learns."""

import time
from pathlib import Path

import keras
import numpy as np

from cnnkit import explain
from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError
from cnnkit.explain.activations import last_of_each_resolution
from cnnkit.explain.attribution.cams import cam_function, grad_cam_weighting, target_layer
from cnnkit.explain.figures import tiles
from cnnkit.explain.outputs import predict_probabilities
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.compiled import compiled_beside_training
from cnnkit.keras_graph.cuts import student_of
from cnnkit.settings import expect_counts
from cnnkit.tensorboard import projector
from cnnkit.tensorboard.event_files import EventLog

MOST_FILTERS = 64
MAPS = 8  # of each image and stage


class Explain(keras.callbacks.Callback):
    """Writes filters, feature maps, Grad-CAM, decisions and embeddings, every so many epochs.

    data: the data set the model is trained on; the pictures are of its validation split, the first
    ones of different classes, always the same. every: epochs from one writing to the next; the
    first and the last epoch are written, too. images: how many pictures. embedded: how many
    validation images the embedding projector shows; 0 for none. folder: where; a run's own
    tensorboard/explain without one.

    Tags: `filters`, `feature_maps/LAYER` (a row an image), `grad_cam` and `decisions` (a column a
    class, the right one in orange). The seconds it took are in `seconds`. The report of a run with
    this callback also follows one image number by number, changes some, and shows these pictures
    epoch by epoch.
    """

    def __init__(
        self,
        data: Dataset,
        *,
        every: int = 10,
        images: int = 6,
        embedded: int = 500,
        folder: str | Path | None = None,
    ):
        super().__init__()
        expect_counts(every=every, images=images)
        if len(data.image_shape) != 3 or not data.task.explains_answers:
            raise SettingError(
                f"Explain shows images of one class each, and {data.name!r} has inputs of shape "
                f"{data.image_shape} and labels of shape {data.validation.labels.shape}."
            )
        self.folder = None if folder is None else Path(folder)
        self.every, self.seconds = every, []
        self._data, self._embedded = data, min(embedded, len(data.validation))
        self._chosen = _of_different_classes(data.validation.labels, images)
        self._log = self._written = self._see = None

    def on_train_begin(self, logs=None):
        """Read the images, and open the log."""
        if self.folder is None:
            raise SettingError("Outside a run, Explain needs a folder=... to write to.")
        self.seconds.clear()
        self._written = self._see = None
        split, scale = self._data.validation, self._data.scale
        self._images = np.asarray(split.inputs[self._chosen], "float32") * np.float32(scale)
        self._labels = split.labels[self._chosen]
        self._log = EventLog(self.folder)

    def on_epoch_end(self, epoch, logs=None):
        """Write, where it is time."""
        self._epoch = epoch
        if epoch == 0 or (epoch + 1) % self.every == 0:
            self._write(epoch)

    def on_train_end(self, logs=None):
        """Write the last epoch and the embeddings, and what is buffered."""
        if self._written != self._epoch:
            self._write(self._epoch)
        if self._embedded:
            self._project()
        self._log.close()

    def flush(self) -> None:
        """Write out what is buffered."""
        self._log.flush()

    def _write(self, epoch: int) -> None:
        began = time.perf_counter()
        for tag, picture in self._pictures():
            self._log.image(tag, tiles.png(picture), epoch)
        self.seconds.append(time.perf_counter() - began)
        self._log.scalar("seconds", self.seconds[-1], epoch)
        self._written = epoch

    def _pictures(self):
        """Yield (tag, picture); views that the model has no layers for are left out."""
        model, images = student_of(self.model), self._images
        low, high = (value * self._data.scale for value in self._data.value_range)
        answers = predict_probabilities(model, images, len(images))
        seen = [tiles.picture(image, low, high) for image in images]
        decided = [tiles.bars(row, label) for row, label in zip(answers, self._labels, strict=True)]
        yield "decisions", tiles.grid([*seen, *decided], len(images))
        if self._see is None:
            self._layers, self._see = self._views()
        if not self._layers:
            return
        tensors = (keras.ops.convert_to_tensor(each) for each in (images, self._labels))
        *maps, cams = (keras.ops.convert_to_numpy(each) for each in self._see(*tensors))
        for path, values in zip(self._layers, maps, strict=True):
            top = max(float(values.max()), 1e-12)
            some = values[..., :MAPS]
            rows = [tiles.picture(one, values.min(), top, 48) for image in some
                    for one in np.moveaxis(image, -1, 0)]  # fmt: skip
            yield f"feature_maps/{path}", tiles.grid(rows, some.shape[-1])
        heats = [tiles.heat(image, cam, low, high) for image, cam in zip(images, cams, strict=True)]
        yield "grad_cam", tiles.grid([*seen, *heats], len(images))
        try:
            filters = explain.filters(model)[:MOST_FILTERS]
        except SettingError:
            return
        yield "filters", tiles.grid([tiles.picture(one, side=48) for one in filters])

    def _views(self):
        """Return layers, and a function from images and labels to their maps and Grad-CAM.

        Compiled once for the whole of training, which is most of what a small network's views cost.
        """
        model, images = student_of(self.model), self._images
        try:
            layers = last_of_each_resolution(hooks.feature_map_shapes(model, images))
        except SettingError:
            return [], lambda images, labels: ()
        read = hooks.feature_extractor(model, layers)
        cam = cam_function(grad_cam_weighting, model, *target_layer(model, images, None))
        see = compiled_beside_training(lambda *batch: (*read(batch[0]), cam(*batch)), model)
        return layers, see

    def _project(self) -> None:
        split, data = self._data.validation, self._data
        inputs = np.asarray(split.inputs[np.arange(self._embedded)], "float32")
        labels = split.labels[: self._embedded]
        batch = inputs * np.float32(data.scale)
        model = student_of(self.model)
        guesses = predict_probabilities(model, batch).argmax(axis=1)
        names = data.class_names
        projector.write(
            self.folder,
            f"validation images after epoch {self._epoch + 1}",
            explain.embeddings(model, batch),
            {
                "label": [names[label] for label in labels],
                "predicted": [names[guess] for guess in guesses],
                "right": ["yes" if a == b else "no" for a, b in zip(labels, guesses, strict=True)],
            },
            projector.thumbnails(inputs, *data.value_range),
        )


def _of_different_classes(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the first samples of each class in turn, as indices."""
    turns = np.zeros(len(labels), "int64")  # how many of its class came before
    for index in np.unique(labels):
        own = labels == index
        turns[own] = np.arange(own.sum())
    return np.lexsort((labels, turns))[:count]
