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


LECUN_1998 = "LeCun et al. 1998, Figure 2"
VGG_2014 = "Simonyan, Zisserman 2014, Table 1"

# parameters and multiply-adds (convolutions and dense layers, without bias) for that input and
# number of classes: stated here so that a list needs no Keras, and checked by a test.
# fmt: off
for _line in (
    ("lenet5", "lenet:lenet5", (28, 28, 1), 10, 61_706, 416_520, LECUN_1998),
    ("vgg11", "vgg:vgg11", (224, 224, 3), 1000, 132_863_336, 7_609_090_048, f"{VGG_2014}, A"),
    ("vgg13", "vgg:vgg13", (224, 224, 3), 1000, 133_047_848, 11_308_466_176, f"{VGG_2014}, B"),
    ("vgg16_1x1", "vgg:vgg16_1x1", (224, 224, 3), 1000, 133_638_952, 11_770_888_192, f"{VGG_2014}, C"),
    ("vgg16", "vgg:vgg16", (224, 224, 3), 1000, 138_357_544, 15_470_264_320, f"{VGG_2014}, D"),
    ("vgg19", "vgg:vgg19", (224, 224, 3), 1000, 143_667_240, 19_632_062_464, f"{VGG_2014}, E"),
    ("vgg_small", "vgg:vgg_small", (32, 32, 3), 10, 552_362, 38_896_896, "in VGG's style, for 32 x 32"),
    ("vgg", "vgg:vgg", (224, 224, 3), 1000, 132_863_336, 7_609_090_048, "in VGG's style: your stages"),
    ("convnet", "convnet:convnet", (28, 28, 1), 10, 105_866, 1_117_056, "free: your choices"),
    ("mlp", "mlp:mlp", (28, 28, 1), 10, 101_770, 101_632, "free: dense layers, to compare with"),
):
    _name, _place, _image_shape, _num_classes, _parameters, _multiply_adds, _source = _line
    register(
        _name, f"cnnkit.models.families.{_place}", image_shape=_image_shape, num_classes=_num_classes,
        parameters=_parameters, multiply_adds=_multiply_adds, source=_source,
    )
# fmt: on
