"""Texts and waveforms, of shape (steps,), are explained as images are."""

import keras
import numpy as np
import pytest

from cnnkit import explain
from cnnkit.errors import SettingError

NOT, DULL = 2, 3  # numbers of words


@pytest.fixture(scope="module")
def reader():
    """A network that says class 1 where "not dull" stands; made by hand."""
    model = keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            keras.layers.Embedding(5, 5, name="words"),
            keras.layers.Conv1D(2, 2, activation="relu", name="pairs"),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(2, name="logits"),
        ]
    )
    pair, other = np.zeros((2, 5)), np.full((2, 5), 0.1)
    pair[0, NOT] = pair[1, DULL] = 1
    kernel = np.stack([pair, other], axis=-1)
    votes = np.array([[-8, 8], [0, 0]])
    model.set_weights([np.eye(5), kernel, np.array([-1, 0]), votes, np.array([4, -4])])
    return model


TEXTS = np.array(
    [[4, NOT, DULL, 4, 4, 1, 0], [4, DULL, NOT, 4, 4, 1, 0], [1, 1, 1, 1, NOT, DULL, 0]]
)


def test_the_part_that_excites_a_kernel_is_cut_out(reader):
    found = explain.top_patches(reader, TEXTS, "pairs", count=2)
    assert found.positions.shape == (2, 2, 1)
    assert set(zip(found.images[0], found.positions[0, :, 0], strict=True)) == {(0, 1), (2, 4)}
    for patch in found.patches(TEXTS, 0):
        np.testing.assert_array_equal(patch, [NOT, DULL])


def test_top_parts_of_sequences_with_channels_are_those_of_brute_force(noise):
    layer = keras.layers.Conv1D(3, 4, name="conv")
    model = keras.Sequential([keras.Input((9, 2)), layer])
    sounds = noise(12, 9, 2)
    kernel, bias = layer.get_weights()
    windows = np.lib.stride_tricks.sliding_window_view(sounds, 4, axis=1)  # (12, 6, 2, 4)
    values = np.einsum("bsck,kcf->bsf", windows, kernel) + bias
    found = explain.top_patches(model, sounds, "conv", count=3)
    for filter in range(3):
        best = values[..., filter].max(axis=1)
        np.testing.assert_allclose(found.values[filter], np.sort(best)[::-1][:3], rtol=1e-5)
        for image, (step,), patch in zip(
            found.images[filter],
            found.positions[filter],
            found.patches(sounds, filter),
            strict=True,
        ):
            assert values[image, step, filter] == pytest.approx(best[image])
            np.testing.assert_array_equal(patch, sounds[image, step : step + 4])


def test_covering_a_word_costs_what_leaving_it_out_costs(reader):
    loss = explain.occlusion(reader, TEXTS[0], 1, patch_size=1, baseline=1)
    assert loss.shape == (7,)

    def probability(text):
        return keras.ops.softmax(reader(text[None]))[0, 1]

    for step in range(7):
        covered = np.where(np.arange(7) == step, 1, TEXTS[0])
        assert loss[step] == pytest.approx(
            float(probability(TEXTS[0]) - probability(covered)), abs=1e-5
        )
    assert set(np.flatnonzero(loss > 0.5)) == {1, 2}


def test_grad_cam_of_a_text_has_a_value_a_word(reader):
    heat = explain.grad_cam(reader, TEXTS[[0, 2]], 1)
    assert heat.shape == (2, 7)
    assert heat[0, 1:3].max() > 0.8 > 0.2 > heat[0, 4:].max()
    assert heat[1].argmax() in (4, 5)


@pytest.mark.parametrize("method", [explain.score_cam, explain.rise])
def test_masks_do_not_multiply_numbers_of_words(reader, method):
    with pytest.raises(SettingError, match="use explain.grad_cam or explain.occlusion"):
        method(reader, TEXTS[0])
