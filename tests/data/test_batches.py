import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cnnkit.data import Split
from cnnkit.data.batches import Batches


def split(samples=50):
    images = np.arange(samples * 64, dtype=np.float32).reshape(samples, 8, 8, 1) % 255
    return Split(images, np.arange(samples))


def epoch_of(batches):
    return [batches[step] for step in range(batches.num_batches)]


@settings(max_examples=50, deadline=None)
@given(samples=st.integers(1, 200), batch_size=st.integers(1, 64), seed=st.integers(0, 2**32 - 1))
def test_an_epoch_has_every_sample_once(samples, batch_size, seed):
    batches = Batches(split(samples), batch_size, seed=seed)
    labels = np.concatenate([labels for _, labels in epoch_of(batches)])
    assert sorted(labels) == list(range(samples))


def test_inputs_stay_with_their_labels_and_are_scaled():
    for inputs, labels in epoch_of(Batches(split(), 16, seed=1, scale=1 / 255)):
        np.testing.assert_allclose(inputs, split().inputs[labels] / 255, rtol=1e-6)
        assert inputs.dtype == np.float32


def test_the_order_is_a_function_of_seed_and_epoch():
    def orders(seed, epoch=0):
        batches = Batches(split(), 16, seed=seed, epoch=epoch)
        found = []
        for _ in range(3):
            found.append(batches.order().tolist())
            batches.on_epoch_end()
        return found

    assert orders(7) == orders(7)
    assert len({tuple(order) for order in orders(7)}) == 3
    assert orders(7)[0] != orders(8)[0]
    assert orders(7, epoch=1)[0] == orders(7)[1]


def test_fit_sees_another_order_every_epoch():
    seen = set()

    class Watched(Batches):
        def __getitem__(self, step):
            inputs, labels = super().__getitem__(step)
            seen.add((self.epoch, step, tuple(labels.tolist())))
            return inputs, labels

    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(50)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = Watched(split(), 10, seed=5, scale=1 / 255)
    model.fit(batches, epochs=3, verbose=0, callbacks=[batches.follow()])
    for epoch in range(3):
        alone = epoch_of(Batches(split(), 10, seed=5, epoch=epoch))
        wanted = {(epoch, step, tuple(labels.tolist())) for step, (_, labels) in enumerate(alone)}
        assert wanted <= seen


@pytest.fixture
def turning():
    return keras.Sequential(
        [keras.layers.RandomRotation(0.2), keras.layers.RandomTranslation(0.2, 0.2)]
    )


def test_augmentation_does_not_depend_on_what_was_called_before(turning):
    batches = Batches(split(), 16, seed=3, augment=turning)
    wanted = batches[2][0]
    batches[0], batches[1]
    np.testing.assert_array_equal(batches[2][0], wanted)


def test_augmentation_differs_by_step_epoch_and_seed(turning):
    same = Split(np.tile(split(1).inputs, (32, 1, 1, 1)), np.zeros(32, int))
    batches = Batches(same, 16, seed=3, augment=turning)
    first, second = batches[0][0], batches[1][0]
    batches.on_epoch_end()
    third = batches[0][0]
    fourth = Batches(same, 16, seed=4, augment=turning)[0][0]
    for one, other in ((first, second), (first, third), (first, fourth), (second, third)):
        assert np.abs(one - other).max() > 1


def test_without_augmentation_nothing_is_changed():
    np.testing.assert_array_equal(Batches(split(), 50)[0][0], split().inputs)


def test_the_layers_of_an_augmentation_draw_independently():
    # Of one bright pixel, how far it moves down must not tell how far it moves to the right.
    images = np.zeros((400, 41, 41, 1), np.float32)
    images[:, 20, 20] = 1
    down = keras.layers.RandomTranslation(0.4, 0.0, "constant", "nearest")
    right = keras.layers.RandomTranslation(0.4, 0.0, "constant", "nearest")
    turn = keras.layers.Permute((2, 1, 3))
    augment = keras.Sequential([down, turn, right, turn])
    inputs, _ = Batches(Split(images, np.zeros(400, int)), 400, augment=augment)[0]
    down, right = np.unravel_index(inputs.reshape(400, -1).argmax(axis=1), (41, 41))
    assert down.std() > 5
    assert right.std() > 5
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.2
