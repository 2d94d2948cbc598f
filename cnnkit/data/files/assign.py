"""Which file goes into which split: by its content, so that no picture is on two sides."""

import hashlib
from collections.abc import Sequence

from cnnkit.data.files.listing import File
from cnnkit.data.images.decode import display
from cnnkit.errors import SettingError

# A picture that is in several given splits stays in the one that must not be seen in training.
ORDER = ("test", "validation", "train")


def assign(
    files: Sequence[File],
    digests: Sequence[bytes],
    class_names: Sequence[str],
    *,
    fractions: dict[str, float],
    seed: int,
    stratify: bool = True,
) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Return ({split: positions in `files`}, {path left out: reason}).

    digests: of each file's content; files with the same one end in the same split. A split that
    no file was put into by hand is taken from the training files: of each class (unless not
    `stratify`) the fraction that `fractions` gives it, at least one.

    Which ones is a function of (seed, content) for each file alone: a picture added or taken away
    moves hardly any other, and its path and machine do not matter.

    Raises SettingError where a class has too few different pictures, or a fraction is not allowed.
    """
    splits, left_out = _given(files, digests)
    wanted = {name: fractions[name] for name in ("test", "validation") if not splits[name]}
    for name, fraction in wanted.items():
        if not 0 < fraction < 1 or sum(wanted.values()) >= 1:
            raise SettingError(
                f"{name}={fraction} is no fraction of the pictures: it lies between 0 and 1, and "
                "with that of the other splits below 1."
            )
    place = _drawn(splits["train"], files, digests, class_names, wanted, seed, stratify)
    rest, splits["train"] = splits["train"], []
    for position in rest:
        splits[place.get(digests[position], "train")].append(position)
    return splits, left_out


def require_every_class(files: Sequence[File], class_names: Sequence[str]) -> None:
    """Raise SettingError where a class has no file among these, which are to train on."""
    present = {label for file in files for label in file.labels}
    absent = [name for label, name in enumerate(class_names) if label not in present]
    if absent:
        raise SettingError(
            f"There is nothing to train on of {', '.join(absent)}: add some, or take "
            "the class away."
        )


def rank(digest: bytes, seed: int) -> bytes:
    """Return what to sort contents by for a random order that is a function of (seed, content)."""
    return hashlib.sha256(f"{seed} ".encode() + digest).digest()


def _given(files, digests) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Return the splits as files were put into them, without repetitions across them."""
    splits, left_out, seen = {name: [] for name in ORDER}, {}, {}
    for name in ORDER:
        for position, file in enumerate(files):
            if (file.split or "train") == name:
                first = seen.setdefault(digests[position], (name, file.path))
                if first[0] == name:
                    splits[name].append(position)
                else:
                    left_out[file.path] = f"has the content of {display(first[1])}"
    return splits, left_out


def _drawn(positions, files, digests, class_names, wanted, seed, stratify) -> dict[bytes, str]:
    """Return the split of each content that leaves the training split."""
    groups: dict[tuple[int, ...], list[bytes]] = {}
    seen = set()
    for position in positions:
        if digests[position] not in seen:
            seen.add(digests[position])
            labels = files[position].labels if stratify else ()
            groups.setdefault(labels, []).append(digests[position])
    place = {}
    for labels, contents in groups.items():
        if len(contents) <= len(wanted):
            whose = f"Class {class_names[labels[0]]!r}" if labels else "The data set"
            raise SettingError(
                f"{whose} has {len(contents)} different pictures to train on and hold out, and "
                f"{len(wanted) + 1} is the fewest that can be split: add some, or take it away."
            )
        contents.sort(key=lambda digest: rank(digest, seed))
        start = 0
        for others, (name, fraction) in zip(range(len(wanted))[::-1], wanted.items(), strict=True):
            room = len(contents) - start - others - 1  # one for each split after it, and training
            count = min(max(1, round(fraction * len(contents))), room)
            place |= dict.fromkeys(contents[start : start + count], name)
            start += count
    return place
