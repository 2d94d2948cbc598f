"""The augmentation policies by name: `augmentation("flip_crop", dataset)`, `augmentations()`."""

from cnnkit.data.dataset import Dataset
from cnnkit.registry import Registry

REGISTRY = Registry("augmentation")
augmentations, policy = REGISTRY.names, REGISTRY.entry


def augmentation(name: str, dataset: Dataset):
    """Return a policy for a data set's images as a Keras layer, for an Experiment's `augment`.

    Args:
        name: One of `augmentations()`.
        dataset: The data set whose images the layer will change.

    Returns:
        A Keras layer that takes values as they are stored, float32, shape (batch, height, width,
        channels), and changes them at random when called with training=True.

    Raises:
        UnknownNameError: There is no policy of that name; the error has the nearest names.
    """
    return REGISTRY.call(
        name,
        image_shape=dataset.image_shape,
        num_classes=dataset.num_classes,
        value_range=tuple(dataset.value_range),
    )


for _name, _about in (
    ("shift", "moved by up to a tenth"),
    ("flip_crop", "mirrored, and moved by up to an eighth (He et al. 2016)"),
    ("affine", "moved, stretched, sheared and a little turned (LeCun et al. 1998)"),
    ("elastic", "bent by a smooth random field (Simard et al. 2003)"),
    ("photo", "mirrored, zoomed into, and of another light and colour"),
    ("cutout", "with a square hole (DeVries and Taylor 2017)"),
    ("trivial", "one of 13 changes of any strength (Müller and Hutter 2021)"),
    ("rand_augment", "two of 13 changes of middle strength (Cubuk et al. 2020)"),
    ("mixup", "two pictures faded into one, with both labels (Zhang et al. 2018)"),
    ("cutmix", "a piece of another picture, with both labels (Yun et al. 2019)"),
):
    REGISTRY.register(_name, f"cnnkit.data.augmentation.policies:{_name}", about=_about)
