"""The built-in experiment: any data set of the catalogue with any network of the catalogue."""

from cnnkit import data, models
from cnnkit.experiment import Experiment


def classify(
    dataset: str = "digits",
    dataset_options: dict | None = None,
    model: str = "lenet5",
    model_options: dict | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    augment: str | None = None,
):
    """Train a network of the catalogue on a data set of the catalogue.

    Args:
        dataset: A data set's name; `cnnkit datasets` lists them.
        dataset_options: An option of the data set's loader.
        model: A network's name; `cnnkit models` lists them.
        model_options: An option of the network's factory.
        epochs: How often training sees every image.
        batch_size: Images a step.
        learning_rate: Step size of the Adam optimizer.
        augment: An augmentation's name, for training alone; `cnnkit data show --help` lists them.
    """
    import keras  # the command line reads this signature, and its --help must not pay for Keras

    images = data.load(dataset, **(dataset_options or {}))
    network = models.create(model, images.image_shape, images.num_classes, **(model_options or {}))
    policy = None if augment is None else data.augmentation(augment, images)
    loss = {}
    if getattr(policy, "mixes_labels", False):
        loss["loss"] = keras.losses.CategoricalCrossentropy(from_logits=True)
    return Experiment(
        data=images,
        model=network,
        optimizer=keras.optimizers.Adam(learning_rate),
        epochs=epochs,
        batch_size=batch_size,
        augment=policy,
        **loss,
    )
