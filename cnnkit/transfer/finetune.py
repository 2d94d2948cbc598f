"""Fine-tuning: after the head, train blocks of the backbone at a low learning rate."""

from dataclasses import dataclass

import keras

from cnnkit.errors import SettingError
from cnnkit.keras_graph.fused_normalization import batch_normalizations
from cnnkit.keras_graph.learning_rates import scale_learning_rates
from cnnkit.settings import expect_counts
from cnnkit.transfer.network_blocks import blocks


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """A phase of training in which blocks of the backbone train, too, for `Experiment.phases`.

    Batch normalisation of the backbone keeps its statistics and its scale, since Keras runs frozen
    layers of that kind in inference mode.

    Attributes:
        epochs: At most so many, after those of earlier phases.
        optimizer: The optimizer of this phase, or its name. A hundredth of the head's learning
            rate is usual.
        blocks: How many blocks train beside the head, counted from the last one; None for all of
            them. See `transfer.blocks`.
        layer_decay: The learning rate of each block, as a part of that of the block after it; the
            last block has this part of the head's. 1 is the same rate for all (Clark et al. 2020,
            https://arxiv.org/abs/2003.10555, appendix A). AdamW's weight decay stays as it is.

    Raises:
        SettingError: A value is out of range.
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
        """Unfreeze the blocks that train in this phase, freeze all others, and set their rates.

        Args:
            model: The model to train, with a head that stays trainable.

        Raises:
            SettingError: The model has fewer blocks.
        """
        all_blocks = blocks(model)
        num_blocks = len(all_blocks) if self.blocks is None else self.blocks
        if num_blocks > len(all_blocks):
            raise SettingError(
                f"The network {model.name!r} has {len(all_blocks)} blocks, and {num_blocks} of them "
                "should train: leave blocks out for all of them."
            )
        model.trainable = True
        first_trained = len(all_blocks) - num_blocks
        for index, block in enumerate(all_blocks):
            for layer in block:
                layer.trainable = index >= first_trained
                for normalization in batch_normalizations(layer):
                    normalization.trainable = False
        if self.layer_decay < 1:
            factors = [
                (variable, self.layer_decay**above)
                for above, block in enumerate(reversed(all_blocks[first_trained:]), start=1)
                for layer in block
                for variable in layer.trainable_variables
            ]
            scale_learning_rates(self.optimizer, factors)

    def __str__(self) -> str:
        which = "all blocks" if self.blocks is None else f"the last {self.blocks} blocks"
        which = "the last block" if self.blocks == 1 else which
        decay = f", layer decay {self.layer_decay:g}" if self.layer_decay < 1 else ""
        return f"fine-tuning of {which}{decay}"
