"""A pretrained network learns the classes of your own photos: a new head, in a minute.

Result  97.48 % of 400 photos of cats and dogs after 200, 20 of which only validate (12 draws:
        96.50-98.00), and 97.60 % averaged over each photo and its mirror image; 94.06 % with
        mobilenet_v2_035 (93.00-95.75), where logistic regression on the same 180 reaches 94.35 %
Cost    8 s of training, features included, and 41 s from start to report, on two CPU cores
Needs   a folder of photos, CLASS/IMAGE or train|valid|test/CLASS/IMAGE; ImageNet's weights, which
        Keras downloads once
Source  Sandler et al. 2018, https://arxiv.org/abs/1801.04381, for MobileNetV2
"""

from pathlib import Path

import keras

from cnnkit import Experiment, data, main, transfer


def experiment(
    folder: Path = Path("photos"),
    backbone: str = "mobilenet_v2",
    weights: str = "imagenet",
    image_size: int = 224,
    images_per_class: int | None = None,
    epochs: int = 30,
    learning_rate: float = 1e-2,
    dropout: float = 0.2,
    fine_tuning_epochs: int = 0,
    fine_tuning_rate: float = 1e-5,
    blocks: int = 2,
    layer_decay: float = 1.0,
    seed: int = 0,
):
    """A new head on a pretrained backbone, and then, if wanted, its last blocks as well.

    Args:
        folder: Your photos.
        backbone: A network's name; `cnnkit backbones` lists them.
        weights: ImageNet's, a file of the network without its top, or none: random and trained
            from the first epoch on.
        image_size: Height and width to which photos are brought.
        images_per_class: The most training photos of each class; all of them unless given.
        epochs: How often the head sees every photo; it is the features that are kept.
        learning_rate: Of gradient descent with momentum for the head. Adam, whose steps are as
            long for a feature that says little, did worse in cross-validation on 200 photos.
        dropout: The part of the features that is left out at random while the head trains.
        fine_tuning_epochs: How often the last blocks and the head see every photo after that.
        fine_tuning_rate: The learning rate for these.
        blocks: How many blocks of the backbone train then, from the last one.
        layer_decay: The learning rate of each block, as a part of that of the block after it.
        seed: Chooses the photos, too, where not all of them are used.
    """
    photos = data.folder(folder, image_size=image_size)
    if images_per_class is not None:
        photos = data.limit_per_class(photos, images_per_class, seed)
    phases = ()
    if fine_tuning_epochs:
        adam = keras.optimizers.Adam(fine_tuning_rate)
        phases = (
            transfer.FineTuning(
                epochs=fine_tuning_epochs, optimizer=adam, blocks=blocks, layer_decay=layer_decay
            ),
        )
    return Experiment(
        data=photos,
        model=transfer.create(
            backbone, photos.image_shape, photos.num_classes, weights=weights, dropout=dropout,
            frozen=weights != "none",
        ),
        optimizer=keras.optimizers.SGD(learning_rate, momentum=0.9),
        epochs=epochs,
        phases=phases,
        restore_best_weights=False,  # too few validation photos to rank epochs
    )  # fmt: skip


if __name__ == "__main__":
    main(experiment)
