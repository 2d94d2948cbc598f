"""Predict the files that a user names, and print or write the answers as they come."""

import contextlib
import dataclasses
import heapq
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from cnnkit import deploy
from cnnkit.atomic import replacing
from cnnkit.cli.output import plain, writing
from cnnkit.cli.standard_input import sources_from_standard_input
from cnnkit.data.files.stream import files_below
from cnnkit.errors import MissingDataError, SettingError

WIDEST = 30  # characters of a label in a table


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the user wants of the predictions.

    Attributes:
        form: "table", "jsonl", "csv" or "parquet".
        output: The file to write; None for standard output.
        top: How many of the most probable classes to list.
        threshold: The least probability of an answer, or None.
        copy_to: A folder that gets a copy of each file in a folder named like its label, or None.
        unsure: How many of the files that the model is least sure of to list; None lists all.
        batch_size: How many files are computed together.
    """

    form: str = "table"
    output: Path | None = None
    top: int = 1
    threshold: float | None = None
    copy_to: Path | None = None
    unsure: int | None = None
    batch_size: int = 32


def predict_files(trained, paths: tuple[Path, ...], wishes: Wishes) -> None:
    """Predict files, write the answers, and end the command.

    Args:
        trained: A TrainedModel.
        paths: Files, folders, and "-" for standard input.
        wishes: What to write, and where.

    Raises:
        MissingDataError: A path does not exist.
        SettingError: There are no files, or something cannot be written.
        click.exceptions.Exit: With status 1, if a file could not be read.
    """
    for path in paths:
        if str(path) != "-" and not os.path.lexists(path):
            raise MissingDataError(f"There is no file or folder {path}; check its path.")
    click.echo(str(trained.inputs), err=True)
    work = _Work(trained, paths, wishes)
    with _writer(trained, wishes) as writer:
        chosen: Iterable = work.predictions()
        if wishes.unsure is not None:
            readable = (each for each in chosen if not each.problem)
            chosen = heapq.nsmallest(wishes.unsure, readable, key=lambda each: each.certainty)
        for each in chosen:
            writer.add(each)
    if not work.seen:
        raise SettingError(
            f"There are no {trained.inputs.kind}s in {', '.join(map(str, paths))}: their names end "
            f"in {', '.join(trained.inputs.suffixes)}."
        )
    if work.bad:
        click.echo(f"{work.bad:,} of {work.seen:,} files could not be read.", err=True)
        raise click.exceptions.Exit(1)


class _Work:
    """The predictions of all files, and what is counted and copied on the way."""

    def __init__(self, trained, paths: tuple[Path, ...], wishes: Wishes):
        self.trained, self.paths, self.wishes = trained, paths, wishes
        self.seen = self.bad = 0

    def predictions(self) -> Iterator:
        found = deploy.predictions(self.trained, self._sources(), batch_size=self.wishes.batch_size)
        for each in self._with_bar(found):
            named = dataclasses.replace(each, source=each.source or "-")
            self.seen += 1
            if named.problem:
                self.bad += 1
                click.echo(f"{plain(named.source).plain} {named.problem}", err=True)
            elif self.wishes.copy_to is not None and each.source:
                deploy.copy_by_label(
                    Path(each.source), named, self.wishes.copy_to, self.wishes.threshold
                )
            yield named

    def _sources(self) -> Iterator:
        for path in self.paths:
            if str(path) == "-":
                yield from sources_from_standard_input(self.trained.inputs)
            else:
                yield from self._files([path])

    def _files(self, paths: Iterable[Path]) -> Iterator[Path]:
        return files_below(paths, self.trained.inputs.suffixes, leave_out=self.wishes.copy_to)

    def _with_bar(self, predictions: Iterator) -> Iterator:
        """Show a progress bar on standard error, unless the answers themselves appear there."""
        wishes = self.wishes
        are_shown = sys.stdout.isatty() and wishes.output is None and wishes.unsure is None
        if not sys.stderr.isatty() or are_shown:
            return predictions
        counted = None
        if "-" not in map(str, self.paths):
            counted = sum(1 for _ in self._files(self.paths))
        console = Console(stderr=True)
        return iter(track(predictions, "Predicting", counted, console=console, transient=True))


@contextlib.contextmanager
def _writer(trained, wishes: Wishes) -> Iterator:
    """Open what writes the answers; a file is complete, or not there at all."""
    with contextlib.ExitStack() as stack:
        if wishes.output is None:
            file, path = sys.stdout, None
        else:
            stack.enter_context(writing(wishes.output))
            path = stack.enter_context(replacing(wishes.output))
            file = None
            if wishes.form != "parquet":
                file = stack.enter_context(open(path, "w", encoding="utf-8", newline=""))
        writer = _made(trained, wishes, file, path)
        yield writer
        writer.close()


def _made(trained, wishes: Wishes, file, path: Path | None):
    options: dict[str, Any] = {"top": wishes.top, "threshold": wishes.threshold}
    if wishes.form == "jsonl":
        return deploy.prediction_records.JsonLines(file, **options)
    if wishes.form == "csv":
        return deploy.prediction_records.Csv(file, trained.task, **options)
    if path is not None and wishes.form == "parquet":
        return deploy.prediction_records.Parquet(path, trained.task, **options)
    return _Table(file, trained, **options)


class _Table:
    """Prints a line a file; with several classes a file, the file's name and a line a class."""

    def __init__(self, file, trained, top: int, threshold: float | None):
        self.file, self.top, self.threshold = file, top, threshold
        self.width = min(max(map(len, trained.class_names)), WIDEST)

    def add(self, prediction) -> None:
        if prediction.problem:  # standard error says so, in its place
            return
        name = plain(prediction.source).plain
        if self.top > 1:
            lines = [name, *map(self._words, prediction.top(self.top))]
            click.echo("\n".join(lines), file=self.file)
            return
        answers = [self._words(each).strip() for each in prediction.answers(self.threshold)]
        words = ", ".join(answers) or "none"
        click.echo(f"{words:<{self.width + 9}}  {name}", file=self.file)

    def _words(self, answer: tuple[str, float]) -> str:
        label, probability = answer
        return f"  {probability:7.2%}  {plain(label).plain}"

    def close(self) -> None:
        pass
