"""The callback behind `Explain`: draws what a network sees, for TensorBoard, while it trains."""

import time
from pathlib import Path

import keras
import numpy as np

from cnnkit import explain
from cnnkit.data.dataset import Dataset
from cnnkit.data.input_scale import input_scale
from cnnkit.errors import SettingError
from cnnkit.explain.activations import last_of_each_resolution
from cnnkit.explain.attribution.cams import cam_function, grad_cam_weighting, target_layer
from cnnkit.explain.figures import tiles
from cnnkit.explain.outputs import predict_probabilities
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.keras_graph.compilation import compile_with_model
from cnnkit.models.distillation import student_of
from cnnkit.tensorboard import projector
from cnnkit.tensorboard.event_files import EventWriter

MAX_FILTERS = 64
MAPS_PER_IMAGE = 8  # feature maps of each image and stage


class ExplainCallback(keras.callbacks.Callback):
    """Draws what `Explain` asks for, and writes it as event files.

    Args:
        data: The data set that the model is trained on.
        folder: Folder for the event files and the projector.
        every: As of `Explain`.
        images: As of `Explain`.
        embedded: As of `Explain`.

    Attributes:
        seconds: How long each set of pictures took.
    """

    def __init__(self, data: Dataset, folder: Path, *, every: int, images: int, embedded: int):
        super().__init__()
        self.folder, self.every = folder, every
        self.seconds: list[float] = []
        self._data, self._embedded = data, min(embedded, len(data.validation))
        self._chosen = _of_different_classes(data.validation.labels, images)
        self._log: EventWriter  # open from the beginning of a training on
        self._last_written: int | None = None
        self._compute = None

    def on_train_begin(self, logs=None):
        """Read the images, and open the event file."""
        self.seconds.clear()
        self._last_written = self._compute = None
        split = self._data.validation
        self._scale = input_scale(student_of(self.model), self._data)
        self._images = np.asarray(split.inputs[self._chosen], "float32") * np.float32(self._scale)
        self._labels = split.labels[self._chosen]
        self._log = EventWriter(self.folder)

    def on_epoch_end(self, epoch, logs=None):
        """Write the pictures in the first epoch and every so many epochs."""
        self._epoch = epoch
        if epoch == 0 or (epoch + 1) % self.every == 0:
            self._write(epoch)

    def on_train_end(self, logs=None):
        """Write the pictures of the last epoch and the embeddings, then close the file."""
        if self._last_written != self._epoch:
            self._write(self._epoch)
        if self._embedded:
            self._project()
        self._log.close()

    def flush(self) -> None:
        """Write buffered events to the file."""
        self._log.flush()

    def _write(self, epoch: int) -> None:
        began = time.perf_counter()
        for tag, picture in self._pictures():
            self._log.image(tag, tiles.png(picture), epoch)
        self.seconds.append(time.perf_counter() - began)
        self._log.scalar("seconds", self.seconds[-1], epoch)
        self._last_written = epoch

    def _pictures(self):
        """Yield (tag, picture); leave out views for which the model has no layers."""
        model, images = student_of(self.model), self._images
        low, high = (value * self._scale for value in self._data.value_range)
        answers = predict_probabilities(model, images, len(images))
        shown = [tiles.picture(image, low, high) for image in images]
        bars = [tiles.bars(row, label) for row, label in zip(answers, self._labels, strict=True)]
        yield "decisions", tiles.grid([*shown, *bars], len(images))
        if self._compute is None:
            self._layers, self._compute = self._views()
        if not self._layers:
            return
        tensors = (keras.ops.convert_to_tensor(each) for each in (images, self._labels))
        *maps, cams = (as_numpy(each) for each in self._compute(*tensors))
        for path, values in zip(self._layers, maps, strict=True):
            top = max(float(values.max()), 1e-12)
            some = values[..., :MAPS_PER_IMAGE]
            rows = [tiles.picture(one, values.min(), top, 48) for image in some
                    for one in np.moveaxis(image, -1, 0)]  # fmt: skip
            yield f"feature_maps/{path}", tiles.grid(rows, some.shape[-1])
        heats = [tiles.heat(image, cam, low, high) for image, cam in zip(images, cams, strict=True)]
        yield "grad_cam", tiles.grid([*shown, *heats], len(images))
        try:
            filters = explain.filters(model)[:MAX_FILTERS]
        except SettingError:
            return
        yield "filters", tiles.grid([tiles.picture(one, side=48) for one in filters])

    def _views(self):
        """Return layers, and a function from images and labels to their maps and Grad-CAM.

        It is compiled once a training: compiling takes longer than drawing a small network's views.
        """
        model, images = student_of(self.model), self._images
        try:
            layers = last_of_each_resolution(hooks.feature_map_shapes(model, images))
        except SettingError:
            return [], lambda images, labels: ()
        read = hooks.feature_extractor(model, layers)
        cam = cam_function(grad_cam_weighting, model, *target_layer(model, images, None))
        compute = compile_with_model(lambda *batch: (*read(batch[0]), cam(*batch)), model)
        return layers, compute

    def _project(self) -> None:
        split, data = self._data.validation, self._data
        inputs = np.asarray(split.inputs[np.arange(self._embedded)], "float32")
        labels = split.labels[: self._embedded]
        batch = inputs * np.float32(self._scale)
        model = student_of(self.model)
        guesses = predict_probabilities(model, batch).argmax(axis=1)
        names = data.class_names
        projector.write_projector(
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
