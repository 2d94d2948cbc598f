"""The free network: every choice that the articles list, as an option."""

import math
from dataclasses import dataclass

import keras

from cnnkit.errors import SettingError
from cnnkit.models.families import blocks
from cnnkit.models.weights import loaded

CONVOLUTIONS = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}
POOLING = {
    ("max", 2): keras.layers.MaxPooling2D,
    ("average", 2): keras.layers.AveragePooling2D,
    ("max", 1): keras.layers.MaxPooling1D,
    ("average", 1): keras.layers.AveragePooling1D,
}


# Of a log-mel spectrogram: windows of about 32 ms every 10 ms; powers below 1e-10 are silence.
WINDOW_SECONDS, STEPS_A_SECOND, SILENCE = 0.032, 100, 1e-10


def convnet(
    image_shape: tuple[int | None, ...],
    num_classes: int,
    *,
    depths: tuple[int, ...] = (1, 1),
    widths: tuple[int | tuple[int, ...], ...] = (16, 32),
    kernel_size: int | tuple = 3,
    strides: int | tuple = 1,
    padding: str = "same",
    activation: str = "relu",
    pool: str = "max",
    pool_size: int | tuple = 2,
    pool_strides: int | tuple | None = None,
    pool_padding: str = "valid",
    pool_before_activation: bool = False,
    hidden_units: tuple[int, ...] = (64,),
    dropout: float = 0.0,
    batch_normalization: bool = False,
    head: str = "flatten",
    vocabulary_size: int | None = None,
    embedding_size: int = 64,
    sampling_rate: int | None = None,
    mel_bands: int = 40,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
) -> keras.Model:
    """A network of your own choices: stages of convolutions with a pooling each, then dense layers.

    A stage without convolutions (depth 0) pools alone and one with pool_size 1 does not pool, so
    that convolutions and poolings stand in any order and each has its own size.

    image_shape: (height, width, channels) for images; (steps, channels) or (steps,) for sequences,
        which get 1-D layers. Input floats.
    num_classes: how many logits it gives.
    depths: convolutions a stage. widths: filters of each stage's convolutions, or a tuple with
        those of each single one.
    kernel_size, strides: of every convolution, or a tuple with those of each stage, where (5, 3) is
        the height and width of a window. padding: "same" or "valid".
    activation: after each convolution and hidden layer.
    pool: "max" or "average", after each stage; pool_size and pool_strides are its window and step
        (None: as wide as the window), or a tuple with those of each stage; pool_padding: "valid",
        or "same" to keep what a window does not fill.
    pool_before_activation: pools first, which for max pooling and ReLU gives the same with less
        work, since both keep the order of values.
    hidden_units, dropout: of the dense layers; dropout follows each of them, 0 for none.
    batch_normalization: between every convolution and its activation.
    head: "flatten", or "global": the mean of each feature map, for any image size.
    vocabulary_size, embedding_size: for texts, of shape (steps,): tokens below the first number
        become vectors of the second before anything else.
    sampling_rate, mel_bands: for sound, of shape (samples,), at so many samples a second: it is
        turned into its log-mel spectrogram, 100 steps a second with so many bands, before anything
        else. Without them the convolutions read the waveform.
    include_top, pooling: False leaves out the head, and `pooling` ("avg", "max") then makes one
        number a map.
    classifier_activation: "softmax" for probabilities, None for logits.
    weights: a file of weights of `save_weights`, or None.

    Raises SettingError for choices that contradict each other, or maps that would vanish.

    >>> convnet((28, 28, 1), 10, widths=(8, 16), hidden_units=()).count_params()
    9098
    """
    blocks.require_top(include_top, pooling, classifier_activation)
    blocks.require_choice("pool", pool, tuple(kind for kind, axes in POOLING if axes == 1))
    blocks.require_choice("padding", padding, ("same", "valid"))
    blocks.require_choice("pool_padding", pool_padding, ("same", "valid"))
    image, maps, steps_of = _front(
        tuple(image_shape), vocabulary_size, embedding_size, sampling_rate, mel_bands
    )
    stages = _stages(depths, widths, kernel_size, strides, pool_size, pool_strides)
    axes = len(maps.shape) - 2
    sizes = [_size_after(axis, steps_of, stages, padding, pool_padding) for axis in range(axes)]
    blocks.require_size("convnet", image_shape, *sizes)
    for number, stage in enumerate(stages, start=1):
        pooled = _same
        if stage.pool_size not in (1, (1, 1)):
            pooled = POOLING[pool, axes](
                stage.pool_size, stage.pool_strides, pool_padding, name=f"pool{number}"
            )
        for index, width in enumerate(stage.widths, start=1):
            label = f"{number}_{index}"
            maps = CONVOLUTIONS[axes](
                width, stage.kernel_size, stage.strides, padding, name=f"conv{label}"
            )(maps)
            if batch_normalization:
                maps = keras.layers.BatchNormalization(name=f"norm{label}")(maps)
            if index == len(stage.widths) and pool_before_activation:
                maps, pooled = pooled(maps), _same
            maps = keras.layers.Activation(activation, name=f"{activation}{label}")(maps)
        maps = pooled(maps)
    if include_top:
        units = blocks.vector(maps, head, image_shape, "convnet")
        units = blocks.hidden_layers(units, hidden_units, activation, dropout, "hidden")
        outputs = blocks.classifier(units, num_classes, classifier_activation)
    else:
        outputs = blocks.without_top(maps, pooling)
    return loaded(keras.Model(image, outputs, name="convnet"), weights, include_top)


