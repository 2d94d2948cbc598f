"""Experiment: what `model.fit` needs, checked before anything is trained."""

import typing
from dataclasses import dataclass

from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError

if typing.TYPE_CHECKING:
    import keras

Keep = typing.Literal["best", "last"]


def _loss(data: Dataset):
    import keras  # the command line reads this module, and its --help must not pay for Keras

    if data.multi_label:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _metrics(data: Dataset, loss) -> tuple:
    if not data.multi_label:
        return ("accuracy",)
    import keras

    logits = getattr(loss, "from_logits", False)
    # Keras takes "accuracy" of several classes to be whether the likeliest is the first that is true.
    return (
        keras.metrics.BinaryAccuracy("label_accuracy", threshold=0.0 if logits else 0.5),
        keras.metrics.AUC(
            curve="PR", multi_label=True, num_labels=data.num_classes, from_logits=logits,
            name="average_precision",
        ),
    )  # fmt: skip


def _expect_averages_seen(experiment: "Experiment") -> None:
    """Raise SettingError where an optimizer averages weights that nothing looks at, or the reverse."""
    import keras

    swaps = [c for c in experiment.callbacks if isinstance(c, keras.callbacks.SwapEMAWeights)]
    if experiment.phases and any(swap.swap_on_epoch for swap in swaps):
        raise SettingError(
            "SwapEMAWeights(swap_on_epoch=True) does not end with its phase: leave swap_on_epoch out."
        )
    for each in (experiment.optimizer, *(phase.optimizer for phase in experiment.phases)):
        each = getattr(each, "inner_optimizer", each)  # of Keras' LossScaleOptimizer
        parts = [part for part in getattr(each, "optimizers", [each]) if part.use_ema]
        if swaps and not parts:
            raise SettingError(
                f"SwapEMAWeights needs an optimizer with use_ema=True, not {each.name!r}."
            )
        if not swaps and any(not part.ema_overwrite_frequency for part in parts):
            raise SettingError(
                f"The optimizer {each.name!r} averages weights, and nothing would see the averages: "
                "give the Experiment callbacks=(keras.callbacks.SwapEMAWeights(),)."
            )


def _fits(takes: tuple, given: tuple) -> bool:
    """Return whether a network that takes this shape, None for any size, takes inputs of that one."""
    return len(takes) == len(given) and all(
        size in (None, real) for size, real in zip(takes, given, strict=True)
    )


def _expect_size_fits(experiment: "Experiment", size: tuple[int, int] | None) -> None:
    """Raise SettingError where training images cannot have this height and width."""
    if size is None:
        return
    network, shape = experiment.network, experiment.data.image_shape
    if len(shape) != 3 or len(size) != 2 or min(size) < 1:
        raise SettingError(
            f"image_size is the (height, width) that images are trained at, not {size!r} for "
            f"inputs of shape {shape}."
        )
    takes = network.input_shape[1:3]
    if not _fits(takes, size):
        raise SettingError(
            f"The model {network.name!r} takes images of {takes[0]} x {takes[1]} alone, and not of "
            f"the image_size {size}: build it with image_shape=(None, None, {shape[-1]})."
        )


def student_of(model: "keras.Model") -> "keras.Model":
    """Return the model that a run keeps of the one it trains: of Keras' Distiller the student."""
    return getattr(model, "student", model)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What `model.fit` needs: the answer of an experiment's function to its settings.

    data: the splits. model: takes `data.image_shape`, gives a number a class; or Keras' Distiller
        around one, as `training.distillation.distiller` makes it, whose student is kept.
    optimizer: one with `use_ema=True` averages the weights of all steps; with the callback
        `keras.callbacks.SwapEMAWeights()`, too, the averages are validated, kept and tested.
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
    keep: the weights of the epoch with the "best" validation accuracy, or of the "last" one: with
        so few validation samples that chance chooses. A best model is saved while the run goes on,
        a last one at its end; an interrupted run has its checkpoints.

    Raises SettingError for numbers out of range, and where data, model and the rest do not fit.
    """

    data: Dataset
    model: "keras.Model"
    optimizer: "keras.optimizers.Optimizer"
    epochs: int
    batch_size: int = 32
    loss: "keras.losses.Loss | None" = None
    metrics: tuple | None = None
    callbacks: tuple = ()
    augment: "keras.Layer | None" = None
    cached_views: int = 0
    image_size: tuple[int, int] | None = None
    phases: tuple = ()
    keep: Keep = "best"

    def __post_init__(self):
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} is at least 1, not {getattr(self, name)}.")
        if self.cached_views < 0 or (self.cached_views and self.augment is None):
            raise SettingError(
                f"cached_views is at least 0, and 0 without augment, not {self.cached_views}."
            )
        if self.keep not in typing.get_args(Keep):
            raise SettingError(f'keep is "best" or "last", not {self.keep!r}.')
        if self.loss is None:
            object.__setattr__(self, "loss", _loss(self.data))
        if self.metrics is None:
            object.__setattr__(self, "metrics", _metrics(self.data, self.loss))
        if self.data.multi_label and "Categorical" in type(self.loss).__name__:
            raise SettingError(
                f"Samples of the data set {self.data.name!r} may have several classes, and the "
                f"loss {type(self.loss).__name__} takes one: leave it out, for a sigmoid a class."
            )
        network = self.network
        outputs, classes = network.output_shape[-1], self.data.num_classes
        if outputs != classes:
            raise SettingError(
                f"The model {network.name!r} has {outputs} outputs, and the data set "
                f"{self.data.name!r} has {classes} classes: build it with num_classes={classes}."
            )
        takes, given = tuple(network.input_shape[1:]), self.data.image_shape
        if not _fits(takes, given):
            raise SettingError(
                f"The model {network.name!r} takes inputs of shape {takes}, and those of the "
                f"data set {self.data.name!r} have {given}: build it with image_shape={given}."
            )
        if getattr(self.augment, "mixes_labels", False) and "Sparse" in type(self.loss).__name__:
            raise SettingError(
                "This augmentation mixes labels, and the loss takes one class a sample: give the "
                "Experiment loss=keras.losses.CategoricalCrossentropy(from_logits=True)."
            )
        _expect_averages_seen(self)
        for each in (self, *self.phases):
            _expect_size_fits(self, getattr(each, "image_size", None))

    @property
    def network(self) -> "keras.Model":
        """The model that a run keeps: `model`, or, of a Distiller, the student."""
        return student_of(self.model)

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
