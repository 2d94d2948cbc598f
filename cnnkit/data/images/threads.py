"""A function over many items in threads: results in order, and only a few of them waiting."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
CHUNK = 16  # items a task: handing over one takes as long as decoding a tiny image


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ordered(
    function: Callable[[Item], Result], items: Iterable[Item], chunk: int = CHUNK
) -> Generator[Result, None, None]:
    """Yield function(item) for each item, in their order, computed by as many threads as cores.

    At most 4 * cores chunks are under way, so memory does not grow with the number of items. An
    exception of the function is raised here, in its item's turn.

    >>> list(ordered(abs, [-2, 1, -3]))
    [2, 1, 3]
    """
    remaining = iter(items)
    with ThreadPoolExecutor(cores()) as pool:
        waiting = deque()
        try:
            while part := list(islice(remaining, chunk)):
                waiting.append(pool.submit(lambda part: [function(item) for item in part], part))
                if len(waiting) >= 4 * cores():
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for task in waiting:
                task.cancel()
