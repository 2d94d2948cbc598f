"""Checks that the parts of an Experiment fit each other, before anything is trained."""

from collections.abc import Iterable, Sequence

import keras

from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError
from cnnkit.keras_graph.final_operation import LOGITS, NEITHER, PROBABILITIES, output_kind
from cnnkit.losses.expected_labels import expects_logits


def expect_data(data) -> None:
    """Check that there is something to train and validate on, and something to tell apart.

    Args:
        data: The data of an Experiment.

    Raises:
        SettingError: It is no Dataset, nothing trains or validates, or there is a single class.
    """
    if not isinstance(data, Dataset):
        kind = "None" if data is None else f"a {type(data).__name__}"
        raise SettingError(
            f"data is a cnnkit.data.Dataset or the name of one, not {kind}: make a Dataset of arrays, "
            "with train=cnnkit.data.Split(x, y) and so on, or train with cnnkit.fit(model, x, y)."
        )
    _expect_samples(data, ("train", "validation"))
    if data.num_classes < 2 and data.train.labels.ndim == 1:
        raise SettingError(
            f"The data set {data.name!r} has the single class {', '.join(data.class_names)!r}, and "
            "so nothing to learn: with a folder, give the one that holds a folder for each class."
        )


def expect_test_samples(data: Dataset) -> None:
    """Check that a run will have something to test on, which features of frozen layers do not need.

    Args:
        data: The data of an Experiment.

    Raises:
        SettingError: The test split is empty.
    """
    _expect_samples(data, ("test",))


def _expect_samples(data: Dataset, names: tuple[str, ...]) -> None:
    empty = [name for name in names if not len(data.splits[name])]
    if empty:
        raise SettingError(
            f"The data set {data.name!r} has no {' and no '.join(empty)} samples: an experiment "
            "trains, validates and tests, so give each split some."
        )


def expect_network(model, image_shape: tuple[int, ...]) -> None:
    """Check that a model has one input and one output, of known shapes.

    Args:
        model: The model of an Experiment.
        image_shape: Shape of one input, which the error names.

    Raises:
        SettingError: It is not a model, it has several inputs or outputs, or its shapes are open.
    """
    if not isinstance(model, keras.Model):
        raise SettingError(
            f"model is a keras.Model, such as models.create('lenet5', {image_shape}, 10) makes one, "
            f"not {model!r}."
        )
    try:
        shapes = {"inputs": model.input_shape, "outputs": model.output_shape}
    except AttributeError:  # Keras' answer for a model without known shapes
        raise SettingError(
            f"The model {model.name!r} does not say which shapes it takes and returns. Begin a "
            f"Sequential with keras.Input({image_shape}). Turn another model into "
            f"keras.Model(image, model(image)), with image = keras.Input({image_shape})."
        ) from None
    for word, shape in shapes.items():
        if isinstance(shape, dict) or not all(
            side is None or isinstance(side, int) for side in shape
        ):
            raise SettingError(
                f"The model {model.name!r} has several tensors as {word}, {shape}; the network of "
                "an experiment has one (and loss_weights for auxiliary outputs)."
            )


def expect_loss(loss, data: Dataset, network: keras.Model, *, mixes_labels: bool) -> None:
    """Check that the loss fits the data, the augmentation and the outputs of the network.

    Args:
        loss: The loss of an Experiment.
        data: The data set that is trained on.
        network: The network; its last layer says whether it ends in logits.
        mixes_labels: Whether the augmentation mixes the labels of samples.

    Raises:
        SettingError: One of them does not fit.
    """
    if not callable(loss):
        raise SettingError(
            "loss is one of keras.losses, such as keras.losses.SparseCategoricalCrossentropy("
            f"from_logits=True), or None for that one, not {loss!r}."
        )
    data.task.expect_loss(loss, data.name)
    if mixes_labels and "Sparse" in type(loss).__name__:
        raise SettingError(
            "This augmentation mixes labels, but the loss takes one class a sample: give the "
            "Experiment loss=keras.losses.CategoricalCrossentropy(from_logits=True)."
        )
    _expect_logits_fit(network, loss)


def gives_logits(network: keras.Model, loss) -> bool:
    """Return whether a network's outputs are logits, as its last activation or the loss says.

    Args:
        network: The network of an Experiment.
        loss: Its loss.
    """
    kind = output_kind(network)
    return bool(expects_logits(loss)) if kind in (None, NEITHER) else kind == LOGITS


