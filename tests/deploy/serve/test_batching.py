"""The batcher batches by size and by time, and gives each its own row."""

import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cnnkit.deploy.serve.batching import Batcher, QueueFull

pytestmark = pytest.mark.once


class Doubling:
    """Doubles numbers, in batches that it remembers; may be held up, and fails on -1."""

    def __init__(self):
        self.batches, self.free, self.began = [], threading.Event(), threading.Event()
        self.free.set()

    def __call__(self, samples):
        self.batches.append(samples)
        self.began.set()
        self.free.wait(30)
        if -1 in samples:
            raise ArithmeticError("minus one")
        return 2 * np.array(samples)


def batcher(compute, max_batch=4, max_wait=30.0, max_queue=100, **options):
    return Batcher(compute, max_batch=max_batch, max_wait=max_wait, max_queue=max_queue, **options)


async def begun(compute, at, sample):
    """A task whose sample is being computed, until `compute.free` is set."""
    compute.free.clear()
    task = asyncio.create_task(at.submit([sample]))
    await asyncio.to_thread(compute.began.wait, 30)
    return task


def test_a_full_batch_waits_for_nobody():
    async def main():
        compute = Doubling()
        async with batcher(compute, max_wait=30) as at:
            rows = await asyncio.gather(*(at.submit([number]) for number in range(8)))
        assert rows == [[2 * number] for number in range(8)]
        assert compute.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]

    asyncio.run(main())


def test_one_that_is_alone_waits_its_time_and_no_longer():
    async def main():
        sizes = []
        at = batcher(
            Doubling(), max_wait=0.01, observe=lambda size, seconds: sizes.append((size, seconds))
        )
        async with at:
            assert await at.submit([3]) == [6]
        ((size, seconds),) = sizes
        assert size == 1
        assert 0 <= seconds < 10

    asyncio.run(main())


def test_what_arrives_while_the_model_computes_is_one_batch():
    async def main():
        compute = Doubling()
        async with batcher(compute, max_batch=9, max_wait=0) as at:
            first = await begun(compute, at, 0)
            others = [asyncio.create_task(at.submit([number])) for number in range(1, 6)]
            while at.waiting < 5:
                await asyncio.sleep(0)
            compute.free.set()
            assert await asyncio.gather(first, *others) == [[2 * number] for number in range(6)]
        assert compute.batches == [[0], [1, 2, 3, 4, 5]]

    asyncio.run(main())


def test_a_failure_hits_its_own_batch_alone():
    async def main():
        async with batcher(Doubling(), max_batch=2) as at:
            failed = await asyncio.gather(
                at.submit([-1]), at.submit([1]), at.submit([2, 3]), return_exceptions=True
            )
        assert [type(each) for each in failed] == [ArithmeticError, ArithmeticError, list]
        assert failed[2] == [4, 6]

    asyncio.run(main())


def test_a_row_too_few_is_a_failure_not_an_answer_of_somebody_else():
    async def main():
        async with batcher(lambda samples: np.zeros(1), max_batch=2) as at:
            with pytest.raises(ValueError, match="shorter"):
                await at.submit([1, 2])

    asyncio.run(main())


def test_a_full_queue_takes_all_of_a_request_or_nothing():
    async def main():
        compute = Doubling()
        async with batcher(compute, max_wait=0, max_queue=3) as at:
            first = await begun(compute, at, 0)
            waits = asyncio.create_task(at.submit([1, 2]))
            while at.waiting < 2:
                await asyncio.sleep(0)
            with pytest.raises(QueueFull):
                await at.submit([3, 4])
            assert at.waiting == 2
            compute.free.set()
            assert await first == [0]
            assert await waits == [2, 4]
            assert await at.submit([3, 4]) == [6, 8]

    asyncio.run(main())


def test_who_gives_up_is_not_computed():
    async def main():
        compute = Doubling()
        async with batcher(compute, max_wait=0) as at:
            first = await begun(compute, at, 0)
            leaves, stays = (asyncio.create_task(at.submit([number])) for number in (1, 2))
            while at.waiting < 2:
                await asyncio.sleep(0)
            leaves.cancel()
            await asyncio.gather(leaves, return_exceptions=True)
            compute.free.set()
            assert await asyncio.gather(first, stays) == [[0], [4]]
        assert compute.batches == [[0], [2]]

    asyncio.run(main())


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    groups=st.lists(st.lists(st.integers(0, 1000), min_size=1, max_size=7), max_size=20),
    max_batch=st.integers(1, 9),
)
def test_each_gets_the_rows_of_its_own_samples_in_order(groups, max_batch):
    async def main():
        compute = Doubling()
        async with batcher(compute, max_batch=max_batch, max_wait=0, max_queue=1000) as at:
            rows = await asyncio.gather(*(at.submit(group) for group in groups))
        assert rows == [[2 * number for number in group] for group in groups]
        assert all(len(batch) <= max_batch for batch in compute.batches)

    asyncio.run(main())
