import keras
import numpy as np
import pytest
from keras import layers

from cnnkit import explain, transfer
from cnnkit.errors import SettingError
from cnnkit.transfer import feature_files
from cnnkit.transfer.feature_files import SplitFeatures

pytestmark = pytest.mark.once

NAMES = ("cat", "dog", "bird")


def parts(labels_shape, samples=2500):
    random = np.random.default_rng(0)
    return {
        name: SplitFeatures(
            random.normal(size=(count, 3)).astype("float32"),
            random.integers(0, 2, (count, *labels_shape)),
            tuple(f"{name}/{number}.jpg" for number in range(count)),
        )
        for name, count in (("train", samples), ("test", 5))
    }


def test_more_rows_than_are_written_at_once_come_back_in_order(tmp_path):
    given = parts(())
    feature_files.write(tmp_path / "a.npz", given, NAMES)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        both = np.concatenate([part.features for part in given.values()])
        np.testing.assert_array_equal(found["features"], both)
        assert found["path"][[0, 2499, 2500]].tolist() == [
            "train/0.jpg", "train/2499.jpg", "test/0.jpg",
        ]  # fmt: skip
        assert found["split"][2499:2501].tolist() == ["train", "test"]
        assert found["class_names"].tolist() == list(NAMES)
    pandas = pytest.importorskip("pandas")
    feature_files.write(tmp_path / "a.parquet", given, NAMES)
    table = pandas.read_parquet(tmp_path / "a.parquet")
    np.testing.assert_array_equal(table.filter(like="feature_"), both)
    assert table["index"].tolist() == [*range(2500), *range(5)]


def test_samples_of_several_classes_are_read_as_a_table_of_data(tmp_path):
    pytest.importorskip("pyarrow")
    from cnnkit.data.files.table import list_table

    given = parts((3,), samples=20)
    feature_files.write(tmp_path / "a.parquet", given, NAMES)
    listing = list_table(tmp_path / "a.parquet")
    assert listing.multi_label
    wanted = [
        {NAMES[i] for i in np.flatnonzero(row)} for part in given.values() for row in part.labels
    ]
    assert [{listing.class_names[i] for i in file.labels} for file in listing.files] == wanted
    assert [file.path for file in listing.files][-1] == "test/4.jpg"


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    file = tmp_path / "a.npz"
    feature_files.write(file, parts(()), NAMES)
    before = file.read_bytes()

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(SettingError, match="cannot be written: No space left"):
        feature_files.write(file, parts((), samples=9), NAMES)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def nested():
    keras.utils.set_random_seed(3)
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, name="logits"),
        ]
    )
    raw = keras.Input((8, 8, 1))
    return keras.Model(raw, layers.Softmax()(inner(layers.Rescaling(1 / 255)(raw))), name="whole")


def test_what_comes_before_the_head_is_what_explain_reads_by_its_hooks(tmp_path):
    model = nested()
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), dtype="uint8")
    model.save(tmp_path / "model.keras")
    for each in (model, keras.saving.load_model(tmp_path / "model.keras")):
        found = transfer.embedding_model(each)
        assert found.output_shape == (None, 144)
        np.testing.assert_allclose(
            found.predict_on_batch(images),
            explain.embeddings(model, images.astype("float32")),
            atol=1e-6,
        )


def test_a_dense_layer_behind_maps_gives_flat_features():
    image = keras.Input((4, 4, 2))
    model = keras.Model(image, layers.Dense(3)(image))
    assert transfer.embedding_model(model).output_shape == (None, 32)


def test_a_network_without_a_dense_layer_has_no_head():
    image = keras.Input((4, 4, 2))
    model = keras.Model(image, layers.GlobalAveragePooling2D()(image), name="headless")
    with pytest.raises(SettingError, match="'headless' has no dense layer"):
        transfer.embedding_model(model)
