"""The experiment that `cnnkit auto` trains: the built-in one, or a backbone that is fine-tuned."""

import dataclasses
from typing import Literal

from cnnkit import optimizers, transfer
from cnnkit.experiment.built_in import built_in_experiment


def automatic(
    dataset: str = "digits",
    dataset_options: dict | None = None,
    model: str = "lenet5",
    model_options: dict | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    learning_rate: float = 2e-3,
    optimizer: Literal["adam", "sgd"] = "adam",
    weight_decay: float | None = None,
    schedule: Literal["constant", "cosine"] = "cosine",
    augment: str | None = None,
    samples_per_class: int | None = None,
    fine_tuning_epochs: int = 0,
    blocks: int = 1,
    fine_tuning_rate: float = 1e-5,
    seed: int = 0,
):
    """Train a network, or a head on a pretrained backbone and then the backbone's last blocks.

    Args:
        dataset: As `cnnkit.data.load` takes it.
        dataset_options: Options of the data set's loader.
        model: A network's name, or a backbone's.
        model_options: Options of the network's factory.
        epochs: How often training sees every image, before any fine-tuning.
        batch_size: Images a step.
        learning_rate: The highest learning rate.
        optimizer: The optimizer, by Keras' name.
        weight_decay: Weight decay of kernels, times the learning rate.
        schedule: How the learning rate changes over the steps.
        augment: An augmentation of training images.
        samples_per_class: Train on at most so many images of each class.
        fine_tuning_epochs: How often the last blocks and the head see every image after that.
        blocks: How many blocks of the backbone train then, from the last one.
        fine_tuning_rate: The learning rate for these.
        seed: Seed of everything random.

    Returns:
        The Experiment.
    """
    built = built_in_experiment(
        dataset, dataset_options, model, model_options, epochs, batch_size, learning_rate,
        optimizer, weight_decay, schedule, augment=augment, samples_per_class=samples_per_class,
        seed=seed,
    )  # fmt: skip
    if not transfer.is_backbone(model):
        return built
    # As a head has few weights and the split may be small, the last epoch beats the best one.
    return dataclasses.replace(
        built, restore_best_weights=False, phases=_phases(fine_tuning_epochs, blocks, fine_tuning_rate)
    )  # fmt: skip


def _phases(epochs: int, blocks: int, rate: float) -> tuple[transfer.FineTuning, ...]:
    if not epochs:
        return ()
    adam = optimizers.create("adam", rate)
    return (transfer.FineTuning(epochs=epochs, optimizer=adam, blocks=blocks),)
