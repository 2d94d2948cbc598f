"""What is worth comparing on a data set, within a budget of seconds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cnnkit import models, transfer
from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError

SMALL = 64  # pixels a side, up to which small networks from scratch are worth their time
SPEED = 2e10  # multiply-adds a second, a cautious guess for two cores; it only leaves out
PART_OF_BUDGET = 0.3  # that the first training of a network may take at most
PART_FOR_FEATURES = 0.33  # of the budget, for the features of all backbones
FIRST_STEPS = 300  # of the first training: batch normalisation knows nothing before
MANY = 5000  # training images, from which on steps are larger

# name: (options of the factory, highest learning rate)
NETWORKS: Mapping[str, tuple[dict, float]] = {
    "lenet5": ({"activation": "relu", "pool": "max"}, 2e-3),
    "convnet": (
        {"widths": (32, 64, 128), "depths": (1, 1, 1), "batch_normalization": True, "dropout": 0.3},
        2e-3,
    ),
    "vgg_small": ({}, 1e-3),
    "resnet20": ({}, 3e-3),
}


@dataclass(frozen=True)
class Candidate:
    """A recipe to try.

    Attributes:
        name: What tables call it.
        settings: Of the experiment, without the number of epochs and the data.
        first_epochs: How long it trains in the first round.
        most_epochs: How long it trains at most.
        about: In words, where it comes from.
    """

    name: str
    settings: Mapping = field(hash=False)
    first_epochs: int
    most_epochs: int
    about: str = ""


def expect_comparable(dataset: Dataset) -> None:
    """Check that a data set is one that can be tried automatically.

    Args:
        dataset: The data set.

    Raises:
        SettingError: The inputs are no pictures, or samples may have several classes.
    """
    if dataset.vocabulary or len(dataset.image_shape) != 3:
        raise SettingError(
            f"cnnkit auto compares networks for pictures, and the inputs of {dataset.name!r} have "
            f"the shape {dataset.image_shape}: train with cnnkit run."
        )
    if dataset.task.validation_score != "accuracy":
        raise SettingError(
            f"cnnkit auto compares accuracies, and samples of {dataset.name!r} may have several "
            "classes: train with cnnkit run."
        )


def networks(dataset: Dataset, seconds: float) -> list[Candidate]:
    """Return small networks to train from scratch.

    Args:
        dataset: The images.
        seconds: The budget.

    Returns:
        Candidates where images have at most 64 pixels a side, the cheapest first; those whose
        first training would take more than a third of the budget are left out, but never all.
    """
    height, width = dataset.image_shape[:2]
    if max(height, width) > SMALL:
        return []
    samples = len(dataset.train)
    epochs = _first_epochs(samples)
    found = {name: epochs * _epoch_seconds(name, height * width, samples) for name in NETWORKS}
    affordable = [name for name in found if found[name] <= PART_OF_BUDGET * seconds]
    names = affordable or [min(found, key=lambda name: found[name])]
    return [_network(name, dataset) for name in sorted(names, key=lambda name: found[name])]


def backbones(
    dataset: Dataset, seconds: float, is_here: Callable[[str], bool] = transfer.in_cache
) -> list[str]:
    """Return the names of backbones whose features can be computed within a third of the budget.

    Args:
        dataset: The images.
        seconds: The budget.
        is_here: Whether the weights of a backbone are on this machine.

    Returns:
        Names, the cheapest first.
    """
    height, width, channels = dataset.image_shape
    if channels not in (1, 3) or tuple(dataset.value_range) != (0, 255):
        return []
    images = len(dataset.train) + len(dataset.validation)
    left, found = PART_FOR_FEATURES * seconds, []
    infos = map(transfer.backbone_info, filter(is_here, transfer.names()))
    for info in sorted(infos, key=lambda info: info.multiply_adds):
        cost = info.multiply_adds * height * width / info.native_size**2 * images / SPEED
        if min(height, width) < info.min_size or cost > left:
            continue
        left -= cost
        found.append(info.name)
    return found


def head_candidate(backbone: str, penalty: float, samples: int, about: str = "") -> Candidate:
    """Return the candidate that trains a linear head on a frozen backbone.

    Args:
        backbone: The backbone's name.
        penalty: scikit-learn's `C` of the head that cross-validation chose.
        samples: Training images.
        about: What cross-validation said.
    """
    # scikit-learn adds |w|²/2C to the sum of the losses: a decay of 1/(C samples) a step, which
    # momentum of 0.9 multiplies by ten for the loss, but not for Keras' decay.
    settings = {
        "model": backbone, "optimizer": "sgd", "learning_rate": 1e-2, "schedule": "constant",
        "weight_decay": 10 / (penalty * samples), "batch_size": _batch_size(samples),
    }  # fmt: skip
    return Candidate(f"{backbone}, linear head", settings, 10, 60, about)


def fine_tuned(head: Candidate) -> Candidate:
    """Return the candidate that goes on from a head with the last block of its backbone.

    Args:
        head: What `head_candidate` returned.
    """
    name = f"{head.settings['model']}, last block fine-tuned"
    settings = {**head.settings, "fine_tuning_epochs": 5}
    return Candidate(name, settings, head.first_epochs, head.most_epochs, "the best head")


def _network(name: str, dataset: Dataset) -> Candidate:
    options, rate = NETWORKS[name]
    pictures = tuple(dataset.value_range) == (0, 255)
    augment = "affine" if dataset.image_shape[-1] == 1 else "flip_crop"
    settings = {
        "model": name, "model_options": options, "learning_rate": rate,
        "augment": augment if pictures else None, "batch_size": _batch_size(len(dataset.train)),
    }  # fmt: skip
    return Candidate(name, settings, _first_epochs(len(dataset.train)), 60, "from scratch")


def _batch_size(samples: int) -> int:
    return 32 if samples < MANY else 128


def _first_epochs(samples: int) -> int:
    """Return how many epochs the first round has: enough steps, but from 3 to 10."""
    steps = -(-samples // _batch_size(samples))
    return min(max(-(-FIRST_STEPS // steps), 3), 10)


def _epoch_seconds(name: str, pixels: int, samples: int) -> float:
    """Guess how long an epoch takes; a step costs about three times the answer alone."""
    facts = models.entry(name).facts
    height, width, _ = facts["image_shape"]
    return 3 * facts["multiply_adds"] * pixels / (height * width) * samples / SPEED
