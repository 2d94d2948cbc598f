"""Experiment: what `model.fit` needs, checked before anything is trained."""

import typing
from dataclasses import dataclass, replace

from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError
from cnnkit.experiment import checks
from cnnkit.settings import expect_counts

if typing.TYPE_CHECKING:
    import keras


def _optimizer(given):
    """Return a Keras optimizer, as it is given or by its name."""
    import keras

    try:
        found = keras.optimizers.get(given)
    except ValueError:
        found = None
    if found is None:
        raise SettingError(
            f"optimizer is one of keras.optimizers or the name of one, not {given!r}."
        )
    return found


def _flat(given) -> tuple:
    """Return one, or any nest of several, as a tuple, as Keras takes callbacks."""
    import keras

    return tuple(keras.tree.flatten(() if given is None else given))


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What `model.fit` needs: the answer of an experiment's function to its settings.

    data: the splits. model: takes `data.image_shape`, gives a number a class; or Keras' Distiller
        around one, as `training.distillation.distiller` makes it, whose student is kept.
    optimizer: of Keras, or its name, as `compile` takes it. One with `use_ema=True` averages the
        weights of all steps; with the callback `keras.callbacks.SwapEMAWeights()`, too, the averages
        are validated, kept and tested.
    loss: cross-entropy on logits unless given; for samples of several classes, of a sigmoid each.
        CategoricalCrossentropy, which has label_smoothing, is given labels as a number a class.
    metrics: as in Keras; unless given, accuracy, or, for samples of several classes, the part of
        the labels that is right and the mean average precision. callbacks: as in Keras.
    augment: a Keras layer that changes training inputs at random, or None.
    cached_views: where the model begins with frozen layers, such as a pretrained backbone, their
        features are computed once and kept; with augment, of so many changes of each training
        image, all of them in every epoch, or, with 0, anew in each epoch and not kept.
    image_size: (height, width) that training images are resized to, antialiased, after augment,
        for a model of open size; validation and test see them as they are. As they are unless given.
    phases: `transfer.FineTuning` or `training.image_size.AtImageSize`, what follows these epochs in
        the same run; each begins with the weights kept so far. A callback that stops training, such
        as EarlyStopping, ends a phase.
    restore_best_weights: as in `keras.callbacks.EarlyStopping`: end with the weights of the epoch
        with the best validation accuracy; False ends with the last epoch's, as is better where the
        validation split is too small to rank epochs reliably. The best model is saved while the run
        goes on, the last one at its end; an interrupted run has its checkpoints.

    loss_weights: as in Keras' `compile`, for a network with auxiliary outputs: a weight for each
        output's loss, the main one's first; 1 and 0.3 unless given, where their layers are named
        "auxiliary_...", as GoogLeNet's. Metrics and validation see the main output, which alone is
        saved.

    Raises SettingError for numbers out of range, and where data, model and the rest do not fit: a
    loss of logits on a network that ends in probabilities, too, and the reverse.
    """

    data: Dataset
    model: "keras.Model"
    optimizer: "keras.optimizers.Optimizer | str"
    epochs: int
    batch_size: int = 32
    loss: "keras.losses.Loss | None" = None
    metrics: tuple | None = None
    callbacks: tuple = ()
    augment: "keras.Layer | None" = None
    cached_views: int = 0
    image_size: tuple[int, int] | None = None
    phases: tuple = ()
    restore_best_weights: bool = True
    loss_weights: tuple[float, ...] | None = None

    def __post_init__(self):
        expect_counts(epochs=self.epochs, batch_size=self.batch_size)
        if self.cached_views < 0 or (self.cached_views and self.augment is None):
            raise SettingError(
                f"cached_views is at least 0, and 0 without augment, not {self.cached_views}."
            )
        if not isinstance(self.restore_best_weights, bool):
            raise SettingError(
                f"restore_best_weights is True or False, not {self.restore_best_weights!r}."
            )
        self._train_auxiliary_outputs()
        checks.expect_network(self.network, self.data.image_shape)
        object.__setattr__(self, "optimizer", _optimizer(self.optimizer))
        object.__setattr__(self, "callbacks", _flat(self.callbacks))
        phases = (replace(each, optimizer=_optimizer(each.optimizer)) for each in self.phases)
        object.__setattr__(self, "phases", tuple(phases))
        if self.loss is None:
            object.__setattr__(self, "loss", self.data.task.loss())
        checks.expect_loss(self)
        if self.metrics is None:
            logits = getattr(self.loss, "from_logits", False)
            metrics = self.data.task.metrics(self.data.num_classes, from_logits=logits)
            object.__setattr__(self, "metrics", metrics)
        object.__setattr__(self, "metrics", _flat(self.metrics))
        checks.expect_shapes_fit(self)
        checks.expect_averages_seen(self)
        for each in (self, *self.phases):
            checks.expect_size_fits(self, getattr(each, "image_size", None))

    @property
    def network(self) -> "keras.Model":
        """The model that a run saves: `model`, or its part without a teacher or auxiliary outputs."""
        main = getattr(self.model, "main_network", self.model)
        return getattr(self.model, "student", main)

    def _train_auxiliary_outputs(self) -> None:
        # Keras takes seconds to import; the command line's --help must not pay for it.
        from cnnkit.experiment.auxiliary_outputs import with_auxiliary_outputs

        model = with_auxiliary_outputs(self.model, self.loss_weights)
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "loss_weights", getattr(model, "loss_weights", None))

    @property
    def batch_options(self) -> dict:
        """What Batches take: size, scale, and num_classes where labels are a number a class."""
        from cnnkit.data.batches import takes_shares

        options = {"batch_size": self.batch_size, "scale": self.data.scale}
        if getattr(self.augment, "mixes_labels", False) or takes_shares(self.loss):
            options["num_classes"] = self.data.num_classes
        return options

    @property
    def train_batch_options(self) -> dict:
        """What Batches to train on take besides: how images are changed."""
        return self.batch_options | {"augment": self.augment, "image_size": self.image_size}
