"""Evaluated: what a model is worth on some data, with how the names of their classes match."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.evaluation.measures import Measures


@dataclass(frozen=True)
class ClassMatch:
    """Which classes of some data are which classes of a model.

    Attributes:
        pairs: The index of the model's class for each class of the data; None where none matches.
        unknown: Names of the data's classes that the model does not know.
        absent: Names of the model's classes that the data do not have.
        renamed: (name in the data, name in the model) of those that match and are written otherwise.
    """

    pairs: tuple[int | None, ...]
    unknown: tuple[str, ...]
    absent: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]

    @property
    def is_whole(self) -> bool:
        """Whether both have the same classes."""
        return not self.unknown and not self.absent

    def in_words(self, shown: int = 10) -> list[str]:
        """Return a sentence for each thing that differs.

        Args:
            shown: How many names a sentence lists.
        """
        matched = sum(each is not None for each in self.pairs)
        lines = []
        if not self.is_whole:
            lines.append(f"{matched} of {len(self.pairs)} classes of the data match by name.")
        if self.unknown:
            lines.append(
                f"Left out, as the model does not know them: {_some(self.unknown, shown)}."
            )
        if self.absent:
            lines.append(f"Known to the model and not in the data: {_some(self.absent, shown)}.")
        if self.renamed:
            words = tuple(f"{theirs} is {ours}" for theirs, ours in self.renamed)
            lines.append(f"Written otherwise: {_some(words, shown)}.")
        return lines


def match_classes(
    data_names: Sequence[str], model_names: Sequence[str], model_ids: Sequence[str] = ()
) -> ClassMatch:
    """Match the classes of some data with those of a model by their names.

    Names are equal if they differ in capitals, spaces, "-" and "_" at most. A name that two classes
    of the model have matches neither, unless it is written exactly like one of them.

    Args:
        data_names: A name a class.
        model_names: A name a class.
        model_ids: Other names of the model's classes, such as WordNet ids.

    Returns:
        The ClassMatch.

    >>> match_classes(["Fox_1", "n02", "emu"], ["cat", "fox 1"], ["n02", "n01"]).pairs
    (1, 0, None)
    """
    exact, alike = _places(model_names), _places(map(_plain, model_names))
    by_id = _places(model_ids)
    pairs = tuple(
        next(
            (
                places[0]
                for places in (exact.get(name), by_id.get(name), alike.get(_plain(name)))
                if places and len(places) == 1
            ),
            None,
        )
        for name in data_names
    )
    named = list(zip(data_names, pairs, strict=True))
    return ClassMatch(
        pairs,
        tuple(name for name, place in named if place is None),
        tuple(name for place, name in enumerate(model_names) if place not in pairs),
        tuple(
            (name, model_names[p]) for name, p in named if p is not None and name != model_names[p]
        ),
    )


@dataclass(frozen=True)
class Evaluated:
    """What a model is worth on some data.

    Attributes:
        model: The model's name.
        data: The data's name.
        split: Which samples: "train", "validation" or "test"; "all" for data without splits.
        views: What predictions were averaged over, in words; "" for the samples as they are.
        measures: What the predictions say.
        match: How the names of classes match.
        left_out: Number of samples of classes that the model does not know.
        bad: Why files could not be read, by name; they are left out, too.
    """

    model: str
    data: str
    split: str
    views: str
    measures: Measures
    match: ClassMatch
    left_out: int = 0
    bad: dict[str, str] | None = None

    def __repr__(self) -> str:
        name, first = next(iter(self.measures.overall.items()))
        return f"<Evaluated {self.model!r} on {self.data!r}: {name} {first.value:.2%}>"

    def notes(self) -> list[str]:
        """Return a sentence for each thing that a reader of the numbers should know."""
        lines = self.match.in_words()
        if self.left_out == 1:
            lines.append("1 sample of a class that the model does not know is left out.")
        elif self.left_out:
            lines.append(
                f"{self.left_out:,} samples of classes that the model does not know are left out."
            )
        lines += [
            f"{name} {problem}; it is left out." for name, problem in (self.bad or {}).items()
        ]
        return lines + ([f"Averaged over views: {self.views}."] if self.views else [])

    def as_json(self) -> dict:
        """Return everything as JSON can hold it."""
        return {
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "views": self.views or None,
            "left_out": self.left_out,
            "bad_files": self.bad or {},
            "classes_not_in_model": list(self.match.unknown),
            "classes_not_in_data": list(self.match.absent),
            "classes_written_otherwise": dict(self.match.renamed),
            **self.measures.as_json(),
        }


def _places(names) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    return places


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _some(names: Sequence[str], shown: int) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
