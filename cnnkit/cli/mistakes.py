"""`cnnkit mistakes RUN`: where a network is wrong, and how far its probabilities can be trusted."""

from pathlib import Path

import click
import numpy as np

from cnnkit import explain, plots, training, transfer
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table, write_picture
from cnnkit.cli.run_inputs import load_run
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.trust import trust_option
from cnnkit.errors import SettingError
from cnnkit.evaluation import (
    Evaluation,
    fit_temperature,
    likely_mislabelled,
    reliability,
    scale_by_temperature,
)
from cnnkit.experiment.rebuild import dataset_of, experiment_of

NEIGHBOURS = 3


@click.command("mistakes", cls=OneSentence)
@click.argument("run", shell_complete=complete_run)
@click.option(
    "--count",
    default=8,
    show_default=True,
    type=click.IntRange(1),
    help="How many samples to list.",
)
@click.option(
    "--temperature",
    is_flag=True,
    help="Fit a temperature to the validation samples, and say whether it helps.",
)
@click.option(
    "--label-errors", is_flag=True, help="Look for wrong training labels; trains the network again."
)
@click.option(
    "--folds",
    default=4,
    show_default=True,
    type=click.IntRange(2),
    help="How often --label-errors trains.",
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default="mistakes.png",
    show_default=True, help="The picture to write: each mistake beside the training images nearest to it.",
)  # fmt: skip
@runs_dir_option
@trust_option
@debug_option
def command(run, count, temperature, label_errors, folds, output, runs_dir):
    """List the test samples that RUN gets wrong, and rate its probabilities.

    RUN is a run's folder, the start of its name, or "latest".
    """
    run, model = load_run(run, runs_dir)
    data = dataset_of(run)
    if not data.task.explains_answers:
        raise SettingError(f"{run.name} gives a sample several classes; mistakes need one class.")
    if label_errors:  # refuse before anything is printed or drawn
        training.fold_numbers(data.train.labels, folds)
    evaluation = _evaluated(model, data.test, data.class_names)
    low, high = evaluation.as_results()["accuracy_interval"]
    click.echo(
        f"Test accuracy      {evaluation.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})"
    )
    click.echo(f"Calibration error  {evaluation.reliability.expected_calibration_error:.2%}")
    if temperature:
        _print_temperature(_evaluated(model, data.validation, data.class_names), evaluation)
    _print_classes(evaluation)
    _print_samples("worst mistakes", evaluation, evaluation.worst_mistakes(count))
    _print_samples("closest calls", evaluation, evaluation.most_uncertain(count))
    _draw_mistakes(model, data, evaluation, count, output)
    if label_errors:
        _label_errors(run, data, folds, count, output)


def _evaluated(model, split, class_names) -> Evaluation:
    from cnnkit.data.batches import Batches  # imports Keras, which --help must not pay for

    probabilities = model.predict(Batches(split, batch_size=256), verbose=0)
    return Evaluation(split.labels, np.asarray(probabilities, np.float64), class_names)


def _print_temperature(validation: Evaluation, test: Evaluation) -> None:
    """Print the temperature, and whether it makes the test probabilities more honest."""
    temperature = fit_temperature(validation.labels, validation.probabilities)
    scaled = scale_by_temperature(test.probabilities, temperature)
    after = reliability(test.labels, scaled).expected_calibration_error
    before = test.reliability.expected_calibration_error
    if after < before:
        words = f"by which the error becomes {after:.2%}"
    else:
        samples = f"{len(validation.labels)} validation samples"
        words = f"not applied: fitted to {samples}, it makes the error {after:.2%}"
    click.echo(f"Temperature        {temperature:.3f}, {words}")


def _print_classes(evaluation: Evaluation) -> None:
    numbers = ("samples", "recall", "its interval", "precision", "and its interval")
    listing = table("class", *numbers, numbers=numbers)
    rows = evaluation.per_class()
    for row in sorted(rows, key=lambda row: (row["recall"] is None, row["recall"])):
        rates = []
        for name in ("recall", "precision"):
            ends = row[f"{name}_interval"]
            rates.append("" if ends is None else f"{row[name]:.1%}")
            rates.append("" if ends is None else f"{ends[0]:.1%} to {ends[1]:.1%}")
        listing.add_row(row["name"], str(row["support"]), *rates)
    console().print(listing)


