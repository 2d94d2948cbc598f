"""The free network: each choice that it offers does what it says."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cnnkit import models
from cnnkit.errors import SettingError
from cnnkit.models import anatomy


def kinds(model):
    """The layers that make the order, by their first letters."""
    letters = {"Conv1D": "c", "Conv2D": "c", "MaxPooling2D": "p", "MaxPooling1D": "p", "Dense": "d"}
    return "".join(letters.get(row.kind, "") for row in anatomy(model).rows)


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, "cpcpdd"),
        ({"hidden_units": ()}, "cpcpd"),
        ({"hidden_units": (8, 4)}, "cpcpddd"),
        ({"depths": (2, 3), "widths": (4, 4)}, "ccpcccpdd"),
        ({"depths": (1, 0, 2), "widths": (4, 4, 4), "pool_size": (2, 2, 1)}, "cppccdd"),
        ({"depths": (0, 1), "widths": (1, 4)}, "pcpdd"),
    ],
)
def test_convolutions_and_poolings_stand_in_any_order(options, order):
    assert kinds(models.convnet((28, 28, 1), 10, **options)) == order


def test_each_convolution_and_pooling_has_its_own_size():
    model = models.convnet(
        (30, 40, 3), 5, depths=(2, 1), widths=((4, 6), 8), kernel_size=((5, 3), 1), padding="valid",
        strides=(1, (2, 1)), pool_size=(3, (2, 4)), pool_strides=(2, None),
    )  # fmt: skip
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in model.layers}
    assert shapes["conv1_1"] == (26, 38, 4)
    assert shapes["conv1_2"] == (22, 36, 6)
    assert shapes["pool1"] == (10, 17, 6)
    assert shapes["conv2_1"] == (5, 17, 8)
    assert shapes["pool2"] == (2, 4, 8)
    assert tuple(model.get_layer("conv1_2").kernel.shape) == (5, 3, 4, 6)


def last_size(size, options):
    """How many windows fit after each other, counted."""

    def fitting(size, window, step, padding):
        return len(range(0, size if padding == "same" else size - window + 1, step))

    names = ("depths", "kernel_size", "strides", "pool_size", "pool_strides")
    for depth, kernel, stride, pool, step in zip(*(options[key] for key in names), strict=True):
        for _ in range(depth):
            size = fitting(size, kernel, stride, options["padding"])
        if pool > 1:
            size = fitting(size, pool, step, options["pool_padding"])
    return size


@pytest.mark.once
@settings(max_examples=40, deadline=None)
@given(data=st.data(), size=st.integers(1, 24))
def test_maps_vanish_exactly_where_it_says_so(data, size):
    count = data.draw(st.integers(1, 2))
    many = st.lists(st.integers(1, 3), min_size=count, max_size=count).map(tuple)
    options = {
        "depths": data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)),
        "widths": (2,) * count,
        "kernel_size": data.draw(many),
        "strides": data.draw(many),
        "padding": data.draw(st.sampled_from(["same", "valid"])),
        "pool_size": data.draw(many),
        "pool_strides": data.draw(many),
        "pool_padding": data.draw(st.sampled_from(["same", "valid"])),
        "head": "global",
    }
    smallest = next(n for n in range(1, 10_000) if last_size(n, options) >= 1)
    if size < smallest:
        with pytest.raises(SettingError, match=f"{size} is too small, .* fits is {smallest}[.]"):
            models.convnet((size, 5_000, 1), 3, **options)
    built = models.convnet((max(size, smallest), 5_000, 1), 3, **options)
    pooled = built.get_layer("avg_pool").input.shape[1]
    assert pooled == last_size(max(size, smallest), options)


def test_texts_become_vectors_first():
    model = models.convnet((50,), 2, vocabulary_size=100, embedding_size=8, head="global")
    assert kinds(model) == "cpcpdd"
    assert tuple(model.get_layer("embedding").output.shape) == (None, 50, 8)
    tokens = np.random.default_rng(0).integers(0, 100, (3, 50))
    assert model(tokens).shape == (3, 2)


def test_texts_may_have_any_length():
    model = models.convnet((None,), 2, vocabulary_size=100, head="global")
    assert [model(np.zeros((1, n), "int32")).shape for n in (20, 33)] == [(1, 2)] * 2


def test_a_waveform_is_read_as_it_is():
    model = models.convnet((400,), 2, widths=(4, 4))
    assert tuple(model.get_layer("conv1_1").kernel.shape) == (3, 1, 4)
    assert model(np.zeros((2, 400), np.float32)).shape == (2, 2)


def mel(frequency):
    """The mel scale as O'Shaughnessy has it."""
    return 2595 * np.log10(1 + frequency / 700)


