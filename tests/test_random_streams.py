from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cnnkit import data
from cnnkit.data import Split
from cnnkit.data.batches import Batches
from cnnkit.random_streams import Purpose, random_generator

pytestmark = pytest.mark.once

WORDS = st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1))
STREAMS = st.tuples(
    st.integers(0, 2**40), st.sampled_from(Purpose), st.lists(WORDS, max_size=3).map(tuple)
)


def drawn(stream):
    seed, purpose, index = stream
    return random_generator(seed, purpose, *index).integers(2**63, size=2).tolist()


@given(one=STREAMS, other=STREAMS)
def test_no_two_streams_are_equal(one, other):
    assert (drawn(one) == drawn(other)) == (one == other)


@given(seed=st.integers(0, 3), purposes=st.permutations(list(Purpose)), epoch=st.integers(0, 3))
def test_purposes_epochs_and_steps_have_streams_of_their_own(seed, purposes, epoch):
    one, other = purposes[:2]
    streams = [(one, ()), (one, (epoch,)), (one, (epoch, 0)), (one, (epoch, 1)), (other, (epoch,))]
    assert len({tuple(drawn((seed, *stream))) for stream in streams}) == len(streams)


def test_the_first_step_s_augmentation_does_not_draw_what_the_shuffle_draws():
    changing = SimpleNamespace(variables=[SimpleNamespace(path="layer/seed_generator_state")])
    split = Split(np.zeros((8, 1), np.float32), np.zeros(8, int))
    batches = Batches(split, 4, seed=5, augment=changing, epoch=2)
    order = random_generator(5, Purpose.SHUFFLE, 2)
    np.testing.assert_array_equal(batches.order(), order.permutation(8))
    of_shuffle = random_generator(5, Purpose.SHUFFLE, 2).integers(2**32, size=(1, 2))
    assert (batches.keys(0) != of_shuffle).any()
    old = np.random.default_rng([5, 2])
    assert (batches.keys(0) != old.integers(2**32, size=(1, 2), dtype=np.uint32)).any()


def test_data_sets_of_one_seed_and_its_shuffle_share_no_stream():
    with pytest.MonkeyPatch.context() as patch:
        streams = []

        def noted(seed, purpose, *index):
            streams.append((purpose, *index))
            return random_generator(seed, purpose, *index)

        patch.setattr("cnnkit.data.builtin.xo.random_generator", noted)
        patch.setattr("cnnkit.data.batches.random_generator", noted)
        Batches(data.xo(train=4, validation=2, test=2).train, 2, seed=0).order()
    assert len(set(streams)) == len(streams) == 4
