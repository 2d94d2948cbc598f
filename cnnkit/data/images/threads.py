"""Apply a function to many items in threads, with results in order and bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
CHUNK = 16  # items a task; submitting one task costs as much as decoding a tiny image


def cores() -> int:
    """Return how many cores this process may use.

    Returns:
        At least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ordered(
    function: Callable[[Item], Result], items: Iterable[Item], chunk: int = CHUNK
) -> Generator[Result, None, None]:
    """Apply a function in as many threads as there are cores.

    At most 4 * cores chunks are submitted at a time, so memory does not grow with the number of
    items. An exception of the function is raised when its item's result is due.

    >>> list(ordered(abs, [-2, 1, -3]))
    [2, 1, 3]

    Args:
        function: Called with each item.
        items: The items.
        chunk: Items for each task, at least 1.

    Yields:
        The results, in the order of the items.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(cores()) as pool:
        tasks = deque()
        try:
            while part := list(islice(remaining, chunk)):
                tasks.append(pool.submit(lambda part: [function(item) for item in part], part))
                if len(tasks) >= 4 * cores():
                    yield from tasks.popleft().result()
            while tasks:
                yield from tasks.popleft().result()
        finally:
            for task in tasks:
                task.cancel()
