"""`cnnkit features`: write the features that a network computes for each sample of a data set."""

import shlex
from pathlib import Path
from typing import cast

import click
import numpy as np

from cnnkit import data, tensorboard, training, transfer
from cnnkit.cli.completion import completing
from cnnkit.cli.datasets import complete_dataset, dataset_options
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table, writing
from cnnkit.cli.run_inputs import SPLITS, load_run
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.trust import trust_option
from cnnkit.data.augmentation.catalogue import policy as augmentation_entry
from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError
from cnnkit.experiment.rebuild import dataset_of
from cnnkit.keras_import import import_keras
from cnnkit.transfer import feature_files

BACKBONE = "mobilenet_v2"
MOST_POINTS = 10_000  # what a browser can turn in the projector
BATCH = 256  # images in memory at once


@click.command(cls=OneSentence)
@click.option(
    "--dataset", shell_complete=complete_dataset,
    help="A data set's name, or a folder.  [default: the run's]",
)  # fmt: skip
@dataset_options
@click.option(
    "--split", type=click.Choice([*SPLITS, "all"]), default="all", show_default=True,
    help="The split whose features to write.",
)  # fmt: skip
@click.option(
    "--backbone", shell_complete=completing(transfer.names),
    help=f"The pretrained network; `cnnkit backbones` lists them.  [default: {BACKBONE}]",
)  # fmt: skip
@click.option(
    "--weights",
    default="imagenet",
    show_default=True,
    help="The backbone's weights: imagenet, none, or a file.",
)
@click.option(
    "--pooling", type=click.Choice(["average", "max", "flatten"]), default="average",
    show_default=True, help="How the backbone's last feature map becomes a vector.",
)  # fmt: skip
@click.option(
    "--run", "run", metavar="RUN", shell_complete=complete_run,
    help="Instead of a backbone, this run's network without its last dense layer.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(["auto", "float32", "mixed_bfloat16"]), default="float32",
    show_default=True, help="The backbone's dtype policy; auto is bfloat16 if the hardware has it.",
)  # fmt: skip
@click.option(
    "--augment", shell_complete=completing(data.augmentations),
    help="Change training images at random by this augmentation before the network sees them.",
)  # fmt: skip
@click.option(
    "--cached-views", type=click.IntRange(min=1), default=1, show_default=True,
    help="With --augment, how many changed views of each training image to write.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Seed of the random changes.")
@click.option("--half", is_flag=True, help="Cache and write features in half precision (float16).")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="FILE.npz or FILE.parquet.  [default: DATASET-features.npz]",
)  # fmt: skip
@click.option(
    "--projector", type=click.Path(file_okay=False, path_type=Path),
    help="Also write the features to this folder for TensorBoard's embedding projector.",
)  # fmt: skip
@runs_dir_option
@trust_option
@debug_option
def command(
    dataset, options, split, backbone, run, augment, cached_views, seed, half, output, projector,
    runs_dir, **built,
):  # fmt: skip
    """Write the features of a data set, a row a sample, for scikit-learn, UMAP or pandas.

    Features are computed once and cached. Each row also has its label, split and index, and its
    path if samples are files.
    """
    if output is not None:
        feature_files.check_path(output)
    if run and backbone:
        raise SettingError("Features are of a --backbone or of a --run, not of both.")
    if augment is not None:
        augmentation_entry(augment)  # a misspelt name must not wait for the images or for Keras
    elif cached_views > 1:
        raise SettingError("Several --cached-views need an --augment.")
    if run:
        dataset, model = _from_run(run, runs_dir, dataset, options)
    else:
        dataset, model = _from_backbone(dataset, options, backbone or BACKBONE, **built)
    if dataset.is_of_files:
        click.echo(dataset.summary())
    output = output or Path(f"{dataset.name}-features.npz")
    feature_files.check_path(output)
    changes = None if augment is None else data.augmentation(augment, dataset)
    views = transfer.AugmentedViews(changes, cached_views, seed)
    from cnnkit.training.checkpointing.signals import StopOnSignal  # imports Keras

    stop, plain = StopOnSignal(), transfer.AugmentedViews()
    with stop.listening():
        parts = {
            name: _part(model, dataset, name, views if name == "train" else plain, half, stop.check)
            for name in (SPLITS if split == "all" else (split,))
        }
    feature_files.write(output, parts, dataset.class_names)
    _print(parts)
    click.echo(f"Features   {output}  ({output.stat().st_size / 1e6:,.1f} MB)")
    if projector is not None:
        _write_projector(projector, f"{dataset.name} by {model.name}", dataset, parts)