def _print_samples(title: str, evaluation: Evaluation, samples: np.ndarray) -> None:
    if not len(samples):
        return
    listing = table(title, "is", "answer", "with", "true class", numbers=("with", "true class"))
    for sample in samples:
        label, guess = evaluation.labels[sample], evaluation.predicted[sample]
        probabilities = evaluation.probabilities[sample]
        listing.add_row(
            f"test:{sample}", evaluation.class_names[label], evaluation.class_names[guess],
            f"{probabilities[guess]:.1%}", f"{probabilities[label]:.1%}",
        )  # fmt: skip
    console().print(listing)


def _draw_mistakes(model, data, evaluation: Evaluation, count: int, output: Path) -> None:
    samples, names = evaluation.worst_mistakes(count), data.class_names
    if len(data.image_shape) != 3:
        click.echo(f"Inputs of shape {data.image_shape} are no images: no picture is drawn.")
        return
    if not len(samples):
        click.echo("There is no mistake to draw.")
        return
    mistaken = np.asarray(data.test.inputs[samples])
    near = _nearest_training_images(model, data, mistaken)
    images, captions, wrong = [], [], []
    for image, sample, neighbours in zip(mistaken, samples, near, strict=True):
        guess, label = names[evaluation.predicted[sample]], names[evaluation.labels[sample]]
        images += [image, *data.train.inputs[neighbours]]
        captions.append(f"test:{sample} {guess} (is {label})")
        captions += [f"train:{index} {names[data.train.labels[index]]}" for index in neighbours]
        wrong += [True] + [False] * len(neighbours)
    columns = 1 + near.shape[1] if near.shape[1] else None
    write_picture(plots.image_grid(np.stack(images), captions, wrong, columns), output)


def _nearest_training_images(model, data, images: np.ndarray) -> np.ndarray:
    """Return the indices of the nearest training images, (samples, neighbours); of none, 0 columns."""
    try:
        extractor = transfer.embedding_model(model)
    except SettingError as error:
        click.echo(f"The nearest training images are left out: {error}")
        return np.empty((len(images), 0), int)
    click.echo(
        f"Looking for the nearest of {len(data.train):,} training images, by the features that the "
        "last layer reads; they are cached."
    )
    features = transfer.split_features(extractor, data.train)
    return explain.nearest_neighbours(extractor.predict(images, verbose=0), features, NEIGHBOURS)[0]


def _label_errors(run, data, folds: int, count: int, output: Path) -> None:
    click.echo(f"Training {folds} times, each without a part of the training samples ...")
    labels = data.train.labels
    with training.precision_policy(run.environment["precision"]):
        probabilities = training.out_of_fold(
            lambda: experiment_of(run), folds, run.experiment["seed"]
        )
    doubted = likely_mislabelled(labels, probabilities)
    click.echo(f"{len(doubted)} of {len(labels):,} training labels are doubted; look at each.")
    if len(doubted):
        _show_label_errors(data, probabilities, doubted[:count], output)


def _show_label_errors(data, probabilities: np.ndarray, samples: np.ndarray, output: Path) -> None:
    labels, names = data.train.labels, data.class_names
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -1
    rather = others.argmax(axis=1)
    listing = table("training sample", "labelled", "rather", "with", numbers=("with",))
    captions = []
    for sample in samples:
        label, other = names[labels[sample]], names[rather[sample]]
        probability = f"{probabilities[sample, rather[sample]]:.1%}"
        listing.add_row(f"train:{sample}", label, other, probability)
        captions.append(f"train:{sample} {label}, rather {other}?")
    console().print(listing)
    if len(data.image_shape) == 3:
        figure = plots.image_grid(data.train.inputs[samples], captions)
        write_picture(figure, output.with_name(f"{output.stem}-labels{output.suffix}"))
