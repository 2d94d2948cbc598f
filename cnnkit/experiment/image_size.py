"""Progressive image size: training on small images first, which is cheaper, and then on whole ones."""

from dataclasses import dataclass

import keras

from cnnkit.settings import expect_counts


@dataclass(frozen=True, kw_only=True)
class AtImageSize:
    """A phase of training that goes on with images of another size, for `Experiment.phases`.

    A step's cost falls with the square of the side; H. Touvron et al. 2019,
    https://arxiv.org/abs/1906.06423, on what a last phase at the size of the test is worth.

    epochs: at most, after those before. optimizer: of this phase alone, or its name. image_size:
    (height, width) as `Experiment.image_size`; None for the size that the data set has.

    Raises SettingError for no epoch; Experiment raises it for a size that its model does not take.
    """

    epochs: int
    optimizer: keras.optimizers.Optimizer | str
    image_size: tuple[int, int] | None = None

    def __post_init__(self):
        expect_counts(epochs=self.epochs)

    def begin(self, model: keras.Model) -> None:
        """Change nothing: what trained before trains on."""

    def __str__(self) -> str:
        if self.image_size is None:
            return "at the images' own size"
        return "at {} x {} pixels".format(*self.image_size)
