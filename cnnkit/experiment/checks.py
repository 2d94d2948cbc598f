"""What of an experiment does not fit together, each in one sentence, before anything is trained."""

import typing

from cnnkit.errors import SettingError

# The command line reads this module, and its --help must not pay for Keras.
if typing.TYPE_CHECKING:
    import keras

    from cnnkit.experiment.experiment import Experiment


def expect_network(model, image_shape: tuple[int, ...]) -> None:
    """Raise SettingError unless this is a model from one input to one output, of known shapes."""
    import keras

    if not isinstance(model, keras.Model):
        raise SettingError(
            f"model is a keras.Model, such as models.create('lenet5', {image_shape}, 10) makes one, "
            f"not {model!r}."
        )
    try:
        takes, gives = model.input_shape, model.output_shape
    except AttributeError:  # Keras' answer where shapes are not known
        raise SettingError(
            f"The model {model.name!r} does not say which shapes it takes and gives: begin a Sequential "
            f"with keras.Input({image_shape}), and give of another model keras.Model(image, "
            f"model(image)) with image = keras.Input({image_shape})."
        ) from None
    for shape, word in ((takes, "takes"), (gives, "gives")):
        if isinstance(shape, dict) or not all(
            side is None or isinstance(side, int) for side in shape
        ):
            raise SettingError(
                f"The model {model.name!r} {word} several tensors, {shape}, and a network of an "
                "experiment takes one and gives one (beside auxiliary outputs, with loss_weights)."
            )


def expect_loss(experiment: "Experiment") -> None:
    """Raise SettingError unless the loss fits the data, the augmentation and the network's outputs."""
    data, loss = experiment.data, experiment.loss
    if not callable(loss):
        raise SettingError(
            "loss is one of keras.losses, such as keras.losses.SparseCategoricalCrossentropy("
            f"from_logits=True), or None for that one, not {loss!r}."
        )
    data.task.expect_loss(loss, data.name)
    if getattr(experiment.augment, "mixes_labels", False) and "Sparse" in type(loss).__name__:
        raise SettingError(
            "This augmentation mixes labels, and the loss takes one class a sample: give the "
            "Experiment loss=keras.losses.CategoricalCrossentropy(from_logits=True)."
        )
    _expect_logits_where_wanted(experiment.network, loss)


def _expect_logits_where_wanted(network: "keras.Model", loss) -> None:
    """Raise SettingError for a loss of logits on probabilities, and for the reverse.

    What the last layer says is believed; where it says nothing, so is the loss.
    """
    import keras

    wanted = getattr(loss, "from_logits", None)
    if wanted is None:
        return
    last = network
    while isinstance(last, keras.Model):
        if not getattr(last, "outputs", None):  # no graph: its layers are in no order
            return
        last = last.layers[-1]
    probabilities = (keras.activations.softmax, keras.activations.sigmoid)
    activation = getattr(last, "activation", None)
    squashes = isinstance(last, keras.layers.Softmax) or activation in probabilities
    name = type(loss).__name__
    if wanted and squashes:
        raise SettingError(
            f"The model {network.name!r} ends in probabilities, and the loss {name} is one of logits: "
            "leave the last activation out, or give a loss with from_logits=False."
        )
    if not wanted and activation is keras.activations.linear:
        raise SettingError(
            f"The model {network.name!r} gives logits, and the loss {name} is one of probabilities: "
            "give it from_logits=True."
        )


def expect_shapes_fit(experiment: "Experiment") -> None:
    """Raise SettingError unless the network takes the data's inputs and gives a number a class."""
    network, data = experiment.network, experiment.data
    if len(network.output_shape) != 2:
        raise SettingError(
            f"The model {network.name!r} gives {network.output_shape}, and not a number a class: put a "
            "Flatten or a global pooling before its last layer."
        )
    outputs, classes = network.output_shape[-1], data.num_classes
    if outputs != classes:
        raise SettingError(
            f"The model {network.name!r} has {outputs} outputs, and the data set {data.name!r} has "
            f"{classes} classes: build it with num_classes={classes}."
        )
    takes, given = tuple(network.input_shape[1:]), data.image_shape
    if not _fits(takes, given):
        raise SettingError(
            f"The model {network.name!r} takes inputs of shape {takes}, and those of the data set "
            f"{data.name!r} have {given}: build it with image_shape={given}."
        )


def expect_averages_seen(experiment: "Experiment") -> None:
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


def expect_size_fits(experiment: "Experiment", size: tuple[int, int] | None) -> None:
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


def _fits(takes: tuple, given: tuple) -> bool:
    """Return whether a network that takes this shape, None for any size, takes inputs of that one."""
    return len(takes) == len(given) and all(
        size in (None, real) for size, real in zip(takes, given, strict=True)
    )
