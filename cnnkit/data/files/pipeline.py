"""From a path to a Dataset: the steps that images, sounds and texts share.

1. `list_path` lists a folder or a table.
2. The loader reads each file, and hashes what it has read.
3. `ReadableFiles` refuses bad files, or leaves them out.
4. `split` assigns files to train, validation and test by their content.
5. `dataset` makes a Dataset of the splits.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.files.assign import assign, rank, require_every_class
from cnnkit.data.files.listing import File, Listing, list_folder
from cnnkit.data.files.table import SUFFIXES, list_table
from cnnkit.data.images.decode import display
from cnnkit.data.inspection import duplicates
from cnnkit.data.sampling import first_of_each_class
from cnnkit.errors import BadFilesError


def list_path(path: Path) -> Listing:
    """List the files of a folder, or of a table of paths.

    Args:
        path: A folder, or a .csv, .tsv or .parquet file.

    Returns:
        The files with their classes, and what is wrong or ignored.

    Raises:
        MissingDataError: There is nothing at the path.
        SettingError: The folder or the table allows no data set.
    """
    return (list_table if path.suffix.lower() in SUFFIXES else list_folder)(path)


def name_of(path: Path) -> str:
    """Return the name of the data set at a path: the table's or the folder's."""
    return path.stem if path.is_file() else display(path.resolve().name)


class ReadableFiles:
    """The files of a listing that could be read, with the hashes of their contents.

    Args:
        listing: All files.
        digests: SHA-256 of each file's content, 32 bytes; None for a file that cannot be read.
        bad: Reasons by path, of the files that cannot be read.
        skip_bad: Leave bad files out instead of raising.
        remedy: What to do with bad files, for the error message.

    Attributes:
        listing: All files.
        files: The readable ones.
        digests: The hashes of their contents.
        positions: Where each readable file stands in `listing.files`.
        left_out: Reasons by path, of what becomes no part of the data.

    Raises:
        BadFilesError: A file cannot be read, and `skip_bad` is False.
    """

    def __init__(
        self,
        listing: Listing,
        digests: Sequence[bytes | None],
        bad: Mapping[str, str],
        *,
        skip_bad: bool = False,
        remedy: str = "move them away",
    ):
        self._bad = {display(path): reason for path, reason in {**listing.bad, **bad}.items()}
        if self._bad and not skip_bad:
            raise BadFilesError(
                f"{len(self._bad)} of the files under {display(listing.root)} cannot be read; mend "
                f"them, {remedy}, or leave them out (skip_bad=True):",
                self._bad,
            )
        self.listing = listing
        self.positions = [i for i, digest in enumerate(digests) if digest is not None]
        self.files: list[File] = [listing.files[i] for i in self.positions]
        self.digests: list[bytes] = [digest for digest in digests if digest is not None]
        self.left_out = {display(path): why for path, why in listing.ignored.items()} | self._bad

    def split(
        self, fractions: Mapping[str, float], seed: int, samples_per_class: int | None = None
    ) -> dict[str, list[int]]:
        """Assign the readable files to splits, by their content.

        Args:
            fractions: Of every class for "validation" and "test", where the files are not sorted
                into these already; between 0 and 1.
            seed: Draws the splits.
            samples_per_class: Maximum number of training files of each class; None keeps all.

        Returns:
            Positions in `files`, by split.

        Raises:
            SettingError: A class has too few files, or a fraction is not allowed.
        """
        splits, repeated = assign(
            self.files, self.digests, self.listing.class_names, seed=seed,
            fractions=dict(fractions), stratify=not self.listing.multi_label,
        )  # fmt: skip
        self.left_out |= {display(path): why for path, why in repeated.items()}
        if samples_per_class is not None:
            splits["train"] = self._limit(splits["train"], samples_per_class, seed)
        require_every_class([self.files[i] for i in splits["train"]], self.listing.class_names)
        return splits

    def _split_origin(self, splits: Mapping[str, list[int]]) -> str:
        named = {file.split for file in self.files}
        drawn = [name for name in ("validation", "test") if name not in named]
        sizes = " and ".join(f"{len(splits[name]):,} for {name}" for name in drawn)
        return (
            f"Taken from the training files: {sizes}."
            if drawn
            else "The splits are the files' own."
        )

    def _limit(self, positions: list[int], count: int, seed: int) -> list[int]:
        # By content, so that other files and paths hardly change which ones stay.
        ranks = [(rank(self.digests[position], seed), i) for i, position in enumerate(positions)]
        order = [i for _, i in sorted(ranks)]
        labels = self.listing.labels_of(self.files[position] for position in positions)
        return [positions[i] for i in first_of_each_class(labels, count, order)]

    def dataset(
        self, name: str, splits: Mapping[str, list[int]], inputs: Callable, **fields
    ) -> Dataset:
        """Make a Dataset of the splits.

        Args:
            name: Its name.
            splits: Positions in `files`, by split.
            inputs: Called with a list of positions in `files`; returns their inputs, samples first.
            **fields: More fields of the Dataset.

        Returns:
            The Dataset.
        """
        parts: dict = {
            split: Split(
                inputs(positions), self.listing.labels_of(self.files[i] for i in positions)
            )
            for split, positions in splits.items()
        }
        return Dataset(
            name=name,
            **parts,
            class_names=self.listing.class_names,
            left_out=self.left_out,
            repeated=duplicates.apart(
                self.digests,
                [frozenset(file.labels) for file in self.files],
                [file.path for file in self.files],
            ),
            split_origin=self._split_origin(splits),
            **fields,
        )
