"""The free network: the usual choices of a plain convolutional network, each as an option."""

import math
from dataclasses import dataclass

import keras

from cnnkit.errors import SettingError
from cnnkit.models.families import checks
from cnnkit.models.families.top import Top, hidden_layers, vector

CONVOLUTIONS = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}
POOLING = {
    ("max", 2): keras.layers.MaxPooling2D,
    ("average", 2): keras.layers.AveragePooling2D,
    ("max", 1): keras.layers.MaxPooling1D,
    ("average", 1): keras.layers.AveragePooling1D,
}

# Of a log-mel spectrogram: windows of about 32 ms every 10 ms; powers below 1e-10 are silence.
WINDOW_SECONDS, STEPS_PER_SECOND, SILENCE = 0.032, 100, 1e-10


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
    """Build a plain network of your choice: stages of convolutions and a pooling, then dense layers.

    A stage of depth 0 only pools and one with pool_size 1 only convolves, so convolutions and
    poolings can stand in any order, each with its own size.

    Args:
        image_shape: (height, width, channels) for images; (steps, channels) or (steps,) for
            sequences, which get 1-D layers. Inputs are floats.
        num_classes: Number of logits, at least 1.
        depths: Convolutions of each stage.
        widths: Filters of each stage's convolutions, or a tuple with those of each convolution.
        kernel_size: Window of every convolution, or a tuple with that of each stage, where (5, 3)
            is a height and width.
        strides: Step of every convolution, or a tuple with that of each stage.
        padding: Padding of convolutions, "same" or "valid".
        activation: Activation of convolutions and hidden layers.
        pool: "max" or "average".
        pool_size: Window of every pooling, or a tuple with that of each stage.
        pool_strides: Step of every pooling, or a tuple with that of each stage; None for the window.
        pool_padding: "valid", or "same" to keep the rows and columns that do not fill a window.
        pool_before_activation: Whether to pool before the activation. With max pooling and ReLU the
            result is the same for less work, as both keep the order of values.
        hidden_units: Size of each dense layer before the logits.
        dropout: Part of the units that dropout sets to zero after each of them; 0 for no dropout.
        batch_normalization: Whether to normalise between every convolution and its activation.
        head: "flatten", or "global" for the mean of each feature map, which takes any image size.
        vocabulary_size: For texts of shape (steps,): number of tokens, each of which becomes a
            vector first.
        embedding_size: For texts: length of these vectors.
        sampling_rate: For sounds of shape (samples,): samples a second. The network then begins
            with a log-mel spectrogram, 100 steps a second; without it, convolutions read the
            waveform.
        mel_bands: For sounds: bands of the spectrogram.
        include_top: Whether to include the head.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: Path of a weights file, or None for random weights.

    Returns:
        An uncompiled model from inputs to logits, (batch, num_classes).

    Raises:
        SettingError: Options contradict each other, or the input is too small for so many stages.

    >>> convnet((28, 28, 1), 10, widths=(8, 16), hidden_units=()).count_params()
    9098
    """
    top = Top(num_classes, include_top, pooling, classifier_activation, weights)
    checks.require_choice("pool", pool, tuple(kind for kind, axes in POOLING if axes == 1))
    checks.require_choice("padding", padding, ("same", "valid"))
    checks.require_choice("pool_padding", pool_padding, ("same", "valid"))
    image, maps, steps_of = _inputs(
        tuple(image_shape), vocabulary_size, embedding_size, sampling_rate, mel_bands
    )
    stages = _stages(depths, widths, kernel_size, strides, pool_size, pool_strides)
    axes = range(len(maps.shape) - 2)
    sizes = [_size_after(axis, steps_of, stages, padding, pool_padding) for axis in axes]
    checks.require_size("convnet", image_shape, *sizes)
    for number, stage in enumerate(stages, start=1):
        maps = _apply_stage(
            maps, stage, number, padding=padding, activation=activation, pool=pool,
            pool_padding=pool_padding, pool_before_activation=pool_before_activation,
            batch_normalization=batch_normalization,
        )  # fmt: skip

    def head_of(maps):
        features = vector(maps, head, image_shape, "convnet")
        return hidden_layers(features, hidden_units, activation, dropout, "hidden")

    return top.finish("convnet", image, maps, head_of)


def _apply_stage(
    maps, stage, number, *, padding, activation, pool, pool_padding, pool_before_activation,
    batch_normalization,
):  # fmt: skip
    """Apply a stage's convolutions and its pooling."""
    axes = len(maps.shape) - 2
    pool_maps = _identity
    if stage.pool_size not in (1, (1, 1)):
        pool_maps = POOLING[pool, axes](
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
            maps, pool_maps = pool_maps(maps), _identity
        maps = keras.layers.Activation(activation, name=f"{activation}{label}")(maps)
    return pool_maps(maps)


def _identity(maps):
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
    checks.require_stages(depths, widths)
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


def _inputs(shape, vocabulary_size, embedding_size, sampling_rate, mel_bands) -> tuple:
    """Return the input, what the first convolution reads, and input steps -> steps of that."""
    if vocabulary_size and sampling_rate:
        raise SettingError("vocabulary_size is for texts and sampling_rate for sound: give one.")
    if vocabulary_size is None and sampling_rate is None:
        if len(shape) not in (1, 2, 3):
            raise SettingError(
                "convnet takes (height, width, channels), (steps, channels) or (steps,), "
                f"not {shape}."
            )
        image = keras.Input(shape, name="image")
        if len(shape) > 1:
            return image, image, _identity
        return image, keras.layers.Reshape((-1, 1), name="waveform")(image), _identity
    if len(shape) != 1:
        raise SettingError(
            f"With vocabulary_size or sampling_rate, convnet takes (steps,), not {shape}."
        )
    if vocabulary_size:
        tokens = keras.Input(shape, name="tokens", dtype="int32")
        vectors = keras.layers.Embedding(vocabulary_size, embedding_size, name="embedding")(tokens)
        return tokens, vectors, _identity
    return _sound_inputs(shape, sampling_rate, mel_bands)


def _sound_inputs(shape, sampling_rate, mel_bands) -> tuple:
    """Return the input, its log-mel spectrogram, and samples -> steps."""
    sound = keras.Input(shape, name="sound")
    step = sampling_rate // STEPS_PER_SECOND
    window = 2 ** round(math.log2(sampling_rate * WINDOW_SECONDS))
    if shape[0] is not None and shape[0] <= window // 2:
        raise SettingError(
            f"A log-mel spectrogram at {sampling_rate} samples a second needs at least "
            f"{window // 2 + 1} of them, not {shape[0]}."
        )
    # Keras cuts off values top_db below the loudest of the whole batch, so a result would depend on
    # the other samples; 300 dB below is less than silence.
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
                size = checks.output_size(size, kernel, stride, padding)
            window, step = _along(stage.pool_size, axis), _along(stage.pool_strides, axis)
            if stage.pool_size not in (1, (1, 1)):
                size = checks.output_size(size, window, step, pool_padding)
        return size

    return size_after


def _along(size: int | tuple[int, int], axis: int) -> int:
    return size if isinstance(size, int) else size[axis]
