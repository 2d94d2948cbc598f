"""Pictures inside Parquet files, as Hugging Face's data sets have them; made with pyarrow."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from cnnkit import data
from cnnkit.data.files.parquet import ParquetFiles
from cnnkit.data.inspection.inspection import inspect
from cnnkit.errors import BadFilesError, SettingError

pyarrow = pytest.importorskip("pyarrow")

from pyarrow import parquet  # noqa: E402  # only where it is installed

pytestmark = pytest.mark.once

NAMES = ["cat", "dog", "a bird"]


def pixels(number):
    return np.random.default_rng(number).integers(0, 256, (6, 5, 3), "uint8")


def png(number):
    file = io.BytesIO()
    Image.fromarray(pixels(number)).save(file, "PNG")
    return file.getvalue()


def written(path, pictures, labels, group=7, **columns):
    """Write a table as `datasets` does, with the classes' names in the schema."""
    struct = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    kind = struct if isinstance(pictures[0], dict) else pyarrow.binary()
    table = pyarrow.table({"img": pyarrow.array(pictures, kind), "label": labels, **columns})
    label = {"names": NAMES, "_type": "ClassLabel"}
    features = {"img": {"_type": "Image"}, "label": label}
    table = table.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    parquet.write_table(table, path, row_group_size=group)
    return path


@pytest.fixture
def table(tmp_path):
    pictures = [{"bytes": png(number), "path": f"{number}.png"} for number in range(60)]
    return written(tmp_path / "pets.parquet", pictures, [number % 3 for number in range(60)])


@pytest.mark.parametrize("cache", [True, False])
def test_pictures_and_class_names_are_read(table, cache):
    loaded = data.load(str(table), image_size=(6, 5), cache=cache)
    assert loaded.class_names == ("a bird", "cat", "dog")
    for split in loaded.splits.values():
        # In any order, each picture is the one of its row.
        order = np.random.default_rng(0).permutation(len(split))
        for picture, position in zip(split.inputs[order], order, strict=True):
            row = int(split.inputs.paths[position].removeprefix("pets.parquet#"))
            np.testing.assert_array_equal(picture, pixels(row))
            assert loaded.named(split.labels[position]) == NAMES[row % 3]
    assert sum(map(len, loaded.splits.values())) == 60


def test_plain_bytes_and_a_column_of_splits(tmp_path):
    splits = ["train"] * 6 + ["valid"] * 3 + ["test"] * 3
    pictures = [png(number) for number in range(12)]
    labels = [number % 3 for number in range(12)]
    path = written(tmp_path / "pets.parquet", pictures, labels, split=splits)
    loaded = data.folder(path, image_size=(6, 5))
    assert {name: len(split) for name, split in loaded.splits.items()} == {
        "train": 6, "validation": 3, "test": 3,
    }  # fmt: skip
    np.testing.assert_array_equal(loaded.test.inputs[0], pixels(9))


def test_bytes_that_are_missing_are_a_path_beside_the_table(tmp_path):
    pictures = [{"bytes": png(number), "path": None} for number in range(9)]
    pictures[4] = {"bytes": None, "path": "four.png"}
    (tmp_path / "four.png").write_bytes(png(4))
    path = written(tmp_path / "pets.parquet", pictures, [number % 3 for number in range(9)])
    files = ParquetFiles(path, "img")
    assert files.read(files.name(4)) == png(4)


def test_the_guarded_decoder_reads_them_and_bad_ones_are_named_by_row(tmp_path):
    pictures = [{"bytes": png(number), "path": None} for number in range(30)]
    pictures[3] = {"bytes": b"no picture", "path": None}
    pictures[17] = {"bytes": None, "path": None}
    pictures[20] = {"bytes": png(20)[:-40], "path": None}
    path = written(tmp_path / "pets.parquet", pictures, [number % 3 for number in range(30)])
    with pytest.raises(BadFilesError) as caught:
        data.folder(path, image_size=4)
    assert list(caught.value.reasons) == [f"pets.parquet#{row}" for row in (3, 17, 20)]
    assert len(data.folder(path, image_size=4, skip_bad=True).left_out) == 3
    assert set(inspect(path).bad) == set(caught.value.reasons)


def test_rows_without_a_class_are_named(tmp_path):
    pictures = [png(number) for number in range(3)]
    path = written(tmp_path / "pets.parquet", pictures, [0, -1, 1])
    with pytest.raises(SettingError, match="row 3: label is empty"):
        data.folder(path, image_size=4)


def test_a_large_table_is_read_once_and_never_whole(tmp_path, monkeypatch):
    noise = np.random.default_rng(0)
    pictures = [noise.bytes(1 << 19) for _ in range(240)]  # no pictures: it is about bytes
    path = written(tmp_path / "large.parquet", pictures, [0] * 240, group=30)
    del pictures
    opened, files = [], ParquetFiles(path, "img")
    original = parquet.ParquetFile.iter_batches

    def counted(self, *arguments, **options):
        opened.append(options)
        return original(self, *arguments, **options)

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", counted)
    before = pyarrow.total_allocated_bytes()
    most = 0
    for row in range(240):
        assert len(files.read(files.name(row))) == 1 << 19
        most = max(most, pyarrow.total_allocated_bytes() - before)
    assert len(opened) == 1
    assert most < 100 << 20


def test_a_damaged_table_is_said_in_a_sentence(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no table PAR1")
    with pytest.raises(SettingError, match=r"t\.parquet cannot be read as Parquet"):
        data.folder(tmp_path / "t.parquet")
