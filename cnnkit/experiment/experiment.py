"""Experiment: what `model.fit` needs, checked before anything is trained."""

import dataclasses
import os
from dataclasses import dataclass

import keras

from cnnkit.callbacks.explain import Explain
from cnnkit.data.catalogue import load
from cnnkit.data.dataset import Dataset
from cnnkit.data.input_scale import input_scale
from cnnkit.errors import SettingError
from cnnkit.experiment import checks
from cnnkit.experiment.auxiliary_outputs import with_auxiliary_outputs
from cnnkit.experiment.monitor import Monitor, expect_logged, monitor_of
from cnnkit.losses.expected_labels import expects_one_hot
from cnnkit.models.distillation import student_of
from cnnkit.settings import expect_counts


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What `model.fit` needs: the return value of an experiment's function.

    Args:
        data: The data set to train, validate and test on, or what `cnnkit.data.load` takes: the
            name of one, or the path of a folder or table. No split is empty.
        model: A model from `data.image_shape` to a number a class. Also Keras' Distiller around
            one, as `experiment.distiller` makes it; the run then saves its student.
        optimizer: A Keras optimizer, or its name. One with `use_ema=True` averages the weights of
            all steps; together with the callback `keras.callbacks.SwapEMAWeights()` the averages
            are validated, saved and tested.
        epochs: Number of passes over the training split, at least 1.
        batch_size: Images a step, at least 1.
        loss: A Keras loss, or a function of labels and outputs. It fits the last activation of the
            model; if neither of the two says whether outputs are logits or probabilities, set an
            attribute `from_logits` of the loss. The default is cross-entropy on logits: after a softmax, or, where
            samples may have several classes, after a sigmoid a class. CategoricalCrossentropy, the
            one with label_smoothing, receives labels as a number a class.
        metrics: As in `keras.Model.compile`. The default is the accuracy, or, where samples may
            have several classes, the part of the labels that is right and the mean average
            precision.
        callbacks: As in `keras.Model.fit`. One that stops training, such as EarlyStopping, ends
            the phase in which it does so.
        augment: A Keras layer that changes training inputs at random, or None. It receives values
            as they are stored, in float32: pixels from 0 to 255, as Keras' layers expect them.
        cached_views: For a model that begins with frozen layers, such as a pretrained backbone:
            how many random changes of each training image to compute features of. The features are
            cached, and every epoch uses all of them. With 0, `augment` changes images anew in each
            epoch, and no features are cached.
        image_size: (height, width) that training images are resized to, after `augment`, for a
            model of open size. Validation and test images keep their size. None resizes nothing.
        phases: What follows these epochs in the same run, such as `transfer.FineTuning` or
            `experiment.AtImageSize`. Each phase begins with the weights chosen so far.
        restore_best_weights: As in `keras.callbacks.EarlyStopping`: end with the weights of the
            epoch that is the best by `monitor`. False ends with the last epoch's, which is
            better when the validation split is too small to rank epochs reliably. The best model
            is saved while the run goes on, the last one at its end.
        monitor: As in `keras.callbacks.ModelCheckpoint`: the name in the logs by which epochs are
            compared, such as "val_loss" or "val_f1_score". The validation loss decides between equal
            ones. None means the validation accuracy, under whichever name the metrics have it; and
            the validation loss where there is none, or where samples may have several classes.
        mode: "max" or "min", for the highest or the lowest; "auto" where Keras knows it.
        explain: What to draw of the network while it trains; None draws nothing.
        loss_weights: As in `keras.Model.compile`, for a model with auxiliary outputs: a weight for
            the loss of each output, the main one first. None means 1 and 0.3 where the layers of
            the further outputs are named "auxiliary_...", as GoogLeNet's are. Metrics and
            validation are about the main output, and only that is saved.

    Raises:
        SettingError: A number is out of range, or data, model and the rest do not fit each other.
    """

    data: Dataset
    model: keras.Model
    optimizer: keras.optimizers.Optimizer | str
    epochs: int
    batch_size: int = 32
    loss: keras.losses.Loss | None = None
    metrics: tuple | None = None
    callbacks: tuple = ()
    augment: keras.Layer | None = None
    cached_views: int = 0
    image_size: tuple[int, int] | None = None
    phases: tuple = ()
    restore_best_weights: bool = True
    monitor: str | None = None
    mode: str = "auto"
    explain: Explain | None = None
    loss_weights: tuple[float, ...] | None = None

    def __post_init__(self):
        if isinstance(self.data, str | os.PathLike):
            object.__setattr__(self, "data", load(os.fspath(self.data)))
        checks.expect_data(self.data)
        self._expect_settings()
        self._train_auxiliary_outputs()
        checks.expect_network(self.network, self.data.image_shape)
        self._resolve()
        self._expect_parts_fit()

    def _expect_settings(self) -> None:
        expect_counts(epochs=self.epochs, batch_size=self.batch_size)
        if self.cached_views < 0 or (self.cached_views and self.augment is None):
            raise SettingError(
                f"cached_views is at least 0, and 0 without augment, not {self.cached_views}."
            )
        if not isinstance(self.restore_best_weights, bool):
            raise SettingError(
                f"restore_best_weights is True or False, not {self.restore_best_weights!r}."
            )

    def _train_auxiliary_outputs(self) -> None:
        model = with_auxiliary_outputs(self.model, self.loss_weights)
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "loss_weights", getattr(model, "loss_weights", None))

    def _resolve(self) -> None:
        """Replace names and defaults by the objects they stand for."""
        phases = (
            dataclasses.replace(each, optimizer=_optimizer(each.optimizer)) for each in self.phases
        )
        loss = self.data.task.loss() if self.loss is None else self.loss
        metrics = self.metrics
        if metrics is None:
            logits = checks.gives_logits(self.network, loss)
            metrics = self.data.task.metrics(self.data.num_classes, from_logits=logits)
        resolved = {
            "optimizer": _optimizer(self.optimizer),
            "callbacks": _flat(self.callbacks),
            "phases": tuple(phases),
            "loss": loss,
            "metrics": _flat(metrics),
        }
        for name, value in resolved.items():
            object.__setattr__(self, name, value)

    def _expect_parts_fit(self) -> None:
        data, network = self.data, self.network
        checks.expect_loss(self.loss, data, network, mixes_labels=self._mixes_labels)
        checks.expect_shapes_fit(network, data)
        monitor = self.monitored
        optimizers = (each.optimizer for each in (self, *self.phases))
        checks.expect_averages_seen(optimizers, self.callbacks, has_phases=bool(self.phases))
        if not self.callbacks:  # one may add to the logs
            expect_logged(monitor, self.metrics or ())
        if self.explain is not None:
            self.explain.expect_images(data)
        for each in (self, *self.phases):
            checks.expect_size_fits(getattr(each, "image_size", None), network, data.image_shape)

    @property
    def monitored(self) -> Monitor:
        """The name in the logs by which epochs are compared, and its direction."""
        by_accuracy = self.data.task.validation_score == "accuracy"
        return monitor_of(self.monitor, self.mode, self.metrics or (), by_accuracy=by_accuracy)

    @property
    def network(self) -> keras.Model:
        """The model that a run saves: `model` without a Distiller's teacher or auxiliary outputs."""
        return student_of(self.model)

    @property
    def gives_logits(self) -> bool:
        """Whether the network's outputs are logits, and not probabilities."""
        return checks.gives_logits(self.network, self.loss)

    @property
    def input_scale(self) -> float:
        """What stored values are multiplied by to be the network's input, see `input_scale`."""
        return input_scale(self.network, self.data)

    @property
    def _mixes_labels(self) -> bool:
        return getattr(self.augment, "mixes_labels", False)

    @property
    def batch_options(self) -> dict:
        """Options of Batches: size, scale, and num_classes where labels are a number a class."""
        options = {"batch_size": self.batch_size, "scale": self.input_scale}
        if self._mixes_labels or expects_one_hot(self.loss):
            options["num_classes"] = self.data.num_classes
        return options

    @property
    def train_batch_options(self) -> dict:
        """Options of Batches for training: also how images are changed."""
        return self.batch_options | {"augment": self.augment, "image_size": self.image_size}


def _optimizer(optimizer) -> keras.optimizers.Optimizer:
    """Return a Keras optimizer for an optimizer or its name."""
    try:
        resolved = keras.optimizers.get(optimizer)
    except ValueError:
        resolved = None
    if resolved is None:
        raise SettingError(
            f"optimizer is one of keras.optimizers or the name of one, not {optimizer!r}."
        )
    return resolved


def _flat(nested) -> tuple:
    """Return one, or any nest of several, as a tuple; Keras accepts callbacks in the same way."""
    return tuple(keras.tree.flatten(() if nested is None else nested))
