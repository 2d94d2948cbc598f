"""The built-in experiment: any data set of the catalogue with any network of the catalogue."""

import re
from pathlib import Path
from typing import Literal

# The command line reads the signature below, so what needs Keras is reached through lazy packages.
from cnnkit import callbacks, data, experiment, losses, models, optimizers, runs, transfer
from cnnkit.data.sampling import limit_per_class, oversample
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.registry import check_options


def built_in_experiment(
    dataset: str = "digits",
    dataset_options: dict | None = None,
    model: str = "lenet5",
    model_options: dict | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    optimizer: Literal["adam", "adamw", "lion", "muon", "sgd"] = "adam",
    weight_decay: float | None = None,
    schedule: Literal[
        "constant", "cosine", "linear", "one_cycle", "polynomial", "step"
    ] = "constant",
    warm_up: float = 0.0,
    augment: str | None = None,
    label_smoothing: float = 0.0,
    average: Literal["none", "moving", "equal"] = "none",
    teacher: str | None = None,
    balance: Literal["none", "weights", "sampling"] = "none",
    samples_per_class: int | None = None,
    skip_bad: bool = False,
    seed: int = 0,
):
    """Train a network of the catalogue on a data set of the catalogue.

    Args:
        dataset: A data set's name; `cnnkit datasets` lists them.
        dataset_options: An option of the data set's loader; may be repeated.
        model: A network's name; `cnnkit models` lists them, `cnnkit backbones` pretrained ones.
        model_options: An option of the network's factory; may be repeated.
        epochs: How often training sees every image.
        batch_size: How many images a training step takes.
        learning_rate: The highest learning rate; `cnnkit lr-find` suggests one.
        optimizer: The optimizer, by Keras' name; sgd has Nesterov momentum of 0.9.
        weight_decay: Weight decay of kernels, times the learning rate; the optimizer's default
            unless set.
        schedule: How the learning rate changes over the steps.
        warm_up: The part of the steps, 0 to 1, in which the learning rate rises from zero.
        augment: An augmentation of training images; `cnnkit data show --help` lists them.
        label_smoothing: The part of each label, 0 to 1, that is spread over all classes.
        average: Average the weights for validation, test and the saved model: moving is Keras'
            use_ema over all steps, equal is stochastic weight averaging (SWA) over the last
            quarter of the epochs.
        teacher: A run on the same data; the network learns from its answers and from the labels.
        balance: Give every class the same weight, by weights in the loss or by repeating samples.
        samples_per_class: Train on at most so many samples of each class, for a quick trial.
        skip_bad: Leave out files that cannot be read, and list them in the run.
        seed: Seed of everything random, and of the samples that are left out or repeated.

    Returns:
        The Experiment.
    """
    options = (dataset_options or {}) | ({"skip_bad": True} if skip_bad else {})
    images = data.load(dataset, **options)
    if samples_per_class is not None:
        images = limit_per_class(images, samples_per_class, seed)
    if balance == "sampling":
        images = oversample(images, seed)
    network = _network(model, images, model_options or {})
    if teacher == "latest":
        raise SettingError("Name the teacher: the latest run is another one when this is resumed.")
    if teacher is not None:
        network = experiment.distiller(network, runs.resolve(teacher), images)
    policy = None if augment is None else data.augmentation(augment, images)
    steps = epochs * -(-len(images.train) // batch_size)
    rate = optimizers.schedule(schedule, learning_rate, steps, warm_up=warm_up)
    return experiment.Experiment(
        data=images,
        model=network,
        optimizer=optimizers.create(
            optimizer, rate, weight_decay=weight_decay, use_ema=average == "moving"
        ),
        epochs=epochs,
        batch_size=batch_size,
        augment=policy,
        callbacks=_averaging(average, images, epochs, batch_size),
        loss=losses.weighted_loss(images, label_smoothing)
        if balance == "weights"
        else images.task.loss(
            label_smoothing=label_smoothing, mixes_labels=getattr(policy, "mixes_labels", False)
        ),
    )


def built_in_name(dataset: str, model: str) -> str:
    """Return the name of the folder for runs of a data set and a model.

    Args:
        dataset: The data set's name, or the path of a folder or table, whose last part counts.
        model: The model's name.

    Returns:
        DATASET-MODEL, of letters, digits, "_", "." and "-".

    >>> built_in_name("path/to/my photos", "lenet5")
    'my-photos-lenet5'
    """
    path = Path(dataset).resolve()
    last = path.stem if path.suffix.lower() in (".csv", ".tsv", ".parquet") else path.name
    return "-".join((_cleaned(last) or "data", _cleaned(model)))


def _cleaned(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def _averaging(average: str, images, epochs: int, batch_size: int) -> tuple:
    """Return the callbacks that average the weights."""
    import keras  # the command line reads this module, and its --help must not pay for Keras

    if average == "moving":
        return (keras.callbacks.SwapEMAWeights(),)
    if average == "equal":
        start = epochs - max(epochs // 4, 1) + 1
        return (
            callbacks.StochasticWeightAveraging(images, start_epoch=start, batch_size=batch_size),
        )
    return ()


def _network(name: str, images, options: dict):
    """Return a network of a catalogue. If a name is in both, that of `models` wins."""
    if transfer.is_backbone(name) and name not in models.names():
        check_options(f"backbone {name!r}", transfer.create, options)
        transfer.check_pixels(name, images)
        return transfer.create(name, images.image_shape, images.num_classes, **options)
    if not models.names(name):
        raise UnknownNameError("model", name, {*models.names(), *transfer.names()})
    return models.create(name, images.image_shape, images.num_classes, **options)
