"""The texts that Keras downloads, already as word numbers: IMDB and Reuters."""

import numpy as np

from cnnkit.data.builtin.keras_images import SPLIT_SEED, fetch
from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.splits import stratified
from cnnkit.errors import SettingError

MARKS = (
    "[end]",
    "[start]",
    "[unknown]",
)  # Keras' tokens 0 to 2; its first word is 4, and 3 nothing


def imdb(*, vocabulary_size: int = 10_000, length: int = 200, validation: float = 0.1) -> Dataset:
    """50,000 film reviews, bad or good; 25,000 to train on (Maas et al. 2011).

    Inputs are token numbers, int32, shape (samples, length): the last words of each review, and 0
    where it has ended. vocabulary_size: the most tokens. validation: the fraction of the training
    texts, stratified by class, held out for choices.
    Raises MissingDataError where the data are not on this machine and cannot be fetched.
    """
    cached_as = "imdb.npz and imdb_word_index.json"
    return _dataset("imdb", cached_as, ("bad", "good"), vocabulary_size, length, validation)


def reuters(
    *, vocabulary_size: int = 10_000, length: int = 200, validation: float = 0.1
) -> Dataset:
    """11,228 newswires of 46 topics; 8,982 to train on (Reuters-21578, as Keras splits it).

    Inputs and settings as those of `imdb`; classes are unequal, from 12 to 3,972 texts.
    Raises MissingDataError where the data are not on this machine and cannot be fetched.
    """
    import keras

    cached_as = "reuters.npz and reuters_word_index.json"
    names = tuple(keras.datasets.reuters.get_label_names())
    return _dataset("reuters", cached_as, names, vocabulary_size, length, validation)


def _dataset(name, cached_as, class_names, vocabulary_size, length, validation) -> Dataset:
    if vocabulary_size < 5 or length < 1:
        raise SettingError(
            f"vocabulary_size is at least 5, and length at least 1: {vocabulary_size=}, {length=}."
        )
    (texts, labels), (test_texts, test_labels), index = fetch(
        name,
        cached_as,
        lambda module: (*module.load_data(num_words=vocabulary_size), module.get_word_index()),
    )
    inputs, test_inputs = (_padded(each, length) for each in (texts, test_texts))
    labels, test_labels = (np.asarray(each, np.int64) for each in (labels, test_labels))
    rest, held_out = stratified(labels, validation, SPLIT_SEED)
    words = sorted(index, key=index.get)[: vocabulary_size - 4]
    return Dataset(
        name=name,
        train=Split(inputs[rest], labels[rest]),
        validation=Split(inputs[held_out], labels[held_out]),
        test=Split(test_inputs, test_labels),
        class_names=class_names,
        value_range=(0, vocabulary_size),
        source=f"keras.datasets.{name}",
        vocabulary=(*MARKS, "[unused]", *words),
    )


def _padded(texts, length: int) -> np.ndarray:
    import keras

    return keras.utils.pad_sequences(texts, length, dtype="int32", padding="post")
