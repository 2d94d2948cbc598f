"""A Dataset remembers how it was loaded, so that a run can load it again without its experiment."""

import functools
import os
from collections.abc import Callable

from cnnkit.data.dataset import Dataset


def remembers_call(loader: Callable[..., Dataset]) -> Callable[..., Dataset]:
    """Let what a loader returns have the loader's name or path, and its options, in `call`.

    Args:
        loader: A function of the catalogue, or one that takes a path first.

    Returns:
        The same function otherwise.
    """

    @functools.wraps(loader)
    def remembering(*path, **options) -> Dataset:
        dataset = loader(*path, **options)
        named = path or ([options["path"]] if "path" in options else [])
        name = os.path.abspath(named[0]) if named else loader.__name__
        options = {key: value for key, value in options.items() if key != "path"}
        object.__setattr__(dataset, "call", {"name": name, "options": options})
        return dataset

    return remembering
