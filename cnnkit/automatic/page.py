"""The page of an automatic training: what was tried, how sure the choice is, what to try next."""

import shlex
from collections.abc import Sequence

from cnnkit.automatic.halving import Trial
from cnnkit.automatic.heads import HeadScore
from cnnkit.data.dataset import Dataset
from cnnkit.evaluation.intervals import proportion
from cnnkit.report import markup

FEW = 100  # validation images, below which the choice is hardly one


def page(
    images: Dataset, trials: Sequence[Trial], best: Trial, heads: Sequence[HeadScore],
    seconds: float, command: str,
) -> str:  # fmt: skip
    """Return the page as HTML that needs no network connection.

    Args:
        images: The data set.
        trials: All trials.
        best: The chosen one, whose run is tested.
        heads: What cross-validation said of the backbones.
        seconds: How long all of it took.
        command: The command that does it again.
    """
    chosen = {
        "Chosen": f"{best.candidate.name}, {best.epochs} epochs",
        "Validation accuracy": markup.percent(best.accuracy, 2),
        "Time": markup.duration(seconds),
    }
    if best.run is not None:
        test = best.run.results["test"]
        ends = markup.interval(test["accuracy_interval"])
        chosen |= {
            "Test accuracy": f"{markup.percent(test['accuracy'], 2)} ({ends}), looked at once",
            "Run": str(best.run.folder),
            "Use it": f"cnnkit predict {shlex.quote(str(best.run.folder))} IMAGE",
        }
    made = f"<pre><code>{markup.escape(command)}</code></pre>" if command else ""
    parts = [
        f"<h1>{markup.escape(images.name)}, trained automatically</h1>",
        markup.section("Result", markup.facts(chosen)),
        markup.section("What was tried", _trials(images, trials)),
        _heads(heads),
        markup.section("How sure the choice is", _paragraphs(certainty(images, trials, best))),
        markup.section("What to try next", _paragraphs(advice(images, trials, best, heads))),
        markup.section("How it was made", made) if made else "",
    ]
    return markup.document(f"{images.name}, automatically", parts)


def certainty(images: Dataset, trials: Sequence[Trial], best: Trial) -> list[str]:
    """Return sentences on how sure it is that the chosen trial is the best one.

    Args:
        images: The data set.
        trials: All trials.
        best: The chosen one.
    """
    samples = len(images.validation)
    low, _ = _interval(best, samples)
    # Candidates, not trials: a longer training of the same one is no rival.
    rivals = {
        trial.candidate.name
        for trial in trials
        if trial.candidate.name != best.candidate.name
        and trial.run is not None
        and _interval(trial, samples)[1] >= low
    }
    lines = [
        f"The choice rests on {samples:,} validation images. The 95 % interval of the chosen "
        f"accuracy is {markup.interval(_interval(best, samples))} (Wilson). The best of several is "
        "a little better than it will be on new images, which is why the test split counts."
    ]
    if rivals:
        names = ", ".join(sorted(rivals))
        lines.append(
            f"The intervals of these overlap with it, so that they may be as good: {names}."
        )
    elif len({trial.candidate.name for trial in trials if trial.run is not None}) == 1:
        lines.append("No other candidate was trained to its end.")
    else:
        lines.append("No other candidate's interval overlaps with it.")
    return lines


def advice(
    images: Dataset, trials: Sequence[Trial], best: Trial, heads: Sequence[HeadScore]
) -> list[str]:
    """Return sentences on what to try next.

    Args:
        images: The data set.
        trials: All trials.
        best: The chosen one.
        heads: What cross-validation said of the backbones.
    """
    lines = []
    if len(images.validation) < FEW:
        lines.append(
            f"Label more images: {len(images.validation)} for validation rank candidates poorly."
        )
    if best.epochs < best.candidate.most_epochs:
        lines.append("Give it more minutes: the chosen one could train for longer.")
    if not heads:
        lines.append(
            "Fetch the weights of a backbone that takes images of this size (cnnkit backbones "
            "lists them): none was compared."
        )
    lines.append("Look at what it gets wrong: cnnkit mistakes, with the run above.")
    lines.append("See how much chance is in it: the same command with another --seed.")
    return lines


def _trials(images: Dataset, trials: Sequence[Trial]) -> str:
    samples = len(images.validation)
    rows = [
        (
            trial.candidate.name,
            trial.reason or trial.candidate.about,
            trial.run.name if trial.run else "–",
            trial.epochs,
            markup.percent(trial.accuracy if trial.run else None),
            markup.interval(_interval(trial, samples) if trial.run else None),
            markup.duration(trial.seconds),
        )
        for trial in trials
    ]
    headings = ("candidate", "remark", "run", "epochs", "validation", "95 % interval", "time")
    return markup.table("In the order in which they were trained.", headings, rows, 3)


def _heads(heads: Sequence[HeadScore]) -> str:
    if not heads:
        return ""
    rows = [
        (
            each.backbone,
            f"{each.penalty:g}",
            markup.percent(each.measure.value),
            markup.interval(each.measure.interval),
            markup.interval((min(each.folds), max(each.folds))),
        )
        for each in heads
    ]
    headings = ("backbone", "C", "accuracy", "95 % interval", "folds, from and to")
    caption = "Logistic regression on features of training images that were held out."
    return markup.section("Backbones by cross-validation", markup.table(caption, headings, rows))


def _interval(trial: Trial, samples: int) -> tuple[float, float]:
    return proportion(round(trial.accuracy * samples), samples).interval or (0.0, 1.0)


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{markup.escape(line)}</p>\n" for line in lines)
