"""Progressive resizing: train on small images first, which is cheaper, then on full-size ones."""

from dataclasses import dataclass

import keras

from cnnkit.settings import expect_counts


@dataclass(frozen=True, kw_only=True)
class AtImageSize:
    """A phase of training with another image size, for `Experiment.phases`.

    The cost of a step grows with the area of the images. H. Touvron et al. 2019,
    https://arxiv.org/abs/1906.06423, measure the gain of a last phase at the test's image size.

    Args:
        epochs: Maximum number of epochs of this phase, at least 1.
        optimizer: Optimizer of this phase, or its name.
        image_size: (height, width) as in `Experiment.image_size`; None for the size in the data.

    Raises:
        SettingError: `epochs` is less than 1. The Experiment raises it for a size that its model
            does not take.
    """

    epochs: int
    optimizer: keras.optimizers.Optimizer | str
    image_size: tuple[int, int] | None = None

    def __post_init__(self):
        expect_counts(epochs=self.epochs)

    def begin(self, model: keras.Model) -> None:
        """Begin the phase; the same layers train as before.

        Args:
            model: The network, which stays as it is.
        """

    def __str__(self) -> str:
        if self.image_size is None:
            return "at the images' own size"
        return "at {} x {} pixels".format(*self.image_size)
