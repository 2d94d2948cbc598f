"""Does a pretrained network help? Accuracy against images a class, with one and without.

Run as a program it trains both networks for each number of images and draws the two curves:

    python -m experiments.transfer_vs_scratch --images-per-class 2,5,20 --repeats 3
    python -m experiments.transfer_vs_scratch --folder path/to/photos

Result  61.67 % pretrained, 51.67 % from scratch with 5 digits a class (medians of seeds 0 to 4)
Cost    half a minute a training on two CPU cores that had other work, too
Needs   nothing: LeNet-5, pretrained on the digits 0 to 4 on photographs, learns 5 to 9; for --folder, ImageNet's
        weights, which Keras downloads once
"""

import csv
from pathlib import Path

import click
import numpy as np

import cnnkit
from cnnkit import Experiment
from experiments import digits_transfer, photos_transfer


def experiment(
    folder: Path | None = None,
    backbone: str = "mobilenet_v2",
    pretrained: bool = True,
    images_per_class: int = 5,
    epochs: int = 50,
    seed: int = 0,
) -> Experiment:
    """One point of the comparison: a pretrained or a fresh network on a few images of each class.

    Args:
        folder: Photos of your own, CLASS/IMAGE or SPLIT/CLASS/IMAGE; digits unless given.
        backbone: The network for photos; `cnnkit backbones` lists them.
        pretrained: Begin with weights learnt elsewhere, and train the head alone at first.
        images_per_class: Training images of each class.
        epochs: How often training sees every image, in all phases.
        seed: Chooses the images, too.
    """
    options = {"images_per_class": images_per_class, "seed": seed}
    if folder is None:
        later = 2 * epochs // 5
        return digits_transfer.experiment(
            pretrained=pretrained, epochs=epochs - later, fine_tuning_epochs=later, **options
        )
    weights = "imagenet" if pretrained else "none"
    return photos_transfer.experiment(folder, backbone, weights, epochs=epochs, **options)


def compare(
    numbers: list[int], repeats: int, runs_dir: Path, **settings
) -> dict[bool, list[list[float]]]:
    """Return test accuracies by whether the network was pretrained: a row a number of images."""
    return {
        pretrained: [
            [
                cnnkit.run(
                    experiment, pretrained=pretrained, images_per_class=number, seed=seed,
                    runs_dir=runs_dir, **settings,
                ).results["test"]["accuracy"]
                for seed in range(repeats)
            ]
            for number in numbers
        ]
        for pretrained in (True, False)
    }  # fmt: skip


def figure(numbers: list[int], accuracies: dict[bool, list[list[float]]]):
    """Return medians as two curves, with all of what was measured between thin lines."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(6, 4), layout="constrained")
    axes = drawn.add_subplot()
    for pretrained, label, colour in ((True, "pretrained", "C0"), (False, "from scratch", "C1")):
        rows = np.array(accuracies[pretrained])
        axes.plot(numbers, np.median(rows, axis=1), "o-", color=colour, label=label)
        axes.fill_between(numbers, rows.min(axis=1), rows.max(axis=1), color=colour, alpha=0.15)
    axes.set(xscale="log", xlabel="training images a class", ylabel="test accuracy")
    axes.set_xticks(numbers, numbers)
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return drawn


@click.command(help=__doc__.split("\n\n")[0])
@click.option("--folder", type=click.Path(path_type=Path), help="Your photos; digits unless given.")
@click.option("--backbone", default="mobilenet_v2", show_default=True, help="For photos.")
@click.option("--images-per-class", default="2,5,10,20", show_default=True, help="To compare at.")
@click.option("--repeats", default=3, show_default=True, help="Draws of images for each of them.")
@click.option("--epochs", default=50, show_default=True, help="Of each training.")
@click.option(
    "--runs-dir", default=Path("runs"), show_default=True, type=click.Path(path_type=Path)
)
def program(folder, backbone, images_per_class, repeats, epochs, runs_dir):
    """Train, draw and print."""
    numbers = [int(number) for number in images_per_class.split(",")]
    settings = {"folder": folder, "backbone": backbone, "epochs": epochs}
    accuracies = compare(numbers, repeats, runs_dir, **settings)
    place = runs_dir / "transfer_vs_scratch"
    figure(numbers, accuracies).savefig(place / "accuracy.png", dpi=150)
    with open(place / "accuracy.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("images_per_class", "pretrained", "seed", "test_accuracy"))
        for pretrained, by_number in accuracies.items():
            for number, row in zip(numbers, by_number, strict=True):
                rows.writerows((number, pretrained, *each) for each in enumerate(row))
    click.echo("images a class   pretrained   from scratch   (medians)")
    for number, one, other in zip(numbers, accuracies[True], accuracies[False], strict=True):
        click.echo(f"{number:14}   {np.median(one):10.2%}   {np.median(other):12.2%}")
    click.echo(f"Drawn in {place / 'accuracy.png'}")


if __name__ == "__main__":
    program()
