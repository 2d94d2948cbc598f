"""Networks by name: `create("vgg16", (224, 224, 3), 1000)`, `names("vgg*")`."""

from cnnkit.registry import Registry

REGISTRY = Registry("model")
register, names, entry = REGISTRY.register, REGISTRY.names, REGISTRY.entry


def create(name: str, image_shape: tuple[int | None, ...], num_classes: int, **options):
    """Build a network by its name.

    Args:
        name: A registered name; `names()` lists them.
        image_shape: (height, width, channels), or another shape that the network takes.
        num_classes: Number of logits, at least 1.
        **options: Options of the network's factory.

    Returns:
        An uncompiled `keras.Model` from inputs to logits, (batch, num_classes).

    Raises:
        UnknownNameError: There is no such network, or it has no such option.
        SettingError: The network does not take a value.

    >>> create("lenet5", (28, 28, 1), 10).name
    'lenet5'
    """
    return REGISTRY.call(name, image_shape, num_classes, **options)


LECUN = "LeCun et al. 1998"
VGG = "Simonyan, Zisserman 2014, Table 1"
RESNET = "He et al. 2015"
DENSENET = "Huang et al. 2016"
IMAGENET, CIFAR, DIGITS = ((224, 224, 3), 1000), ((32, 32, 3), 10), ((28, 28, 1), 10)

# Name, factory, (image shape, classes), weights and multiply-adds for these (of convolutions and
# dense layers, without bias), source. The counts stand here so that listing networks does not
# import Keras; a test compares them with the built networks.
# fmt: off
NETWORKS = (
    ("lenet5", "lenet:lenet5", DIGITS, 61_706, 416_520, f"{LECUN}, as taught today"),
    ("lenet5_1998", "lenet5_1998:lenet5_1998", ((32, 32, 1), 10), 60_000, 325_680, f"{LECUN}, Figure 2, Table I"),
    ("alexnet", "alexnet:alexnet", IMAGENET, 61_100_840, 714_188_480, "Krizhevsky 2014, section 5"),
    ("alexnet_2012", "alexnet:alexnet_2012", ((227, 227, 3), 1000), 60_965_224, 724_406_816, "Krizhevsky et al. 2012, Figure 2"),
    ("vgg11", "vgg:vgg11", IMAGENET, 132_863_336, 7_609_090_048, f"{VGG}, A"),
    ("vgg11_lrn", "vgg:vgg11_lrn", IMAGENET, 132_863_336, 7_609_090_048, f"{VGG}, A-LRN"),
    ("vgg13", "vgg:vgg13", IMAGENET, 133_047_848, 11_308_466_176, f"{VGG}, B"),
    ("vgg16_1x1", "vgg:vgg16_1x1", IMAGENET, 133_638_952, 11_770_888_192, f"{VGG}, C"),
    ("vgg16", "vgg:vgg16", IMAGENET, 138_357_544, 15_470_264_320, f"{VGG}, D"),
    ("vgg19", "vgg:vgg19", IMAGENET, 143_667_240, 19_632_062_464, f"{VGG}, E"),
    ("vgg_small", "vgg:vgg_small", CIFAR, 552_362, 38_896_896, "in VGG's style, for 32 x 32"),
    ("vgg", "vgg:vgg", IMAGENET, 132_863_336, 7_609_090_048, "in VGG's style: your stages"),
    ("googlenet", "googlenet:googlenet", IMAGENET, 6_998_552, 1_582_671_872, "Szegedy et al. 2014, Table 1"),
    ("resnet18", "resnet:resnet18", IMAGENET, 11_699_112, 1_814_073_344, f"{RESNET}, Table 1"),
    ("resnet34", "resnet:resnet34", IMAGENET, 21_814_696, 3_663_761_408, f"{RESNET}, Table 1"),
    ("resnet50", "resnet:resnet50", IMAGENET, 25_610_152, 3_857_973_248, f"{RESNET}, Table 1"),
    ("resnet101", "resnet:resnet101", IMAGENET, 44_654_504, 7_570_194_432, f"{RESNET}, Table 1"),
    ("resnet152", "resnet:resnet152", IMAGENET, 60_344_232, 11_282_415_616, f"{RESNET}, Table 1"),
    ("resnet20", "resnet:resnet20", CIFAR, 271_098, 40_551_040, f"{RESNET}, section 4.2"),
    ("resnet32", "resnet:resnet32", CIFAR, 466_426, 68_862_592, f"{RESNET}, section 4.2"),
    ("resnet44", "resnet:resnet44", CIFAR, 661_754, 97_174_144, f"{RESNET}, section 4.2"),
    ("resnet56", "resnet:resnet56", CIFAR, 857_082, 125_485_696, f"{RESNET}, section 4.2"),
    ("resnet110", "resnet:resnet110", CIFAR, 1_736_058, 252_887_680, f"{RESNET}, section 4.2"),
    ("resnet_cifar", "resnet:resnet_cifar", CIFAR, 271_098, 40_551_040, f"{RESNET}, section 4.2: any depth"),
    ("densenet121", "densenet:densenet121", IMAGENET, 8_062_504, 2_834_161_664, f"{DENSENET}, Table 1"),
    ("densenet169", "densenet:densenet169", IMAGENET, 14_307_880, 3_359_843_328, f"{DENSENET}, Table 1"),
    ("densenet201", "densenet:densenet201", IMAGENET, 20_242_984, 4_291_365_888, f"{DENSENET}, Table 1"),
    ("densenet264", "densenet:densenet264", IMAGENET, 33_736_232, 5_751_653_376, f"{DENSENET}, Table 1"),
    ("densenet_bc", "densenet:densenet_bc", CIFAR, 793_150, 287_929_692, f"{DENSENET}, section 3: any depth, growth"),
    ("convnet", "convnet:convnet", DIGITS, 105_866, 1_117_056, "free: your choices"),
    ("mlp", "mlp:mlp", DIGITS, 101_770, 101_632, "free: dense layers, to compare with"),
)
# fmt: on
for _name, _factory, (_image_shape, _num_classes), _parameters, _multiply_adds, _source in NETWORKS:
    register(
        _name,
        f"cnnkit.models.families.{_factory}",
        image_shape=_image_shape,
        num_classes=_num_classes,
        parameters=_parameters,
        multiply_adds=_multiply_adds,
        source=_source,
    )
