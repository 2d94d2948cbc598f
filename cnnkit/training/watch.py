"""Who watches a training from outside, such as a search that may end it early."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import keras

from cnnkit.experiment.experiment import Experiment


def _anything(experiment: Experiment) -> None:
    """Accept every experiment."""


@dataclass(frozen=True)
class Watch:
    """What a run does for the one who watches it. The training's numbers stay the same.

    Attributes:
        callbacks: See every epoch after the run has recorded it. They are no part of the recipe.
        recipe: More parts of experiment.json, or others than the run would write itself. A run
            with a `study` is a trial of a search, and leaves the test split alone.
        expect: Called with the built experiment before a folder is made; raises what it refuses.
        verbose: As in `keras.Model.fit`.
    """

    callbacks: Sequence[keras.callbacks.Callback] = ()
    recipe: Mapping = field(default_factory=dict)
    expect: Callable[[Experiment], None] = _anything
    verbose: str | int = "auto"


NOT_WATCHED = Watch()
