"""What a network learnt from the digits 0 to 4 helps it to learn 5 to 9 from a few examples of each.

The digits lie on photographs, so that there is something to learn first: to see strokes there.

Result  61.67 % of 180 test images from 5 images a class (median of seeds 0 to 4, 46.67-63.33); from
        scratch 51.67 % (34.44-55.56)
Cost    5 s, and 20 s before it to learn 0 to 4, on two CPU cores that had other work, too
Needs   nothing: scikit-learn brings digits and photographs
"""

import dataclasses

import keras
import numpy as np

from cnnkit import Experiment, data, main, models, transfer


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
    images = data.on_photographs(images, seed=seed)
    network = models.lenet5(images.image_shape, images.num_classes, activation="relu", pool="max")
    optimizer = keras.optimizers.Adam(learning_rate / 10)
    if not pretrained:
        return Experiment(
            data=images, model=network, optimizer=optimizer, epochs=epochs + fine_tuning_epochs
        )
    learnt = _learnt(data.on_photographs(classes_of(digits, range(5)), copies=20, seed=seed))
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


def _learnt(digits: data.Dataset) -> keras.Model:
    """Return LeNet-5, trained on other digits."""
    network = models.lenet5(digits.image_shape, digits.num_classes, activation="relu", pool="max")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(2e-3), loss)
    inputs = digits.train.inputs * np.float32(digits.scale)
    network.fit(inputs, digits.train.labels, batch_size=64, epochs=5, verbose=0)
    return network


if __name__ == "__main__":
    main(experiment)
