"""What a network learnt from the digits 0 to 4 helps it to learn 5 to 9 from a few examples of each.

The digits lie on patches of two photographs, as in MNIST-M, so that there is something to learn
first: to see strokes whatever is behind them.

Result  RESULT
Cost    COST
Needs   nothing: scikit-learn brings the digits and the photographs
Source  Ganin et al. 2016, https://arxiv.org/abs/1505.07818, Section 5.2.1, for MNIST-M
"""

import dataclasses

import keras
import numpy as np
from sklearn.datasets import load_sample_images

from cnnkit import Experiment, data, main, models, transfer

COPIES = 20  # of each digit from 0 to 4, each on another patch


def experiment(
    images_per_class: int = 5,
    pretrained: bool = True,
    epochs: int = 30,
    fine_tuning_epochs: int = 20,
    learning_rate: float = 1e-2,
    seed: int = 0,
):
    """LeNet-5 learns 5 to 9 with a new head on what it learnt from 0 to 4, and is then fine-tuned.

    Args:
        images_per_class: Training images of each of the digits 5 to 9.
        pretrained: Begin with the features of 0 to 4; otherwise all of the network starts at random.
        epochs: How often the new head sees every image, while the rest of the network is frozen.
        fine_tuning_epochs: How often all of the network sees every image after that.
        learning_rate: Of the Adam optimizer for the head; a tenth of it for all of the network.
        seed: Chooses the images, too.
    """
    digits = data.digits()
    images = data.limit_per_class(classes_of(digits, range(5, 10)), images_per_class, seed)
    images = on_photographs(images, seed)
    network = _network(images)
    optimizer = keras.optimizers.Adam(learning_rate / 10)
    if not pretrained:
        return Experiment(
            data=images, model=network, optimizer=optimizer, epochs=epochs + fine_tuning_epochs
        )
    learnt = _learnt(on_photographs(classes_of(digits, range(5)), seed, copies=COPIES))
    for block in transfer.blocks(network):
        for layer in block:
            layer.set_weights(learnt.get_layer(layer.name).get_weights())
            layer.trainable = False
    return Experiment(
        data=images,
        model=network,
        optimizer=keras.optimizers.Adam(learning_rate),
        epochs=epochs,
        phases=(transfer.FineTuning(epochs=fine_tuning_epochs, optimizer=optimizer),),
    )


def classes_of(dataset: data.Dataset, classes: range) -> data.Dataset:
    """Return the samples of these classes, numbered anew from 0."""

    def chosen(split):
        own = np.isin(split.labels, classes)
        return data.Split(split.inputs[own], split.labels[own] - classes.start)

    names = tuple(dataset.class_names[label] for label in classes)
    splits = {name: chosen(split) for name, split in dataset.splits.items()}
    return dataclasses.replace(dataset, class_names=names, **splits)


def on_photographs(dataset: data.Dataset, seed: int, copies: int = 1) -> data.Dataset:
    """Return grey images laid on patches of scikit-learn's two photographs.

    Args:
        dataset: Images of shape (samples, height, width, 1), 0 to 255.
        seed: Chooses the patches.
        copies: How often each training image appears, each time on another patch.

    Returns:
        A Dataset of colour images: the absolute difference of patch and image, as in MNIST-M.
    """
    photographs = load_sample_images().images
    generator = np.random.default_rng(seed)
    height, width, _ = dataset.image_shape

    def patch() -> np.ndarray:
        photograph = photographs[generator.integers(len(photographs))]
        top, left = (
            generator.integers(whole - part + 1)
            for whole, part in zip(photograph.shape, (height, width), strict=False)
        )
        return photograph[top : top + height, left : left + width].astype(int)

    def laid(split: data.Split, times: int) -> data.Split:
        greys = np.tile(np.asarray(split.inputs), (times, 1, 1, 1)).astype(int)
        colours = [np.abs(patch() - grey) for grey in greys]
        return data.Split(np.stack(colours).astype(np.uint8), np.tile(split.labels, times))

    splits = {name: laid(split, 1) for name, split in dataset.splits.items() if name != "train"}
    splits["train"] = laid(dataset.train, copies)
    return dataclasses.replace(dataset, name=f"{dataset.name}_on_photographs", **splits)


def _network(images: data.Dataset) -> keras.Model:
    return models.lenet5(images.image_shape, images.num_classes, activation="relu", pool="max")


def _learnt(digits: data.Dataset) -> keras.Model:
    """Return LeNet-5, trained on other digits."""
    network = _network(digits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(2e-3), loss)
    inputs = digits.train.inputs * np.float32(digits.scale)
    network.fit(inputs, digits.train.labels, batch_size=64, epochs=5, verbose=0)
    return network


if __name__ == "__main__":
    main(experiment)
