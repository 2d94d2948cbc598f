"""Sections on what the network looks at, one image on its way through it, and mistakes."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib import style

from cnnkit import plots
from cnnkit.evaluation import Evaluation
from cnnkit.explain import Walkthrough, figures
from cnnkit.explain.figures import tiles
from cnnkit.report.explanations import Explanations
from cnnkit.report.markup import (
    beside,
    drawing,
    escape,
    folded,
    percent,
    picture,
    scrolling,
    section,
    table,
)

HEADLINE_IMAGES = 4
MAPS_PER_STAGE = 16  # the strongest
TOP_CLASSES = 5
MAX_FRAMES = 24  # spread over the epochs
LEGENDS = {"Grad-CAM": "What is lit raised the answer's score (Grad-CAM).",
         "gradient": "What is lit would change the answer's score most (gradient)."}  # fmt: skip


def looks(explanations: Explanations, evaluation: Evaluation) -> str:
    """Return a few test images, lit where the network looked, for the first screen.

    Args:
        explanations: Of some test images.
        evaluation: Of the test split.

    Returns:
        HTML.
    """
    items = "".join(
        f"<li><figure>{_lit(explanations, evaluation, index)}<figcaption>"
        f"{_verdict(evaluation, explanations.samples[index])}</figcaption></figure></li>\n"
        for index in range(min(HEADLINE_IMAGES, len(explanations.samples)))
    )
    return (
        f'<div class="looks"><h2>What it looks at</h2>\n<ul class="pictures">{items}</ul>\n'
        f'<p class="soft">{LEGENDS[explanations.method]}</p></div>'
    )


def path(explanations: Explanations, evaluation: Evaluation) -> str:
    """Return the section that follows one test image through every stage to the votes.

    Args:
        explanations: Of some test images.
        evaluation: Of the test split.

    Returns:
        HTML; "" for a network without feature maps.
    """
    if not explanations.maps:
        return ""
    sample = explanations.samples[0]
    name = evaluation.class_names[evaluation.labels[sample]]
    stages = (
        folded(_stage(layer, maps), _strip(layer, maps), unfolded=index == 0)
        for index, (layer, maps) in enumerate(explanations.maps.items())
    )
    chances = evaluation.probabilities[sample]
    best = np.argsort(-chances, kind="stable")[:TOP_CLASSES]
    votes = table(
        "The classes that the network finds likeliest.",
        ("class", "probability"),
        [(evaluation.class_names[index], percent(float(chances[index]), 2)) for index in best],
    )
    shown = picture(_pixels(explanations, explanations.images[0]), f"Test image {sample}: {name}")
    return section(
        "The path of one image",
        '<p class="soft">One row a stage: the maps that answer most, bright where they do.</p>',
        beside(
            f'<ul class="pictures"><li><figure>{shown}<figcaption>Test sample {sample}, '
            f"<b>{escape(name)}</b></figcaption></figure></li></ul>",
            folded(f"The votes: {evaluation.class_names[best[0]]}", votes, unfolded=True),
            *stages,
        ),
        _walk(explanations.walk, evaluation) if explanations.walk else "",
    )


def _walk(walk: Walkthrough, evaluation: Evaluation) -> str:
    names = evaluation.class_names
    words = (
        f"Test image {evaluation.most_uncertain(1)[0]}, the least sure one, number by number: patch times kernel gives "
        f"{walk.unit.value:.4g} in layer {walk.unit.layer}; the votes give {names[walk.label]} a "
        f"probability of {percent(float(walk.probabilities[walk.label]), 2)}; one step back changes "
        "the kernel."
    )
    with style.context("default"):  # as for the curves
        drawn = drawing(figures.walkthrough(walk, names), "walk", words)
    return folded(
        "An unsure picture, number by number", scrolling(words, f'<div class="wide">{drawn}</div>')
    )


def robustness(explanations: Explanations) -> str:
    """Return the section on the accuracy as test images are changed more and more.

    Args:
        explanations: Of some test images.

    Returns:
        HTML; "" if no images were changed.
    """
    if not explanations.responses:
        return ""
    samples = next(iter(explanations.responses.values())).samples
    words = (
        f"Accuracy on {samples} test images as they are changed more and more; "
        "the band is the 95 % interval."
    )
    with style.context("default"):  # as for the curves
        figure = figures.robustness({"accuracy": explanations.responses})
        drawn = drawing(figure, "changed", words)
    return section("What it survives", scrolling(words, f'<div class="wide">{drawn}</div>'))


def resemblance(explanations: Explanations, evaluation: Evaluation) -> str:
    """Return each mistake beside where the network looked, and its nearest training images.

    Args:
        explanations: Of some test images.
        evaluation: Of the test split.

    Returns:
        HTML; "" without mistakes.
    """
    wrong = [
        index
        for index, sample in enumerate(explanations.samples)
        if evaluation.predicted[sample] != evaluation.labels[sample]
    ]
    if not wrong:
        return ""
    if explanations.neighbours is None or explanations.neighbour_labels is None:
        return (
            '<p class="soft">What these mistakes resemble is left out: the network has no dense layer '
            "whose inputs could be compared.</p>"
        )
    rows = "".join(
        _resembling(
            explanations,
            evaluation,
            index,
            zip(explanations.neighbours[index], explanations.neighbour_labels[index], strict=True),
        )
        for index in wrong
    )
    compared, total = explanations.compared, explanations.num_training
    some = f"{compared:,} of the {total:,}" if compared < total else f"{total:,}"
    note = f"The nearest of {some} training images, by what the last layer reads."
    if compared < total:
        note += " <code>cnnkit mistakes</code> searches all of them."
    return folded("What these mistakes resemble", f'<p class="soft">{note}</p>', rows)


def film(frames: Mapping[int, np.ndarray]) -> str:
    """Return the section that shows pictures epoch by epoch, by keyboard and without a script.

    Args:
        frames: Pictures by epoch, uint8, shape (height, width, 3).

    Returns:
        HTML.
    """
    epochs = np.array(sorted(frames))
    some = np.unique(
        np.linspace(0, len(epochs) - 1, min(len(epochs), MAX_FRAMES)).round().astype(int)
    )
    shown = epochs[some].tolist()
    choices = "".join(
        f'<label><input type="radio" name="film"{" checked" if epoch == shown[-1] else ""}>'
        f"<span>{epoch}</span>"
        f"{picture(frames[epoch], f'What was learnt by the end of epoch {epoch}', drawn=True)}</label>"
        for epoch in shown
    )
    return section(
        "Learning as a film",
        '<p class="soft">Validation images with the probability of each class, the right one in '
        "orange, then where the network looks and its first filters, as far as it has them. Choose "
        "an epoch; the arrow keys go from one to the next.</p>",
        f'<fieldset class="film"><legend>Epoch</legend>{choices}</fieldset>',
    )


def _resembling(
    explanations: Explanations, evaluation: Evaluation, index: int, neighbours: Iterable[tuple]
) -> str:
    names, sample = evaluation.class_names, explanations.samples[index]
    shown = picture(
        _pixels(explanations, explanations.images[index]), f"Test image {sample} once more"
    )
    items = [f"<li><figure>{shown}<figcaption>{_verdict(evaluation, sample)}</figcaption></figure></li>",
             f"<li><figure>{_lit(explanations, evaluation, index)}<figcaption>where it looked</figcaption></figure></li>"]  # fmt: skip
    for image, label in neighbours:
        words = f"Training image near test image {sample}: {names[label]}"
        drawn = picture(_pixels(explanations, image), words)
        items.append(
            f"<li><figure>{drawn}<figcaption>training: <b>{escape(names[label])}</b>"
            "</figcaption></figure></li>"
        )
    return f'<ul class="pictures row">{"".join(items)}</ul>\n'


def _verdict(evaluation: Evaluation, sample: int) -> str:
    label, guess = evaluation.labels[sample], evaluation.predicted[sample]
    true = f"<b>{escape(evaluation.class_names[label])}</b>"
    if label == guess:
        return f"{true}, right"
    return f'{true}, taken for <b class="guess">{escape(evaluation.class_names[guess])}</b>'


def _lit(explanations: Explanations, evaluation: Evaluation, index: int) -> str:
    sample, heat = explanations.samples[index], explanations.heat[index]
    answer = evaluation.class_names[evaluation.predicted[sample]]
    drawn = tiles.heat(explanations.images[index], heat, *explanations.value_range)
    return picture(drawn, f"Test image {sample}, answer {answer}: lit {_where(heat)}", drawn=True)


def _where(heat: np.ndarray) -> str:
    """Return in words where the weight of a heat map lies.

    >>> _where(np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1.0]])), _where(np.ones((3, 3)))
    ('at the bottom right', 'in the middle')
    """
    if not heat.any():
        return "nowhere"
    rows, columns = heat.sum(axis=1), heat.sum(axis=0)
    middles = [
        part @ (np.arange(len(part)) + 0.5) / part.sum() / len(part) for part in (rows, columns)
    ]
    words = [
        before if middle < 0.42 else after if middle > 0.58 else ""
        for middle, before, after in zip(middles, ("top", "left"), ("bottom", "right"), strict=True)
    ]
    place = " ".join(word for word in words if word)
    return f"at the {place}" if place else "in the middle"


def _stage(layer: str, maps: np.ndarray) -> str:
    height, width, filters = maps.shape
    some = f"{MAPS_PER_STAGE} of {filters}" if filters > MAPS_PER_STAGE else f"{filters}"
    return f"{layer}: {some} maps of {height} × {width}"


def _strip(layer: str, maps: np.ndarray) -> str:
    means = maps.mean(axis=(0, 1))
    strongest = np.argsort(-means, kind="stable")[:MAPS_PER_STAGE]
    low, high = float(maps.min()), float(maps.max())
    drawn = tiles.grid(
        [tiles.picture(maps[..., n], low, high, side=48) for n in strongest],
        columns=min(8, len(strongest)),
    )
    silent = int((maps.max(axis=(0, 1)) <= 0).sum())
    words = f"{_stage(layer, maps)}, the strongest first, which is map {strongest[0]}"
    words += f"; {silent} are silent" if silent else ""
    return f'<div class="maps">{picture(drawn, words, drawn=True)}</div>'


def _pixels(explanations: Explanations, image: np.ndarray) -> np.ndarray:
    """Return an image as uint8, on the scale of all images of its data set."""
    low, high = explanations.value_range
    if image.dtype != np.uint8:
        image = np.clip((image - low) / max(high - low, 1e-12), 0, 1)
    return plots.to_uint8(image[None])[0]
