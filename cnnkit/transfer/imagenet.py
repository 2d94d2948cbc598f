"""ImageNet's thousand classes: what a network with its published top says of photographs."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras
import numpy as np

from cnnkit.data.images.decode import decode, read
from cnnkit.errors import MissingDataError, SettingError
from cnnkit.transfer.backbones import network_of, with_preprocessing
from cnnkit.transfer.batch_norm_fusion import fuse_batch_norm
from cnnkit.transfer.catalogue import backbone_info, weights_folder

CLASSES = "imagenet_class_index.json"
NUMBERS = [str(number) for number in range(1000)]
SUFFIXES = (".jpeg", ".jpg", ".png", ".webp", ".bmp")
BATCH = 32


def imagenet_classifier(name: str, weights: str = "imagenet") -> keras.Model:
    """Return a network with its top: pixels 0 to 255 of its native size in, 1,000 probabilities out.

    weights: "imagenet", "none", or the path of a file of the network with its top. Raises what
    `transfer.backbone` raises.
    """
    found = backbone_info(name)
    size = (found.native_size,) * 2
    network = network_of(found, size, weights, include_top=True)
    return with_preprocessing(network, found, (*size, 3), name)


def most_probable(
    model: keras.Model, paths: Iterable[Path], top: int = 5
) -> Iterator[tuple[Path, list[tuple[str, float]]]]:
    """Yield (path, [(label, probability), ...]) for each image file, most probable first.

    Images are stretched to the model's input. Raises BadImage for a file that cannot be read, and
    MissingDataError where Keras' list of classes cannot be had.
    """
    labels = [label for _, label in imagenet_classes()]
    for files, probabilities in _predictions(model, list(paths), "stretch"):
        for path, each in zip(files, probabilities, strict=True):
            best = np.argsort(-each, kind="stable")[:top]
            yield path, [(labels[index], float(each[index])) for index in best]


def evaluate_imagenet(
    folder: str | Path, name: str = "mobilenet_v2", weights: str = "imagenet"
) -> dict[str, float]:
    """Return {"top_1", "top_5", "images"} of a network on FOLDER/WORDNET_ID/IMAGE.

    top_1 and top_5 are fractions of 1; images are cut to their largest central square, and only a
    batch of them is in memory. Raises SettingError where the folder has no such layout.
    """
    number = {wordnet_id: index for index, (wordnet_id, _) in enumerate(imagenet_classes())}
    paths = [
        path
        for path in sorted(Path(folder).glob("*/*"))
        if path.parent.name in number and path.suffix.lower() in SUFFIXES
    ]
    if not paths:
        raise SettingError(
            f"{folder} has no images in folders named by WordNet ids, as n02123394/cat.JPEG."
        )
    model = fuse_batch_norm(imagenet_classifier(name, weights))
    hits = {1: 0, 5: 0}
    for files, probabilities in _predictions(model, paths, "crop"):
        truth = np.array([number[path.parent.name] for path in files])[:, None]
        ranked = np.argsort(-probabilities, axis=1, kind="stable")
        for top in hits:
            hits[top] += int((ranked[:, :top] == truth).any(axis=1).sum())
    return {
        "top_1": hits[1] / len(paths),
        "top_5": hits[5] / len(paths),
        "images": len(paths),
    }


def imagenet_classes() -> list[tuple[str, str]]:
    """Return (WordNet id, label) of the 1,000 classes, in the order of a network's outputs."""
    path = weights_folder() / CLASSES
    if not path.is_file():
        try:
            keras.applications.imagenet_utils.decode_predictions(np.zeros((1, 1000)))
        except Exception as error:  # Keras raises a bare Exception where a download fails
            raise MissingDataError(
                f"The names of ImageNet's classes, {CLASSES}, are not on this machine and cannot "
                f"be fetched; put that file into {path.parent}."
            ) from error
    try:
        index = json.loads(path.read_text())
        return [(str(wordnet_id), str(label)) for wordnet_id, label in map(index.get, NUMBERS)]
    except (ValueError, TypeError, AttributeError) as error:
        raise MissingDataError(
            f"{path} is damaged: it does not name ImageNet's 1,000 classes; move it away, so that "
            "Keras fetches it anew."
        ) from error


def _predictions(model: keras.Model, paths: list[Path], fit: str) -> Iterator[tuple]:
    size = model.input_shape[1:3]
    for start in range(0, len(paths), BATCH):
        files = paths[start : start + BATCH]
        images = np.stack([decode(read(path), size, fit=fit) for path in files])
        yield files, model.predict_on_batch(images)
