import keras
import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.errors import BadFilesError, MissingDataError, SettingError

pytestmark = pytest.mark.once


def table(path, separator=","):
    lines = [f"good film number {n}{separator}good" for n in range(20)]
    lines += [
        f"Bad, bad film! {n}{separator}bad".replace(",", "", separator == ",") for n in range(20)
    ]
    path.write_text(separator.join(("text", "label")) + "\n" + "\n".join(lines) + "\n")
    return path


def test_a_table_becomes_token_numbers(tmp_path):
    found = data.texts(table(tmp_path / "films.csv"), length=6)
    assert found.class_names == ("bad", "good")
    assert found.image_shape == (6,)
    assert found.train.inputs.dtype == np.int32
    assert found.vocabulary[:2] == ("", "[UNK]")
    for row, label in zip(found.train.inputs, found.train.labels, strict=True):
        words = [found.vocabulary[number] for number in row if number]
        number = words[-1]
        kind = found.class_names[label]
        assert words[:-1] == (
            ["bad", "bad", "film"] if kind == "bad" else ["good", "film", "number"]
        )
        assert number.isdigit() or number == "[UNK]"


def test_the_vocabulary_is_that_of_the_training_texts_by_frequency(tmp_path):
    found = data.texts(table(tmp_path / "films.csv"), length=6)
    counts = {}
    for row in found.train.inputs:
        for number in row[row > 0]:
            counts[number] = counts.get(number, 0) + 1
    assert sorted(counts) == list(range(2, len(found.vocabulary)))  # no word of another split
    frequencies = [counts[number] for number in sorted(counts)]
    assert frequencies == sorted(frequencies, reverse=True)
    assert (found.test.inputs == 1).any()  # a number that training never saw
    small = data.texts(table(tmp_path / "films.csv"), length=6, vocabulary_size=5)
    assert small.vocabulary == found.vocabulary[:5]
    assert small.train.inputs.max() == 4


def test_tokens_gives_new_texts_the_same_numbers(tmp_path):
    found = data.texts(table(tmp_path / "films.csv"), length=4)
    [row] = data.tokens(["A GOOD film!"], found.vocabulary, 4)
    words = found.vocabulary
    assert row.tolist() == [1, words.index("good"), words.index("film"), 0]


def test_folders_and_tables_of_tabs_are_read_alike(tmp_path):
    folder = tmp_path / "films"
    for line in table(tmp_path / "films.tsv", "\t").read_text().splitlines()[1:]:
        text, label = line.split("\t")
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{text.split()[-1]}.txt").write_text(text)
    ours, theirs = (
        data.load(str(folder), length=5),
        data.load(str(tmp_path / "films.tsv"), length=5),
    )
    assert ours.counts() == theirs.counts()
    assert set(ours.vocabulary) == set(theirs.vocabulary)


def test_equal_texts_are_in_one_split(tmp_path):
    lines = [f"{split},the same text,a" for split in ("train", "test")]
    lines += [f"train,other {n},{'ab'[n % 2]}" for n in range(20)]
    (tmp_path / "t.csv").write_text("split,text,label\n" + "\n".join(lines))
    found = data.texts(tmp_path / "t.csv", length=3)
    assert len(found.test) == 1
    assert found.left_out == {"row 2": "has the content of row 3"}


