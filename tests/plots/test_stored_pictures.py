"""Figures look as they did when somebody last looked at them: compared with pictures stored here.

`python tests/plots/test_stored_pictures.py` draws them again. Look at each one before you commit it.
"""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from cnnkit import explain, models, plots
from cnnkit.evaluation import reliability
from cnnkit.explain import figures

pytestmark = pytest.mark.once

STORED = Path(__file__).parent / "stored_pictures"
WIDTH = 720  # pixels, at which titles can still be read
# Drawn again: 0.998 and more. An emptied panel or letters of another size, 0.987 and less where a
# figure has them; the colour of a thin line is not noticed.
ALIKE = 0.99
XO = {"X": explain.xo.X, "O": explain.xo.O}


def walkthrough():
    walk = explain.walkthrough(explain.xo.model(), explain.xo.X, layer="match", label=0)
    return figures.walkthrough(walk, explain.xo.CLASS_NAMES)


def feature_maps():
    return figures.feature_maps(explain.feature_maps(explain.xo.model(), explain.xo.X))


def heat_maps():
    model, images = explain.xo.model(), np.stack([*XO.values()])
    maps = {
        "occlusion": explain.occlusion(model, images, [0, 1], patch_size=3, stride=3),
        "Grad-CAM": explain.grad_cam(model, images, [0, 1], layer="relu"),
    }
    return figures.heat_maps(images, maps, [*XO])


def receptive_fields():
    fields = {
        row.name: row.field for row in models.anatomy(explain.xo.model()).rows[1:] if row.field
    }
    return figures.receptive_fields(explain.xo.X, fields)


def kernel_responses():
    rows, columns = np.mgrid[:48, :48]
    disc = ((rows - 24) ** 2 + (columns - 24) ** 2 < 18**2) * 1.0
    names = ("identity", "sobel_left", "laplacian", "sharpen")
    answers = {name: explain.kernels.apply(name, disc) for name in names}
    sums = {name: ((24, 6), explain.kernels.patch_under(name, disc, (24, 6))) for name in names}
    return figures.kernel_responses(disc, answers, explain.kernels.KERNELS, sums)


def robustness():
    steps = np.linspace(0, 1, 5)
    units = {"shift": "pixels", "noise": "of the range"}
    responses = {
        model: {
            change: explain.RobustnessCurve(change, unit, 50, steps, *[1 - slope * steps] * 3)
            for change, unit in units.items()
        }
        for model, slope in (("convnet", 0.2), ("mlp", 0.7))
    }
    return figures.robustness(responses)


def probability_curves():
    steps = np.linspace(0, 1, 9)
    curve = explain.ProbabilityCurve(steps, np.stack([1 - steps, (1 - steps) ** 2]))
    return figures.probability_curves({"occlusion": curve})


def learning_curves():
    falling = [1.0, 0.5, 0.3, 0.2]
    return plots.learning_curves({"loss": falling, "val_loss": [1.1, 0.7, 0.6, 0.65],
                         "accuracy": [0.5, 0.8, 0.9, 0.95], "val_accuracy": [0.4, 0.7, 0.8, 0.8]})  # fmt: skip


def confusion_matrix():
    return plots.confusion_matrix(np.array([[48, 2, 0], [5, 40, 5], [0, 1, 49]]), ("cat", "dog", "fox"))  # fmt: skip


def reliability_diagram():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 400)
    labels = (rng.random(400) > sure**2).astype(int)
    return plots.reliability_diagram(reliability(labels, np.stack([sure, 1 - sure], axis=1)))


def image_grid():
    return plots.image_grid(np.stack([*XO.values()]), [*XO], [False, True])


def kernels():
    return plots.kernels(np.stack([*explain.xo.FEATURES.values()], axis=-1)[:, :, None])


def architecture():
    return figures.architecture(models.anatomy(explain.xo.model()))


FIGURES = (walkthrough, feature_maps, heat_maps, receptive_fields, kernel_responses, robustness,
           probability_curves, learning_curves, confusion_matrix, reliability_diagram, image_grid, kernels,
           architecture)  # fmt: skip


def small(figure) -> Image.Image:
    image = Image.open(io.BytesIO(plots.png(figure))).convert("RGB")
    return image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.BOX)


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Structural similarity, up to 1, of pictures whose height may differ by a line of pixels."""
    same = [np.asarray(image.resize(other.size)) for image in (one, other)]
    return structural_similarity(*same, channel_axis=2)


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_a_figure_looks_as_when_it_was_last_looked_at(draw):
    shown = small(draw())
    with Image.open(STORED / f"{draw.__name__}.png") as stored:
        assert shown.height == pytest.approx(stored.height, rel=0.02)
        assert likeness(shown, stored.convert("RGB")) > ALIKE


if __name__ == "__main__":
    STORED.mkdir(exist_ok=True)
    for each in FIGURES:
        small(each()).quantize(64).save(STORED / f"{each.__name__}.png", optimize=True)
