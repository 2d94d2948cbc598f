"""cnnkit.automatic.run: data and some minutes in, one trained run and one page out."""

import functools
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cnnkit import atomic, data, training
from cnnkit.automatic import candidates
from cnnkit.automatic.halving import Trial, halve
from cnnkit.automatic.heads import HeadScore, score_backbone
from cnnkit.automatic.page import page
from cnnkit.automatic.trainer import Trainer, in_minutes
from cnnkit.data.dataset import Dataset
from cnnkit.data.sampling import limit_per_class
from cnnkit.errors import CnnkitError, SettingError, TrainingError
from cnnkit.experiment.built_in import built_in_name
from cnnkit.runs import Run

BEST_HEADS = 2  # backbones whose heads become trials
PART_TO_COMPARE = 0.6  # of the time that is left after cross-validation
FINE_TUNING = 4  # how many times as long as a head, with its features, fine-tuning may take
RESERVE = 10.0  # seconds for the test and the report, but at most a fifth of the budget


@dataclass(frozen=True)
class Found:
    """What an automatic training found.

    Attributes:
        run: The best run, tested.
        report: The page with all that was tried.
        trials: All trials, in their order.
        heads: What cross-validation said of the backbones, the best first.
        seconds: How long all of it took.
        interrupted: Whether the user ended it before its time.
    """

    run: Run
    report: Path
    trials: tuple[Trial, ...]
    heads: tuple[HeadScore, ...]
    seconds: float
    interrupted: bool


def run(
    dataset: str, *, minutes: float = 20, dataset_options: dict | None = None,
    samples_per_class: int | None = None, runs_dir: str | os.PathLike = "runs", seed: int = 0,
    clock: Callable[[], float] = time.monotonic, say: Callable[[str], None] = print,
    command: str = "",
) -> Found:  # fmt: skip
    """Compare what is worth comparing within some minutes, and train the best once more.

    The test split is looked at once, for the chosen run. Ctrl-C ends the comparison, and the best
    run so far is the result.

    Args:
        dataset: As `cnnkit.data.load` takes it: a name, a folder or a table.
        minutes: The budget, above 0. The epoch that runs when time is up is finished.
        dataset_options: Options of the data set's loader.
        samples_per_class: Train on at most so many images of each class.
        runs_dir: Where runs and page are made.
        seed: Of every training, and of the folds.
        clock: The time in seconds.
        say: Called with each line of progress.
        command: What the runs say was typed.

    Returns:
        What was found.

    Raises:
        SettingError: `minutes` is not above 0, or the data are not pictures of one class each.
        TrainingError: No candidate works on these data.
        KeyboardInterrupt: The user stopped it before any run was finished.
    """
    if not (math.isfinite(minutes) and minutes > 0):
        raise SettingError(f"minutes is a number above 0, such as 20, not {minutes!r}.")
    began, seconds = clock(), 60 * minutes
    images = data.load(dataset, **(dataset_options or {}))
    candidates.expect_comparable(images)
    if samples_per_class is not None:
        images = limit_per_class(images, samples_per_class, seed)
    say(images.summary())
    settings = {
        "dataset": dataset, "dataset_options": dataset_options or {},
        "samples_per_class": samples_per_class,
    }  # fmt: skip
    name = f"{built_in_name(dataset, 'auto')}-{datetime.now():%Y-%m-%dT%H-%M-%S}"
    deadline = began + seconds - min(RESERVE, seconds / 5)
    trainer = Trainer(
        name, settings, Path(runs_dir), command, seed, clock, deadline, say
    )  # fmt: skip
    heads: list[HeadScore] = []
    interrupted = False
    try:
        _cross_validate(images, trainer, seconds, heads)
        _compare(images, trainer, seconds, heads)
    except KeyboardInterrupt:
        if trainer.best is None:
            raise
        interrupted = True
        say("Stopped: the best so far is tested.")
    return _finish(trainer, images, heads, began, interrupted)


def _cross_validate(
    images: Dataset, trainer: Trainer, seconds: float, heads: list[HeadScore]
) -> None:
    until = trainer.clock() + candidates.PART_FOR_FEATURES * seconds
    for name in candidates.backbones(images, seconds):
        if heads and trainer.clock() >= until:
            trainer.say(f"{name} is left out: its features would take too much of the time.")
            continue
        try:
            score = score_backbone(name, images, trainer.seed)
        except CnnkitError as error:  # damaged weights, say: others may do
            trainer.say(f"{name} is left out: {error}")
            continue
        if score is None:
            trainer.say("A class has a single training image, so that no head is cross-validated.")
            return
        heads.append(score)
        left = in_minutes(trainer.deadline - trainer.clock())
        trainer.say(f"{left} left  {name}, cross-validated: {score.measure.value:.2%}")
        heads.sort(key=lambda each: each.measure.value or 0, reverse=True)


def _compare(images: Dataset, trainer: Trainer, seconds: float, heads: list[HeadScore]) -> None:
    samples = len(images.train)
    found = [
        candidates.head_candidate(
            each.backbone, each.penalty, samples, f"cross-validated {each.measure.value:.1%}"
        )
        for each in heads[:BEST_HEADS]
    ]
    linear = {each.name for each in found}
    found += candidates.networks(images, seconds)
    if not found:
        raise SettingError(
            f"There is nothing to compare on {images.name!r}: its pictures are larger than "
            f"{candidates.SMALL} pixels, and no backbone's weights are on this machine that take "
            f"{images.image_shape} within the time; fetch some (cnnkit backbones lists them), "
            'install "cnnkit[lite]", or give image_size=32.'
        )
    now = trainer.clock()
    until = now + PART_TO_COMPARE * (trainer.deadline - now)
    train = functools.partial(trainer.train, until=until)
    going = halve(found, train, trainer.clock, until)
    if not going:
        return
    slowest = max(each.seconds for each in trainer.trials if each.candidate == going[0])
    left = trainer.deadline - trainer.clock()
    if going[0].name in linear and left > FINE_TUNING * slowest:
        tuned = candidates.fine_tuned(going[0])
        trainer.train(tuned, tuned.first_epochs)
    _train_once_more(trainer)


def _train_once_more(trainer: Trainer) -> None:
    """Train the best candidate for as long as time allows, if that is longer than it has."""
    best = trainer.best
    if best is None:
        return
    epochs = best.epochs_within(trainer.deadline - trainer.clock())
    if epochs > best.epochs:
        trainer.train(best.candidate, epochs)


def _finish(
    trainer: Trainer, images: Dataset, heads: list[HeadScore], began: float, interrupted: bool
) -> Found:
    best = trainer.best
    if best is None or best.run is None:
        reason = trainer.trials[0].reason if trainer.trials else "no time was left for one"
        raise TrainingError(f"No candidate could be trained on {images.name!r}: {reason}")
    training.evaluate_finished(best.run)
    seconds = trainer.clock() - began
    path = trainer.runs_dir / "automatic" / f"{trainer.name}.html"
    content = page(images, trainer.trials, best, heads, seconds, trainer.command)
    atomic.write_text(path, content)
    return Found(
        best.run, path, tuple(trainer.trials), tuple(heads), seconds, interrupted
    )  # fmt: skip