def test_what_is_no_text_is_named(tmp_path):
    for kind in ("a", "b"):
        (tmp_path / kind).mkdir()
        for n in range(12):
            (tmp_path / kind / f"{n}.txt").write_text(f"text {kind} {n}")
    (tmp_path / "a" / "latin.txt").write_bytes("café".encode("latin-1"))
    with pytest.raises(BadFilesError, match="a/latin.txt is no text in UTF-8: byte 3 is 0xe9"):
        data.texts(tmp_path)
    assert set(data.texts(tmp_path, skip_bad=True).left_out) == {"a/latin.txt"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text,label\n", "no rows"),
        ("words,label\na,b\n", "needs a column named text, not only"),
        ("text,label\n,b\n", "row 2: text is empty"),
        ("text,label\na,x\nb,y\n", "2 different|different pictures"),
    ],
)
def test_tables_that_cannot_be(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(SettingError, match=message):
        data.texts(tmp_path / "t.csv")


def test_settings_that_cannot_be(tmp_path):
    with pytest.raises(MissingDataError, match="no table"):
        data.texts(tmp_path / "none.csv")
    with pytest.raises(SettingError, match="vocabulary_size=2"):
        data.texts(table(tmp_path / "films.csv"), vocabulary_size=2)


def test_in_generated_sentences_only_the_order_of_words_tells():
    found = data.sentences(train=400, validation=20, test=400)

    def accuracy(ngrams):
        texts = {
            name: [" ".join(f"w{number}" for number in row if number) for row in split.inputs]
            for name, split in found.splits.items()
        }
        counter = CountVectorizer(ngram_range=(1, ngrams))
        fitted = LogisticRegression(max_iter=1000).fit(
            counter.fit_transform(texts["train"]), found.train.labels
        )
        return fitted.score(counter.transform(texts["test"]), found.test.labels)

    assert accuracy(1) < 0.6
    assert accuracy(2) > 0.95


def test_a_run_keeps_the_vocabulary(tmp_path):
    def reader(epochs: int = 2):
        """A network reads sentences."""
        reviews = data.sentences(train=64, validation=16, test=16, length=30)
        model = models.convnet(
            reviews.image_shape, 2, vocabulary_size=len(reviews.vocabulary), embedding_size=4,
            depths=(1,), widths=(4,), pool_size=1, hidden_units=(), head="global",
        )  # fmt: skip
        optimizer = keras.optimizers.Adam(0.01)
        return Experiment(data=reviews, model=model, optimizer=optimizer, epochs=epochs)

    run = cnnkit.run(reader, runs_dir=tmp_path)
    vocabulary = (run.folder / "vocabulary.txt").read_text().split("\n")[:-1]
    reviews = data.sentences(train=64, validation=16, test=16, length=30)
    assert tuple(vocabulary) == reviews.vocabulary
    mine = data.tokens(["A funny and not dull film."], vocabulary, 30)
    probabilities = run.model.predict(mine, verbose=0)
    assert probabilities.shape == (1, 2)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def loaded_by_keras(num_words):
    rng = np.random.default_rng(0)

    def texts(count):
        ragged = [
            [1, *rng.integers(4, num_words, rng.integers(2, 9)).tolist()] for _ in range(count)
        ]
        return np.array(ragged, object), np.arange(count) % 2

    return texts(40), texts(10)


def test_imdb_is_as_keras_gives_it(monkeypatch):
    monkeypatch.setattr(keras.datasets.imdb, "load_data", loaded_by_keras)
    monkeypatch.setattr(
        keras.datasets.imdb, "get_word_index", lambda: {f"word{n}": n for n in range(1, 300)}
    )
    found = data.imdb(vocabulary_size=50, length=6)
    assert [sum(counts) for counts in found.counts().values()] == [36, 4, 10]
    (_, _), (texts, labels) = loaded_by_keras(50)
    for row, text in zip(found.test.inputs, texts, strict=True):
        assert row.tolist() == text[-6:] + [0] * (6 - len(text))
    np.testing.assert_array_equal(found.test.labels, labels)
    # Keras' token 4 is the most frequent word.
    assert found.vocabulary[4] == "word1"
    assert len(found.vocabulary) == 50


def test_without_imdb_the_file_and_the_folder_are_named(monkeypatch, tmp_path):
    def unreachable(**options):
        raise OSError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.datasets.imdb, "load_data", unreachable)
    with pytest.raises(MissingDataError, match=r"imdb\.npz.*datasets"):
        data.imdb()


def test_short_messages_and_film_reviews_are_read(shared):
    messages = data.texts(
        shared / "data" / "sms_spam" / "SMSSpamCollection_first4000.tsv", length=20
    )
    assert messages.class_names == ("ham", "spam")
    assert len(messages.left_out) + sum(map(sum, messages.counts().values())) == 4000
    reviews = data.texts(shared / "data" / "aclImdb_small", length=50, vocabulary_size=1000)
    assert len(reviews.test) == 1000
    assert reviews.class_names == ("neg", "pos")