def _part(
    model, dataset: Dataset, name: str, views, half: bool, check
) -> feature_files.SplitFeatures:
    split = dataset.splits[name]
    features = transfer.split_features(model, split, half=half, views=views, check=check)
    index = views.order(split)
    paths = getattr(split.inputs, "paths", None)
    paths = None if paths is None else tuple(paths[place] for place in index)
    return feature_files.SplitFeatures(features, split.labels[index], paths, index)


def _from_backbone(
    name: str | None, options: dict, backbone: str, weights: str, pooling: str, precision: str
) -> tuple:
    if name is None:
        raise SettingError("Name a --dataset, or a --run whose data set it then is.")
    transfer.check_name(backbone)  # a misspelt name must not wait for the images or for Keras
    dataset = data.load(name, **options)
    import_keras()  # quietly, before the backbone imports it
    transfer.check_pixels(backbone, dataset)
    with training.precision_policy(precision):
        image_shape = cast("tuple[int, int, int]", dataset.image_shape)
        network = transfer.backbone(backbone, image_shape, weights=weights)
        return dataset, transfer.feature_extractor(network, pooling)


def _from_run(word: str, runs_dir: str, name: str | None, options: dict) -> tuple:
    if name is None and options:
        raise SettingError("--dataset-option needs a --dataset; a run's own data are as they were.")
    run, model = load_run(word, runs_dir)
    dataset = dataset_of(run) if name is None else data.load(name, **options)
    image_shape = tuple(run.dataset["image_shape"])
    if dataset.image_shape != image_shape:
        raise SettingError(
            f"{run.name} takes inputs of shape {image_shape}, and those of {dataset.name!r} have "
            f"{dataset.image_shape}."
        )
    return dataset, transfer.embedding_model(model)


def _print(parts: dict) -> None:
    listing = table("split", "samples", "features", "type", numbers=("samples", "features"))
    for name, part in parts.items():
        rows, columns = part.features.shape
        listing.add_row(name, f"{rows:,}", f"{columns:,}", str(part.features.dtype))
    console().print(listing)


def _write_projector(folder: Path, title: str, dataset: Dataset, parts: dict) -> None:
    projector = tensorboard.projector
    step = max(1, -(-sum(map(len, parts.values())) // MOST_POINTS))
    points, pictures, columns = [], [], {"label": [], "split": [], "sample": []}
    for name, part in parts.items():
        chosen, split = np.arange(0, len(part), step), dataset.splits[name]
        points.append(part.features[chosen])
        columns["label"] += [dataset.named(part.labels[index]) for index in chosen]
        columns["split"] += [name] * len(chosen)
        columns["sample"] += [part.paths[i] if part.paths else str(part.index[i]) for i in chosen]
        if len(dataset.image_shape) == 3:
            for batch in np.split(chosen, range(BATCH, len(chosen), BATCH)):
                pictures.append(
                    projector.thumbnails(split.inputs[part.index[batch]], *dataset.value_range)
                )
    thumbnails = np.concatenate(pictures) if pictures else None
    with writing(folder):
        projector.write_projector(folder, title, np.concatenate(points), columns, thumbnails)
    # TensorBoard takes a folder for a run only if it has events.
    tensorboard.event_files.EventWriter(folder).close()
    part = f", one sample in {step}" if step > 1 else ""
    show = f"cnnkit tensorboard --runs-dir {shlex.quote(str(folder))}"
    click.echo(f"Projector  {folder}{part}; {show} shows it")