def _same(maps):
    return maps


@dataclass(frozen=True)
class _Stage:
    """One stage: a width for each convolution; sizes are numbers or (height, width)."""

    widths: tuple[int, ...]
    kernel_size: int | tuple[int, int]
    strides: int | tuple[int, int]
    pool_size: int | tuple[int, int]
    pool_strides: int | tuple[int, int]


def _stages(depths, widths, kernel_size, strides, pool_size, pool_strides) -> list[_Stage]:
    blocks.require_stages(depths, widths)
    for depth, width in zip(depths, widths, strict=True):
        if isinstance(width, tuple | list) and len(width) != depth:
            raise SettingError(
                f"A stage of {depth} convolutions needs {depth} widths, not {len(width)}: {width}."
            )
    sizes = _each_stage("pool_size", pool_size, len(depths))
    steps = _each_stage("pool_strides", pool_strides, len(depths))
    return [
        _Stage(tuple(width) if isinstance(width, tuple | list) else (width,) * depth, *others)
        for depth, width, *others in zip(
            depths,
            widths,
            _each_stage("kernel_size", kernel_size, len(depths)),
            _each_stage("strides", strides, len(depths)),
            sizes,
            [size if step is None else step for size, step in zip(sizes, steps, strict=True)],
            strict=True,
        )
    ]


def _each_stage(option: str, value, stages: int) -> list:
    if not isinstance(value, tuple | list):
        return [value] * stages
    if len(value) != stages:
        raise SettingError(
            f"{option} is one number, or one for each of {stages} stages, not {value!r}."
        )
    return list(value)


def _front(shape, vocabulary_size, embedding_size, sampling_rate, mel_bands) -> tuple:
    """Return the input, what the first convolution reads, and input steps -> steps of that."""
    if vocabulary_size is None and sampling_rate is None:
        if len(shape) not in (1, 2, 3):
            raise SettingError(
                "convnet takes (height, width, channels), (steps, channels) or (steps,), "
                f"not {shape}."
            )
        image = keras.Input(shape, name="image")
        if len(shape) > 1:
            return image, image, _same
        return image, keras.layers.Reshape((-1, 1), name="waveform")(image), _same
    if vocabulary_size and sampling_rate:
        raise SettingError("vocabulary_size is for texts and sampling_rate for sound: give one.")
    if len(shape) != 1:
        raise SettingError(
            f"With vocabulary_size or sampling_rate, convnet takes (steps,), not {shape}."
        )
    if vocabulary_size:
        tokens = keras.Input(shape, name="tokens", dtype="int32")
        vectors = keras.layers.Embedding(vocabulary_size, embedding_size, name="embedding")(tokens)
        return tokens, vectors, _same
    sound = keras.Input(shape, name="sound")
    step, window = (
        sampling_rate // STEPS_A_SECOND,
        2 ** round(math.log2(sampling_rate * WINDOW_SECONDS)),
    )
    if shape[0] is not None and shape[0] <= window // 2:
        raise SettingError(
            f"A log-mel spectrogram at {sampling_rate} samples a second needs at least "
            f"{window // 2 + 1} of them, not {shape[0]}."
        )
    # Keras cuts off what is top_db below the loudest value of the whole batch, so that an answer
    # would depend on its neighbours; 300 dB below is less than silence.
    bands = keras.layers.MelSpectrogram(
        fft_length=window, sequence_stride=step, sampling_rate=sampling_rate,
        num_mel_bins=mel_bands, top_db=300.0, min_power=SILENCE, name="log_mel",
    )(sound)  # fmt: skip
    bands = keras.layers.Rescaling(1 / 50, offset=1.0, name="decibels")(bands)
    maps = keras.layers.Permute((2, 1), name="steps_first")(bands)
    return sound, maps, lambda samples: 1 + samples // step


def _size_after(axis: int, steps_of, stages, padding: str, pool_padding: str):
    """Return the function from an input's size along an axis to that of the last feature map."""

    def size_after(size: int) -> int:
        size = steps_of(size)
        for stage in stages:
            kernel, stride = _along(stage.kernel_size, axis), _along(stage.strides, axis)
            for _ in stage.widths:
                size = blocks.size_of_map(size, kernel, stride, padding)
            window, step = _along(stage.pool_size, axis), _along(stage.pool_strides, axis)
            if stage.pool_size not in (1, (1, 1)):
                size = blocks.size_of_map(size, window, step, pool_padding)
        return size

    return size_after


def _along(size: int | tuple[int, int], axis: int) -> int:
    return size if isinstance(size, int) else size[axis]
