"""Explain: which views of a network a run draws while it trains."""

from dataclasses import dataclass
from pathlib import Path

from cnnkit.callbacks.explain_callback import ExplainCallback
from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError
from cnnkit.settings import expect_counts


@dataclass(frozen=True, kw_only=True)
class Explain:
    """What a run draws of its network while it trains, for `Experiment(explain=Explain())`.

    A run then writes pictures for TensorBoard: the filters of the first convolution, feature maps,
    Grad-CAM, decisions and the embedding projector. All pictures are of the same validation images,
    the first ones of different classes. The report gains three parts: one image followed number by
    number, the accuracy on changed images, and a film of learning.

    TensorBoard shows the pictures under these tags: `filters`, `feature_maps/LAYER` (a row an
    image), `grad_cam` and `decisions` (a column an image, a bar a class, the right one in orange).
    `seconds` is the time that the pictures took.

    Args:
        every: Epochs from one set of pictures to the next, at least 1. The first and the last
            epoch always get one.
        images: Number of validation images in the pictures, at least 1.
        embedded: Number of validation images in the embedding projector; 0 leaves it out.

    Raises:
        SettingError: A number is out of range.
    """

    every: int = 10
    images: int = 6
    embedded: int = 500

    def __post_init__(self):
        expect_counts(every=self.every, images=self.images)
        if self.embedded < 0:
            raise SettingError(f"embedded is at least 0, not {self.embedded}.")

    def expect_images(self, data: Dataset) -> None:
        """Check that a data set can be shown.

        Args:
            data: The data set that the network is trained on.

        Raises:
            SettingError: Inputs are not images, or samples may have several classes.
        """
        if len(data.image_shape) != 3 or not data.task.explains_answers:
            raise SettingError(
                f"Explain shows images of one class each, and {data.name!r} has inputs of shape "
                f"{data.image_shape} and labels of shape {data.validation.labels.shape}."
            )

    def callback(self, data: Dataset, folder: str | Path) -> ExplainCallback:
        """Return the Keras callback that draws; a run adds it by itself.

        Args:
            data: The data set that the network is trained on.
            folder: Folder for the event files and the projector.

        Returns:
            A callback for `model.fit`.

        Raises:
            SettingError: Inputs are not images, or samples may have several classes.
        """
        self.expect_images(data)
        return ExplainCallback(
            data, Path(folder), every=self.every, images=self.images, embedded=self.embedded
        )