@pytest.mark.once
@pytest.mark.parametrize("sampling_rate", [8_000, 44_100])
@pytest.mark.parametrize("frequency", [500, 1_000, 3_000])
def test_a_tone_answers_in_its_band_of_the_spectrogram(sampling_rate, frequency):
    bands = 24
    model = models.convnet((sampling_rate // 2,), 2, sampling_rate=sampling_rate, mel_bands=bands)
    spectrogram = keras.Model(model.inputs[0], model.get_layer("steps_first").output)
    seconds = np.arange(sampling_rate // 2) / sampling_rate
    tone = np.sin(2 * np.pi * frequency * seconds).astype("float32")
    found = np.asarray(spectrogram(tone[None]))[0]
    assert found.shape == (51, bands)  # every 10 ms, both ends included
    edges = np.linspace(mel(20), mel(sampling_rate / 2), bands + 2)
    nearest = np.abs(edges[1:-1] - mel(frequency)).argmin()
    assert abs(int(found[25].argmax()) - nearest) <= 1


@pytest.mark.once
def test_an_answer_to_a_sound_does_not_depend_on_its_neighbours():
    model = models.convnet((4_000,), 3, sampling_rate=8_000)
    random = np.random.default_rng(0)
    quiet = random.normal(0, 1e-3, (1, 4_000)).astype("float32")
    loud = random.normal(0, 100, (1, 4_000)).astype("float32")
    together = np.asarray(model(np.concatenate([quiet, loud])))
    np.testing.assert_allclose(together[:1], model(quiet), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((28, 28, 1), {"widths": ((4, 4), 8)}, r"1 convolutions needs 1 widths, not 2: \(4, 4\)"),
        ((28, 28, 1), {"kernel_size": (3,)}, r"one for each of 2 stages, not \(3,\)"),
        ((8, 8, 1), {"pool_size": 9}, "8 is too small, the smallest size that fits is 81"),
        ((28, 28, 1), {"vocabulary_size": 9}, r"takes \(steps,\), not \(28, 28, 1\)"),
        ((100,), {"vocabulary_size": 9, "sampling_rate": 8_000}, "give one"),
        ((100,), {"sampling_rate": 8_000}, "at least 129 of them, not 100"),
        ((300,), {"sampling_rate": 8_000, "pool_size": 4}, "300 is too small, .* fits is 1200"),
        ((2, 3, 4, 5), {}, r"\(steps,\), not \(2, 3, 4, 5\)"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(shape, options, words):
    with pytest.raises(SettingError, match=words):
        models.convnet(shape, 5, **options)


@pytest.mark.parametrize("options", [{"vocabulary_size": 50}, {"sampling_rate": 8_000}])
def test_fronts_come_back_from_a_file_with_the_same_bits(options, tmp_path):
    model = models.convnet((2_000,), 3, **options)
    model.save(tmp_path / "model.keras")
    inputs = np.random.default_rng(0).integers(0, 50, (2, 2_000)).astype("float32")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        model.predict(inputs, verbose=0), again.predict(inputs, verbose=0)
    )
