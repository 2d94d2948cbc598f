"""Assign files to train, validation and test by their content.

Files with the same content end in the same split, so no test picture is seen in training.
"""

import hashlib
from collections.abc import Mapping, Sequence

from cnnkit.data.files.listing import File
from cnnkit.data.images.decode import display
from cnnkit.errors import SettingError

# A picture that lies in the folders of several splits stays in the first of these.
ORDER = ("test", "validation", "train")


def assign(
    files: Sequence[File],
    digests: Sequence[bytes],
    class_names: Sequence[str],
    *,
    fractions: Mapping[str, float],
    seed: int,
    stratify: bool = True,
) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Assign files to splits.

    Files stay in the split that their folder or table names. A split without files is drawn from
    the training files. The draw is a function of (seed, content) for each file alone: an added or
    deleted picture moves hardly any other, and paths do not matter.

    Args:
        files: The files.
        digests: A hash of each file's content.
        class_names: A name a class.
        fractions: Of the training files, for "validation" and "test"; between 0 and 1. Each drawn
            split has at least one file of every class.
        seed: Draws the splits.
        stratify: Draw the fraction of every class, rather than of all files together.

    Returns:
        Positions in `files` by split; and reasons by path, of files that are left out because
        another split has their content.

    Raises:
        SettingError: A class has too few different files, or a fraction is not allowed.
    """
    splits, left_out = _named_splits(files, digests)
    wanted = {name: fractions[name] for name in ("test", "validation") if not splits[name]}
    for name, fraction in wanted.items():
        if not 0 < fraction < 1 or sum(wanted.values()) >= 1:
            raise SettingError(
                f"{name}={fraction} is no fraction of the pictures: it lies between 0 and 1, and "
                "with that of the other splits below 1."
            )
    drawn = _draw(splits["train"], files, digests, class_names, wanted, seed, stratify)
    candidates, splits["train"] = splits["train"], []
    for position in candidates:
        splits[drawn.get(digests[position], "train")].append(position)
    return splits, left_out


def require_every_class(files: Sequence[File], class_names: Sequence[str]) -> None:
    """Check that every class has training files.

    Args:
        files: The training files.
        class_names: A name a class.

    Raises:
        SettingError: A class has no file.
    """
    present = {label for file in files for label in file.labels}
    absent = [name for label, name in enumerate(class_names) if label not in present]
    if absent:
        raise SettingError(
            f"There is nothing to train on of {', '.join(absent)}: add some, or take "
            "the class away."
        )


def rank(digest: bytes, seed: int) -> bytes:
    """Return a sort key that puts contents into a random order.

    Args:
        digest: A hash of a file's content.
        seed: Another seed, another order.

    Returns:
        A function of seed and content alone, 32 bytes.
    """
    return hashlib.sha256(f"{seed} ".encode() + digest).digest()


def _named_splits(files, digests) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Return the splits that folders or tables name, each content in one of them only."""
    splits, left_out, first_seen = {name: [] for name in ORDER}, {}, {}
    for name in ORDER:
        for position, file in enumerate(files):
            if (file.split or "train") == name:
                first = first_seen.setdefault(digests[position], (name, file.path))
                if first[0] == name:
                    splits[name].append(position)
                else:
                    left_out[file.path] = f"has the content of {display(first[1])}"
    return splits, left_out


def _draw(positions, files, digests, class_names, wanted, seed, stratify) -> dict[bytes, str]:
    """Return the new split of each content that leaves the training split."""
    first: dict[bytes, int] = {}
    for position in positions:
        first.setdefault(digests[position], position)
    groups: dict[tuple[int, ...], list[bytes]] = {}
    for digest, position in first.items():
        labels = files[position].labels if stratify else ()
        groups.setdefault(labels, []).append(digest)
    drawn = {}
    for labels, contents in groups.items():
        if len(contents) <= len(wanted):
            subject = f"Class {class_names[labels[0]]!r}" if labels else "The data set"
            raise SettingError(
                f"{subject} has {len(contents)} different pictures to train on and hold out, and "
                f"{len(wanted) + 1} is the fewest that can be split: add some, or take it away."
            )
        contents.sort(key=lambda digest: rank(digest, seed))
        start = 0
        for later, (name, fraction) in zip(range(len(wanted))[::-1], wanted.items(), strict=True):
            most = len(contents) - start - later - 1  # one for each later split, and for training
            count = min(max(1, round(fraction * len(contents))), most)
            drawn |= dict.fromkeys(contents[start : start + count], name)
            start += count
    return drawn
