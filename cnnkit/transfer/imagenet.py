"""ImageNet's 1,000 classes: networks with their published top, on photographs."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import keras
import numpy as np

from cnnkit.data.files.stream import decoded_batches
from cnnkit.data.images.decode import decode, read
from cnnkit.errors import BadFile, BadFilesError, MissingDataError, SettingError
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.transfer.backbones import network_with_weights, with_preprocessing
from cnnkit.transfer.batch_norm_fusion import fuse_batch_norm
from cnnkit.transfer.catalogue import backbone_info, weights_folder

CLASSES = "imagenet_class_index.json"
NUMBERS = [str(number) for number in range(1000)]
SUFFIXES = (".jpeg", ".jpg", ".png", ".webp", ".bmp")
BATCH = 32


def imagenet_classifier(name: str, weights: str = "imagenet") -> keras.Model:
    """Return a pretrained network with its top and its preprocessing.

    Args:
        name: One of `transfer.names()`.
        weights: "imagenet", "none", or the path of a file of the network with its top.

    Returns:
        A model from pixels, 0 to 255, of the native size to the probabilities of 1,000 classes.

    Raises:
        CnnkitError: What `transfer.backbone` raises.
    """
    info = backbone_info(name)
    size = (info.native_size,) * 2
    network = network_with_weights(info, size, weights, include_top=True)
    return with_preprocessing(network, info, (*size, 3), name)


def most_probable(
    model: keras.Model,
    paths: Iterable[Path],
    top: int = 5,
    on_bad: Callable[[Path, BadFile], None] | None = None,
) -> Iterator[tuple[Path, list[tuple[str, float]]]]:
    """Classify image files by ImageNet's classes.

    Images are stretched to the model's input.

    Args:
        model: What `imagenet_classifier` returns.
        paths: The image files.
        top: How many classes to return for each.
        on_bad: Called with each file that cannot be read, and the reason; such files are left out.
            None raises instead.

    Yields:
        (path, [(label, probability), ...]) for each file, most probable first.

    Raises:
        BadFilesError: A file cannot be read, and there is no `on_bad`.
        MissingDataError: Keras' list of classes cannot be had.
    """
    labels = [label for _, label in imagenet_classes()]
    for files, probabilities in _predictions(model, list(paths), "stretch", on_bad):
        for path, each in zip(files, probabilities, strict=True):
            best = np.argsort(-each, kind="stable")[:top]
            yield path, [(labels[index], float(each[index])) for index in best]


def evaluate_imagenet(
    folder: str | Path, name: str = "mobilenet_v2", weights: str = "imagenet"
) -> dict[str, float]:
    """Measure the accuracy of a network on images of ImageNet's classes.

    Images are cut to their largest central square. Only a batch of them is in memory at a time.

    Args:
        folder: Has the images as FOLDER/WORDNET_ID/IMAGE.
        name: One of `transfer.names()`.
        weights: As `imagenet_classifier` takes them.

    Returns:
        {"top_1", "top_5", "images"}: accuracies, from 0 to 1, and the number of images.

    Raises:
        SettingError: The folder has no such layout.
        BadFilesError: A file cannot be read.
    """
    class_index = {wordnet_id: index for index, (wordnet_id, _) in enumerate(imagenet_classes())}
    paths = [
        path
        for path in sorted(Path(folder).glob("*/*"))
        if path.parent.name in class_index and path.suffix.lower() in SUFFIXES
    ]
    if not paths:
        raise SettingError(
            f"{folder} has no images in folders named by WordNet ids, as n02123394/cat.JPEG."
        )
    model = fuse_batch_norm(imagenet_classifier(name, weights))
    hits = {1: 0, 5: 0}
    for files, probabilities in _predictions(model, paths, "crop"):
        labels = np.array([class_index[path.parent.name] for path in files])[:, None]
        ranked = np.argsort(-probabilities, axis=1, kind="stable")
        for top in hits:
            hits[top] += int((ranked[:, :top] == labels).any(axis=1).sum())
    return {
        "top_1": hits[1] / len(paths),
        "top_5": hits[5] / len(paths),
        "images": len(paths),
    }


def imagenet_classes() -> list[tuple[str, str]]:
    """Return the 1,000 classes in the order of a network's outputs.

    Returns:
        A list of (WordNet id, label).

    Raises:
        MissingDataError: Keras' list of classes cannot be had, or is damaged.
    """
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
            "Keras fetches it again."
        ) from error


def _predictions(
    model: keras.Model,
    paths: list[Path],
    fit: str,
    on_bad: Callable[[Path, BadFile], None] | None = None,
) -> Iterator[tuple]:
    size = model.input_shape[1:3]
    batches = decoded_batches(paths, lambda path: decode(read(path), size, fit=fit), BATCH)
    for batch in batches:
        files, images = [], []
        for path, image in batch:
            if not isinstance(image, BadFile):
                files.append(path)
                images.append(image)
            elif on_bad is not None:
                on_bad(path, image)
            else:
                raise BadFilesError(
                    "A file cannot be read; mend it or move it away:", {str(path): str(image)}
                )
        if files:
            yield files, as_numpy(model.predict_on_batch(np.stack(images)))
