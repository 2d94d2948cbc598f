"""A free network reads whether a review says "funny, not dull" or "dull, not funny"; or your texts.

Result  100.00 % of 1,000 fresh sentences (seeds 0 to 4)
        97.01 % of 402 short messages, spam or not; 83.20 % of 1,000 film reviews of 300 words, from
        2,000 to learn from (seed 0)
Cost    3 to 7 s of training on two CPU cores that had other work, too
Needs   nothing: the sentences are generated
"""

from pathlib import Path

import keras

from cnnkit import Experiment, data, main, models


def experiment(
    texts: Path | None = None, length: int = 40, epochs: int = 8, learning_rate: float = 2e-3
):
    """A network of one-dimensional convolutions over word vectors tells texts apart.

    Args:
        texts: Texts of your own, a folder CLASS/FILE or a table with text and label; generated
            sentences unless given.
        length: How many words of each text are read.
        epochs: How often training reads every text.
        learning_rate: Of the Adam optimizer.
    """
    reviews = data.texts(texts, length=length) if texts else data.sentences(length=length)
    return Experiment(
        data=reviews,
        model=models.convnet(
            reviews.image_shape, reviews.num_classes, vocabulary_size=len(reviews.vocabulary),
            embedding_size=32, depths=(1,), widths=(64,), kernel_size=3, pool_size=1,
            hidden_units=(32,), dropout=0.3, head="global",
        ),
        optimizer=keras.optimizers.Adam(learning_rate),
        epochs=epochs,
        batch_size=32,
    )  # fmt: skip


if __name__ == "__main__":
    main(experiment)
