import pytest

from cnnkit import data
from cnnkit.data.files.table import list_table
from cnnkit.errors import BadFilesError, MissingDataError, SettingError

pytestmark = pytest.mark.once


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8"):
        (tmp_path / "labels.csv").write_bytes(text.encode(encoding))
        return tmp_path / "labels.csv"

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_of_one_label_a_row(table, separator, encoding):
    text = "Filename,split,Label\na.png,train,dog\nb c.png,val,Käfer\n".replace(",", separator)
    listing = list_table(table(text, encoding))
    assert listing.class_names == ("dog", "Käfer")
    assert [(file.path, file.split, file.labels) for file in listing.files] == [
        ("a.png", "train", (0,)), ("b c.png", "validation", (1,)),
    ]  # fmt: skip
    assert not listing.multi_label


@pytest.mark.parametrize(
    "text",
    [
        "path,labels\n1.png,sun|sea\n2.png,\n3.png,sea\n",
        "path,sea,sun\n1.png,1,1\n2.png,0,0\n3.png,1,0\n",
    ],
)
def test_a_table_of_several_labels_a_row(table, text):
    listing = list_table(table(text))
    assert listing.class_names == ("sea", "sun")
    assert [file.labels for file in listing.files] == [(0, 1), (), (0,)]
    assert listing.multi_label


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rows"),
        ("path,label\n", "no rows"),
        ("picture,label\n1,2\n", "needs a column named path"),
        ("path\n1.png\n", "needs a column named label"),
        ("path,label\n1.png,\n", "row 2: label is empty"),
        ("path,label\n1.png,a\n,b\n", "row 3: path is empty"),
        ("path,label\n1.png,a,b\n", "row 2 has not as many columns"),
        ("path,label\n1.png\n", "row 2 has not as many columns"),
        ("path,label,split\n1.png,a,holdout\n", "row 2: split is one of .*not 'holdout'"),
        ("path,sun,sea\n1.png,1,maybe\n", "row 2: sea is 0 or 1, not 'maybe'"),
        ('path,label\n"1.png,a\n', "cannot be read as CSV"),
    ],
)
def test_a_table_that_cannot_be_meant_names_its_row(table, text, words):
    with pytest.raises(SettingError, match=words):
        list_table(table(text))


def test_a_table_of_another_encoding_is_refused(table):
    with pytest.raises(SettingError, match="UTF-8"):
        list_table(table("path,label\n1.png,Käfer\n", "latin-1"))


def test_a_missing_table_and_a_missing_file_are_named(tmp_path, table, paint):
    with pytest.raises(MissingDataError, match="no table .*nothing.csv"):
        data.folder(tmp_path / "nothing.csv")
    paint("1.png")
    with pytest.raises(BadFilesError, match="2.png is not there"):
        data.folder(table("path,label\n1.png,a\n2.png,a\n"))


def test_a_data_set_of_several_labels_has_a_zero_or_one_a_class(table, paint):
    rows = []
    for number in range(30):
        paint(f"{number}.png", number)
        rows.append(f"{number}.png,{'|'.join(['sea', 'sun'][: number % 3])}\n")
    loaded = data.load(str(table("path,labels\n" + "".join(rows))), image_size=4)
    assert loaded.train.labels.shape == (24, 2)
    assert loaded.train.labels.dtype == "float32"
    assert [sum(column) for column in zip(*loaded.counts().values(), strict=True)] == [20, 10]


def test_parquet_is_read_where_pyarrow_is(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = pyarrow.table({"path": ["1.png", "2.png"], "label": ["a", "b"]})
    parquet.write_table(rows, tmp_path / "labels.parquet")
    assert list_table(tmp_path / "labels.parquet").class_names == ("a", "b")


@pytest.fixture
def parquet(tmp_path):
    def write(columns):
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        pandas.DataFrame(columns).to_parquet(tmp_path / "labels.parquet")
        return tmp_path / "labels.parquet"

    return write


PATHS = ["1.png", "2.png"]


def test_lists_of_labels_are_several_classes(parquet):
    listing = list_table(parquet({"path": PATHS, "label": [["cat"], ["cat", "dog"]]}))
    assert listing.class_names == ("cat", "dog")
    assert [file.labels for file in listing.files] == [(0,), (0, 1)]
    assert listing.multi_label


def test_a_float_column_of_class_numbers_is_of_integers(parquet):
    assert list_table(parquet({"path": PATHS, "label": [0.0, 1.0]})).class_names == ("0", "1")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"label": ["cat", None]}, "row 3: label is empty"),
        ({"label": [0.0, float("nan")]}, "row 3: label is empty"),
        ({"label": ["cat", "dog"], "split": [0, 1]}, "row 2: split is one of .*not 0"),
    ],
)
def test_a_cell_of_parquet_that_cannot_be_meant_names_its_row(parquet, columns, words):
    with pytest.raises(SettingError, match=words):
        list_table(parquet({"path": PATHS} | columns))


def test_a_one_hot_table_as_pandas_writes_it(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"path": PATHS, "cat": [1.0, 0.0], "dog": [1.0, 1.0]})
    frame.to_csv(tmp_path / "labels.csv")
    listing = list_table(tmp_path / "labels.csv")
    assert listing.class_names == ("cat", "dog")
    assert [file.labels for file in listing.files] == [(0, 1), (1,)]


@pytest.mark.parametrize("column", ["file_name", "filename", "id", "image_id"])
@pytest.mark.parametrize("name", ["pets/1.png", "pets/1", r"pets\1.png"])
def test_a_file_is_found_under_the_names_that_tables_have(table, paint, column, name):
    paint("pets/1.png")
    (file,) = list_table(table(f"{column},label\n{name},cat\n")).files
    assert file.path == "pets/1.png"
