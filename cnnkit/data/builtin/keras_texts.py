"""The texts that Keras downloads, already as token numbers: IMDB and Reuters."""

import numpy as np

from cnnkit.data.builtin.keras_images import SPLIT_SEED, fetch
from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.loader_calls import remembers_call
from cnnkit.data.splits import stratified
from cnnkit.errors import SettingError

# Keras' tokens 0 to 3; its words begin at 4.
SPECIAL_TOKENS = ("[end]", "[start]", "[unknown]", "[unused]")


@remembers_call
def imdb(*, vocabulary_size: int = 10_000, length: int = 200, validation: float = 0.1) -> Dataset:
    """Load IMDB: 50,000 film reviews, bad or good, 25,000 of them to train on.

    Source: Maas et al. 2011, https://aclanthology.org/P11-1015/

    Args:
        vocabulary_size: Maximum number of tokens, at least 5.
        length: Tokens of each text, at least 1; longer texts lose their beginning.
        validation: Fraction of the training samples, stratified by class, for the validation split.

    Returns:
        A Dataset of token numbers, int32, shape (samples, length); 0 after the end of a text.

    Raises:
        MissingDataError: The data are not on this machine and cannot be downloaded.
        SettingError: A number is out of range.
    """
    cached_as = "imdb.npz and imdb_word_index.json"
    return _dataset("imdb", cached_as, ("bad", "good"), vocabulary_size, length, validation)


@remembers_call
def reuters(
    *, vocabulary_size: int = 10_000, length: int = 200, validation: float = 0.1
) -> Dataset:
    """Load Reuters-21578 as Keras splits it: 11,228 newswires of 46 topics, 8,982 to train on.

    Classes are unequal, from 12 to 3,972 texts.

    Args:
        vocabulary_size: Maximum number of tokens, at least 5.
        length: Tokens of each text, at least 1; longer texts lose their beginning.
        validation: Fraction of the training samples, stratified by class, for the validation split.

    Returns:
        A Dataset of token numbers, int32, shape (samples, length); 0 after the end of a text.

    Raises:
        MissingDataError: The data are not on this machine and cannot be downloaded.
        SettingError: A number is out of range.
    """
    import keras  # takes seconds to import, and the command line lists data sets without it

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
        vocabulary=(*SPECIAL_TOKENS, *words),
    )


def _padded(texts, length: int) -> np.ndarray:
    import keras  # takes seconds to import, and the command line lists data sets without it

    return keras.utils.pad_sequences(texts, length, dtype="int32", padding="post")
