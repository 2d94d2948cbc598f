"""Which of Keras' own layers, functions and other parts a model file may name."""

import inspect

import keras

_LAYERS = """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D
    AveragePooling2D AveragePooling3D BatchNormalization Bidirectional CategoryEncoding CenterCrop
    Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D
    Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D
    Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU
    EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention GroupedQueryAttention HashedCrossing
    Hashing Identity InputLayer LSTM LSTMCell LayerNormalization LeakyReLU Masking
    MaxNumBoundingBoxes MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp
    MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment
    RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
    RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue
    RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation
    RandomSharpness RandomShear RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape
    Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D SimpleRNN
    SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D
    SpectralNormalization StackedRNNCells Subtract TimeDistributed UnitNormalization UpSampling1D
    UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""
LAYERS = frozenset(_LAYERS.split())
_CODE = "runs code that the file brings"
_VOCABULARY = "reads a vocabulary from any file that it names"
REFUSED = {
    "Lambda": _CODE,
    "__lambda__": _CODE,
    "JaxLayer": _CODE,
    "FlaxLayer": _CODE,
    "TorchModuleWrapper": "unpickles code that the file brings",
    "TFSMLayer": "runs a TensorFlow program from another folder",
    "StringLookup": _VOCABULARY,
    "IntegerLookup": _VOCABULARY,
    "TextVectorization": _VOCABULARY,
}
TRUST = "if you trust who made the file, allow that (--trust, or trust=True)"
# Options on which a layer's work or its tables depend, though no shape and no weight shows it.
# A convolution's input is padded by its dilation.
LARGEST = {
    "fft_length": 1 << 16, "num_mel_bins": 1 << 12, "bins": 1 << 16,
    "num_ops": 100, "num_chains": 100, "chain_depth": 100, "power_iterations": 1000,
    "dilation_rate": 1 << 10, "pool_size": 1 << 12,
}  # fmt: skip
MODELS = frozenset({"Functional", "Model", "Sequential"})
VALUES = frozenset(
    f"__{kind}__" for kind in ("keras_tensor", "tensor", "numpy", "bytes", "ellipsis", "slice")
)
_PARTS = frozenset(
    f"keras.{part}"
    for part in (
        "activations", "constraints", "dtype_policies", "initializers", "losses", "metrics",
        "optimizers", "optimizers.schedules", "quantizers", "regularizers",
    )
)  # fmt: skip
# Layers that networks of keras.applications bring, and that Keras makes public nowhere else.
_OF_APPLICATIONS = frozenset(
    {
        ("keras.src.applications.convnext", "LayerScale"),
        ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"),
    }
)
# Operations that call a function, which a file would have to bring.
_CALLERS = frozenset(
    {
        "AssociativeScan",
        "Cond",
        "ForiLoop",
        "JVP",
        "Map",
        "Scan",
        "Switch",
        "VectorizedMap",
        "WhileLoop",
    }
)
_NO_FUNCTIONS_OF_MODELS = frozenset({"get", "serialize", "deserialize"})


def is_allowed_class(module: str, name: str) -> bool:
    """Return whether a class is one of Keras' that a model file may name.

    Args:
        module: Its module as the file has it: "keras.layers".
        name: Its name.
    """
    if module.startswith("keras.src.ops."):
        return name not in _CALLERS  # Keras itself takes nothing but an Operation there
    if name in LAYERS:
        return module == "keras.layers" or module.startswith("keras.src.layers.")
    if name in MODELS:
        return module in ("keras", "keras.models") or module.startswith("keras.src.models.")
    if (module, name) in _OF_APPLICATIONS:
        return True
    public = "keras.dtype_policies" if module == "keras" else module
    return public in _PARTS and inspect.isclass(_public(public, name))


def is_allowed_function(module: str, name: str) -> bool:
    """Return whether a function is one of Keras' that a model file may name.

    Args:
        module: Its module as the file has it; "builtins" stands for Keras' own.
        name: Its name.
    """
    places = _PARTS if module == "builtins" else {module} & {*_PARTS, "keras.ops"}
    return name not in _NO_FUNCTIONS_OF_MODELS and any(
        callable(_public(place, name)) for place in places
    )


def _public(module: str, name: str):
    place = keras
    for part in module.split(".")[1:]:
        place = getattr(place, part)
    return None if name.startswith("_") else getattr(place, name, None)
