"""Fine-tuning: the head first, then unfrozen blocks of the backbone, slowly."""

from dataclasses import dataclass

import keras

from cnnkit.errors import SettingError
from cnnkit.keras_graph.learning_rates import scale_learning_rates
from cnnkit.settings import expect_counts
from cnnkit.transfer.network_blocks import blocks


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """A phase of training that goes on with unfrozen blocks, for `Experiment.phases`.

    epochs: at most, after those before. optimizer: of this phase alone, or its name, with a
        learning rate well below the head's: a hundredth is usual.
    blocks: how many, from the last one, train beside the head; all of them unless given. See
        `transfer.blocks`. Batch normalisation keeps its statistics and its scale, as in the frozen
        network: Keras runs it in inference mode.
    layer_decay: the learning rate of each block, as a part of that of the block after it; the last
        block has this part of the head's (Clark et al. 2020, https://arxiv.org/abs/2003.10555,
        appendix A; 1 is the same for all). AdamW's own decay of weights stays as it is.

    Raises SettingError for values that are not allowed.
    """

    epochs: int
    optimizer: keras.optimizers.Optimizer | str
    blocks: int | None = None
    layer_decay: float = 1.0

    def __post_init__(self):
        expect_counts(epochs=self.epochs)
        if self.blocks is not None and self.blocks < 1:
            raise SettingError(f"blocks is at least 1, or None for all of them, not {self.blocks}.")
        if not 0 < self.layer_decay <= 1:
            raise SettingError(f"layer_decay is above 0 and at most 1, not {self.layer_decay}.")

    def begin(self, model: keras.Model) -> None:
        """Unfreeze what trains in this phase, and freeze all else; set the rates of the blocks.

        Raises SettingError where the model has fewer blocks.
        """
        found = blocks(model)
        if self.blocks is not None and self.blocks > len(found):
            raise SettingError(
                f"The network {model.name!r} has {len(found)} blocks, and {self.blocks} of them "
                "should train: leave blocks out for all of them."
            )
        model.trainable = True
        trained = found if self.blocks is None else found[-self.blocks :]
        for place, block in enumerate(found, start=len(trained) - len(found)):
            for layer in block:
                layer.trainable = place >= 0
                _freeze_batch_normalisation(layer)
        if self.layer_decay < 1:
            factors = [
                (variable, self.layer_decay**above)
                for above, block in enumerate(reversed(trained), start=1)
                for layer in block
                for variable in layer.trainable_variables
            ]
            scale_learning_rates(self.optimizer, factors)

    def __str__(self) -> str:
        which = "all blocks" if self.blocks is None else f"the last {self.blocks} blocks"
        which = "the last block" if self.blocks == 1 else which
        decay = f", layer decay {self.layer_decay:g}" if self.layer_decay < 1 else ""
        return f"fine-tuning of {which}{decay}"


def _freeze_batch_normalisation(layer: keras.Layer) -> None:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False
    for inner in getattr(layer, "layers", ()):
        _freeze_batch_normalisation(inner)