def _expect_logits_fit(network: keras.Model, loss) -> None:
    """Raise SettingError for a loss of logits on probabilities, the reverse, and what is unclear."""
    wanted, kind = expects_logits(loss), output_kind(network)
    name = getattr(loss, "__name__", type(loss).__name__)
    if wanted and kind == PROBABILITIES:
        raise SettingError(
            f"The model {network.name!r} ends in probabilities, but the loss {name} expects logits: "
            "leave the last activation out, or give a loss with from_logits=False."
        )
    if wanted is False and kind == LOGITS:
        raise SettingError(
            f"The model {network.name!r} ends in logits, but the loss {name} expects probabilities: "
            "give it from_logits=True."
        )
    if (kind is None and wanted is None) or (kind == NEITHER and not wanted):
        raise SettingError(
            f"Whether the model {network.name!r} returns logits or probabilities cannot be read from "
            f"its last layer, nor from the loss {name}: end the model in a Dense layer without "
            "activation (logits) or with softmax, or set loss.from_logits to True or False."
        )


def expect_shapes_fit(network: keras.Model, data: Dataset) -> None:
    """Check that the network takes the data's inputs and returns a number a class.

    Args:
        network: The network of an Experiment.
        data: The data set that is trained on.

    Raises:
        SettingError: The shape of inputs or the number of outputs does not fit.
    """
    if len(network.output_shape) != 2:
        raise SettingError(
            f"The model {network.name!r} returns shape {network.output_shape}, and not a number a "
            "class: put a Flatten or a global pooling before its last layer."
        )
    outputs, classes = network.output_shape[-1], data.num_classes
    if outputs != classes:
        raise SettingError(
            f"The model {network.name!r} has {outputs} outputs, but the data set {data.name!r} has "
            f"{classes} classes: build it with num_classes={classes}."
        )
    expected, actual = tuple(network.input_shape[1:]), data.image_shape
    if not _fits(expected, actual):
        raise SettingError(
            f"The model {network.name!r} takes inputs of shape {expected}, but those of the data set "
            f"{data.name!r} have {actual}: {_remedy_for_shape(expected, actual)}."
        )


def _remedy_for_shape(expected: tuple, actual: tuple) -> str:
    if len(actual) + 1 == len(expected) and _fits(expected, (*actual, 1)):
        return "add an axis for the channel, inputs[..., None]"
    if len(actual) + 1 == len(expected):
        return (
            "add an axis for the channel, inputs[..., None], and build the model with "
            f"image_shape={(*actual, 1)}"
        )
    return f"build it with image_shape={actual}"


def expect_averages_seen(
    optimizers: Iterable[keras.optimizers.Optimizer],
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    has_phases: bool,
) -> None:
    """Check that averaged weights are validated, and that those validated are averaged.

    Args:
        optimizers: The optimizers of the Experiment and of its phases.
        callbacks: The callbacks of the Experiment.
        has_phases: Whether more than one phase is trained.

    Raises:
        SettingError: An optimizer has `use_ema=True` without Keras' SwapEMAWeights, or the reverse;
            or SwapEMAWeights would not end with its phase.
    """
    swaps = [each for each in callbacks if isinstance(each, keras.callbacks.SwapEMAWeights)]
    if has_phases and any(swap.swap_on_epoch for swap in swaps):
        raise SettingError(
            "SwapEMAWeights(swap_on_epoch=True) does not end with its phase: leave swap_on_epoch out."
        )
    for each in optimizers:
        each = getattr(each, "inner_optimizer", each)  # of Keras' LossScaleOptimizer
        parts = [part for part in getattr(each, "optimizers", [each]) if part.use_ema]
        if swaps and not parts:
            raise SettingError(
                f"SwapEMAWeights needs an optimizer with use_ema=True, not {each.name!r}."
            )
        if not swaps and any(not part.ema_overwrite_frequency for part in parts):
            raise SettingError(
                f"The optimizer {each.name!r} averages weights, but nothing would see the averages: "
                "give the Experiment callbacks=(keras.callbacks.SwapEMAWeights(),)."
            )


def expect_size_fits(
    size: tuple[int, int] | None, network: keras.Model, image_shape: tuple[int, ...]
) -> None:
    """Check that training images can have this height and width.

    Args:
        size: (height, width) that images are trained at; None for their own.
        network: The network of an Experiment.
        image_shape: Shape of one input of the data set.

    Raises:
        SettingError: Inputs are not images, or the network takes another size.
    """
    if size is None:
        return
    if len(image_shape) != 3 or len(size) != 2 or min(size) < 1:
        raise SettingError(
            f"image_size is the (height, width) that images are trained at, not {size!r} for "
            f"inputs of shape {image_shape}."
        )
    expected = network.input_shape[1:3]
    if not _fits(expected, size):
        raise SettingError(
            f"The model {network.name!r} takes images of {expected[0]} x {expected[1]} alone, and "
            f"not of the image_size {size}: build it with image_shape=(None, None, "
            f"{image_shape[-1]})."
        )


def _fits(expected: tuple, actual: tuple) -> bool:
    """Return whether a shape fits one in which None stands for any size."""
    return len(expected) == len(actual) and all(
        size in (None, real) for size, real in zip(expected, actual, strict=True)
    )
