"""The networks by name: `create("vgg16", (224, 224, 3), 1000)`, `names("vgg*")`."""

from cnnkit.catalogue import Catalogue

CATALOGUE = Catalogue("model")
register, names, entry = CATALOGUE.register, CATALOGUE.names, CATALOGUE.entry


def create(name: str, image_shape: tuple[int | None, ...], num_classes: int, **options):
    """Return the network of that name as an uncompiled `keras.Model`.

    Raises UnknownNameError for a name or an option that does not exist, and SettingError for
    values that the network cannot take.
    """
    return CATALOGUE.call(name, image_shape, num_classes, **options)
