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
        A Keras layer that takes images as they are stored, as float32, shape (batch, height, width,
        channels), and changes them at random if called with training=True.

    Raises:
        UnknownNameError: There is no policy of that name; the error suggests similar names.
    """
    return REGISTRY.call(
        name,
        image_shape=dataset.image_shape,
        num_classes=dataset.num_classes,
        value_range=tuple(dataset.value_range),
    )


for _name, _about in (
    ("shift", "moved by up to a tenth of each side"),
    ("flip_crop", "mirrored at random, and moved by up to an eighth (He et al. 2016)"),
    ("affine", "moved, scaled, sheared and slightly rotated (LeCun et al. 1998)"),
    ("elastic", "deformed by a smooth random field (Simard et al. 2003)"),
    ("photo", "mirrored, zoomed, and changed in brightness, contrast and colour"),
    ("cutout", "with a grey square (DeVries and Taylor 2017)"),
    ("trivial", "one of 13 changes, of any strength (Müller and Hutter 2021)"),
    ("rand_augment", "two of 13 changes, of moderate strength (Cubuk et al. 2020)"),
    ("mixup", "two pictures blended, with both labels (Zhang et al. 2018)"),
    ("cutmix", "with a rectangle of another picture, and both labels (Yun et al. 2019)"),
):
    REGISTRY.register(_name, f"cnnkit.data.augmentation.policies:{_name}", about=_about)
