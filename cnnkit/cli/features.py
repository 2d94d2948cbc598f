"""`cnnkit features`: what a backbone, or a run's network, makes of each sample of a data set."""

from pathlib import Path

import click
import numpy as np

from cnnkit import data, keras_import, transfer
from cnnkit.cli.completion import completing
from cnnkit.cli.datasets import complete_dataset, dataset_options
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.run_images import SPLITS, dataset_of, model_of
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.screen import console, table
from cnnkit.data.augmentation.catalogue import policy as augmentation_entry
from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError
from cnnkit.transfer import feature_files

BACKBONE = "mobilenet_v2"
MOST_POINTS = 10_000  # what a browser can turn in the projector
READ = 256  # images in memory at once


@click.command(cls=OneSentence)
@click.option(
    "--dataset", shell_complete=complete_dataset,
    help="A data set's name, or a folder.  [default: the run's]",
)  # fmt: skip
@dataset_options
@click.option(
    "--split", type=click.Choice([*SPLITS, "all"]), default="all", show_default=True,
    help="Which samples.",
)  # fmt: skip
@click.option(
    "--backbone", shell_complete=completing(transfer.names),
    help=f"The pretrained network; `cnnkit backbones` lists them.  [default: {BACKBONE}]",
)  # fmt: skip
@click.option("--weights", default="imagenet", show_default=True, help="imagenet, none, or a file.")
@click.option(
    "--pooling", type=click.Choice(["average", "max", "flatten"]), default="average",
    show_default=True, help="How the backbone's last feature map becomes a vector.",
)  # fmt: skip
@click.option(
    "--run", "word", metavar="RUN", shell_complete=complete_run,
    help="Instead of a backbone, this run's network without its last dense layer.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(["auto", "float32", "mixed_bfloat16"]), default="float32",
    show_default=True, help="What the backbone computes in; auto: bfloat16 where hardware has it.",
)  # fmt: skip
@click.option(
    "--augment", shell_complete=completing(data.augmentations),
    help="Change training images at random by this policy before the network sees them.",
)  # fmt: skip
@click.option(
    "--cached-views", type=click.IntRange(min=1), default=1, show_default=True,
    help="With --augment, rows of each training image, each of another change.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Draws these changes.")
@click.option("--half", is_flag=True, help="Keep and write features in half precision.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="FILE.npz or FILE.parquet.  [default: DATASET-features.npz]",
)  # fmt: skip
@click.option(
    "--projector", type=click.Path(file_okay=False, path_type=Path),
    help="Write them to this folder for TensorBoard's embedding projector, too.",
)  # fmt: skip
@runs_dir_option
@debug_option
def command(
    dataset, options, split, backbone, word, augment, cached_views, seed, half, output, projector,
    runs_dir, **built,
):  # fmt: skip
    """Write the features of a data set, a row a sample, for scikit-learn, UMAP or pandas.

    They are computed once and kept in the cache. Each row also has its label, split and index, and
    its path where samples are files.
    """
    if output is not None:
        feature_files.check_path(output)
    if word and backbone:
        raise SettingError("Features are of a --backbone or of a --run, not of both.")
    if augment is not None:
        augmentation_entry(augment)  # a misspelt name must not wait for the images or for Keras
    elif cached_views > 1:
        raise SettingError("Several --cached-views need an --augment.")
    if word:
        loaded, model = _of_run(word, runs_dir, dataset, options)
    else:
        loaded, model = _of_backbone(dataset, options, backbone or BACKBONE, **built)
    output = output or Path(f"{loaded.name}-features.npz")
    feature_files.check_path(output)
    changes = None if augment is None else data.augmentation(augment, loaded)
    changed = transfer.AugmentedViews(changes, cached_views, seed)
    parts = {
        name: _part(
            model, loaded, name, changed if name == "train" else transfer.AugmentedViews(), half
        )
        for name in (SPLITS if split == "all" else (split,))
    }
    feature_files.write(output, parts, loaded.class_names)
    _print(parts)
    click.echo(f"Features   {output}  ({output.stat().st_size / 1e6:,.1f} MB)")
    if projector is not None:
        _project(projector, f"{loaded.name} by {model.name}", loaded, parts)


def _part(model, loaded: Dataset, name: str, views, half: bool) -> feature_files.SplitFeatures:
    split = loaded.splits[name]
    found = transfer.split_features(model, split, half=half, views=views, scale=loaded.scale)
    index = views.order(split)
    paths = getattr(split.inputs, "paths", None)
    paths = None if paths is None else tuple(paths[place] for place in index)
    return feature_files.SplitFeatures(found, split.labels[index], paths, index)


def _of_backbone(
    dataset: str | None, options: dict, backbone: str, weights: str, pooling: str, precision: str
) -> tuple:
    if dataset is None:
        raise SettingError("Name a --dataset, or a --run whose data set it then is.")
    transfer.check_name(backbone)  # a misspelt name must not wait for the images or for Keras
    loaded = data.load(dataset, **options)
    keras_import.import_keras()
    transfer.check_pixels(backbone, loaded)
    from cnnkit.training.steps.precision import policy

    with policy(precision):
        network = transfer.backbone(backbone, loaded.image_shape, weights=weights)
        return loaded, transfer.feature_extractor(network, pooling)


def _of_run(word: str, runs_dir: str, dataset: str | None, options: dict) -> tuple:
    if dataset is None and options:
        raise SettingError("--dataset-option needs a --dataset; a run's own data are as they were.")
    run, model = model_of(word, runs_dir)
    loaded = dataset_of(run) if dataset is None else data.load(dataset, **options)
    taken = tuple(run.dataset["image_shape"])
    if loaded.image_shape != taken:
        raise SettingError(
            f"{run.name} takes inputs of shape {taken}, and those of {loaded.name!r} have "
            f"{loaded.image_shape}."
        )
    return loaded, transfer.embedding_model(model)


def _print(parts: dict) -> None:
    listing = table("split", "samples", "features", "type", numbers=("samples", "features"))
    for name, part in parts.items():
        rows, columns = part.features.shape
        listing.add_row(name, f"{rows:,}", f"{columns:,}", str(part.features.dtype))
    console().print(listing)


def _project(folder: Path, title: str, loaded: Dataset, parts: dict) -> None:
    from cnnkit.tensorboard import projector
    from cnnkit.tensorboard.event_files import EventLog

    step = max(1, -(-sum(map(len, parts.values())) // MOST_POINTS))
    points, pictures, columns = [], [], {"label": [], "split": [], "sample": []}
    for name, part in parts.items():
        chosen, split = np.arange(0, len(part), step), loaded.splits[name]
        points.append(part.features[chosen])
        columns["label"] += [loaded.named(part.labels[index]) for index in chosen]
        columns["split"] += [name] * len(chosen)
        columns["sample"] += [part.paths[i] if part.paths else str(part.index[i]) for i in chosen]
        if len(loaded.image_shape) == 3:
            for few in np.split(chosen, range(READ, len(chosen), READ)):
                pictures.append(
                    projector.thumbnails(split.inputs[part.index[few]], *loaded.value_range)
                )
    try:
        drawn = np.concatenate(pictures) if pictures else None
        projector.write(folder, title, np.concatenate(points), columns, drawn)
    except OSError as error:
        raise SettingError(f"{folder} cannot be written: {error.strerror}.") from error
    EventLog(folder).close()  # TensorBoard takes only folders with events for runs
    few = f", one sample in {step}" if step > 1 else ""
    click.echo(f"Projector  {folder}{few}; cnnkit tensorboard --runs-dir {folder} shows it")
