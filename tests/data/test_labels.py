import json

import numpy as np
import pytest

from sakuga.core.errors import UserError
from sakuga.data.labels import annotate
from sakuga.data.sources import open_source


@pytest.fixture
def labels_of(make):
    """Reads files and returns the schema as a dict, the labels by file, and the problems as text."""
    count = iter(range(100))

    def read(files: dict[str, bytes | str | None], labels=None, pictures=None):
        data = {name: text.encode() if isinstance(text, str) else text or name.encode() for name, text in files.items()}
        source = open_source(make(f"set{next(count)}.zip", data))
        notes = annotate(source, labels)
        schema, numbers = notes.encode(pictures or source.names)
        assert numbers.dtype == np.int64
        values = {a.name: a.values for a in schema.attributes}
        return (
            values,
            dict(zip(pictures or source.names, numbers.tolist(), strict=True)),
            [str(p) for p in notes.problems],
        )

    return read


def test_no_labels(labels_of):
    assert labels_of({"a.png": None, "b.png": None}) == ({}, {"a.png": [], "b.png": []}, [])


def test_csv_with_unknown_values_and_synonyms(labels_of):
    table = "file,hair,eyes\na.png,Blond,blue\nb.png,,?\nc.png, red hair ,unknown\n"
    schema, labels, problems = labels_of(
        {"a.png": None, "b.png": None, "c.png": None, "d.png": None, "labels.csv": table}
    )
    assert schema == {"hair": ("blonde", "red"), "eyes": ("blue",)}
    assert labels == {"a.png": [0, 0], "b.png": [-1, -1], "c.png": [1, -1], "d.png": [-1, -1]}
    assert problems == []


def test_a_table_that_is_not_there_is_said_once(labels_of, tmp_path):
    with pytest.raises(UserError, match=r"nope.csv: cannot be read \(No such file or directory\): give the path"):
        labels_of({"a.png": None}, tmp_path / "nope.csv")


def test_csv_problems_are_named(labels_of):
    table = "file,hair\na.png,blnde\nb.png,red\nb.png,blue\nc.png\nmissing.png,red\n"
    schema, labels, problems = labels_of({"a.png": None, "b.png": None, "labels.csv": table})
    assert schema == {"hair": ("red",)}
    assert labels == {"a.png": [-1], "b.png": [0]}
    assert problems == [
        "a.png: unknown label value: 'blnde' for hair, did you mean 'blonde'?",
        "b.png: labeled twice: in labels.csv, where the first line counts",
        "labels.csv: bad line: 'c.png' has not 2 columns",
        "missing.png: label for a missing file: in labels.csv",
    ]


def test_csv_names_below_the_common_folder(labels_of):
    _, labels, problems = labels_of(
        {"x/a.png": None, "x/s/b.png": None, "x/labels.csv": "file,k\na.png,1\n.\\s\\b.png,2\n"}
    )
    assert labels == {"x/a.png": [0], "x/s/b.png": [1]}
    assert not problems


def test_a_given_table_wins(labels_of, tmp_path):
    (tmp_path / "mine.csv").write_text("mood,file\nsad,a.png\n", encoding="utf-8-sig")
    schema, labels, _ = labels_of({"a.png": None, "labels.csv": "file,hair\na.png,red\n"}, tmp_path / "mine.csv")
    assert schema == {"mood": ("sad",)}
    assert labels == {"a.png": [0]}


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("", "is empty"),
        ("name,hair\na.png,red\n", "its first line must name"),
        ("file\na.png\n", "its first line must name"),
        ("file,hair,hair\na.png,red,red\n", "its first line must name"),
        ("file,hair\nz.png,red\n", "labels none of the 1 files"),
        (b"\xff\xfe\x00file", "UTF-8"),
        ('file,hair\n"a.png,red\n', "comma-separated"),
        ("file,id\n" + "".join(f"{i}.png,{i}\n" for i in range(1001)), "1001 different values"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(labels_of, table, sentence):
    files = {"a.png": None} if "1000" not in str(table) else {f"{i}.png": None for i in range(1001)}
    with pytest.raises(UserError, match=sentence):
        labels_of({**files, "labels.csv": table})


def test_one_folder_for_each_class(labels_of):
    schema, labels, _ = labels_of({"red/a.png": None, "blue/a.png": None, "blue/b.png": None})
    assert schema == {"class": ("blue", "red")}
    assert labels == {"red/a.png": [1], "blue/a.png": [0], "blue/b.png": [0]}


def test_classes_below_one_common_folder(labels_of):
    assert labels_of({"faces/red/a.png": None, "faces/blue/a.png": None})[0] == {"class": ("blue", "red")}


def test_what_is_no_picture_says_nothing_about_classes(labels_of):
    source = {"faces/red/a.png": None, "faces/blue/a.png": None}
    for files in (source, source | {"README.md": None}):
        pictures = [name for name in files if name.endswith(".png")]
        assert labels_of(files, pictures=pictures)[0] == {"class": ("blue", "red")}


@pytest.mark.parametrize(
    "names",
    [
        ("one/a.png", "one/b.png"),  # a single folder is no label
        ("a/1.png", "b/2.png", "3.png"),  # a picture beside the folders
        ("a/1.png", "b/c/2.png"),  # folders of different depth
        ("a/x/1.png", "b/y/2.png"),  # deeper folders
    ],
)
def test_other_folders_are_no_labels(labels_of, names):
    assert labels_of(dict.fromkeys(names))[0] == {}


def test_nvidia_classes(labels_of):
    document = {"labels": [["00000/a.png", 2], ["00000\\b.png", 0], ["gone.png", 1]]}
    schema, labels, problems = labels_of(
        {"00000/a.png": None, "00000/b.png": None, "dataset.json": json.dumps(document)}
    )
    assert schema == {"class": ("0", "1", "2")}
    assert labels == {"00000/a.png": [2], "00000/b.png": [0]}
    assert problems == ["gone.png: label for a missing file: in dataset.json"]


def test_nvidia_one_hot_and_none(labels_of):
    document = {"labels": [["a.png", [0, 0, 1.0]], ["b.png", [0, 0, 0]]]}
    schema, labels, _ = labels_of({"a.png": None, "b.png": None, "dataset.json": json.dumps(document)})
    assert schema == {"class": ("0", "1", "2")}
    assert labels == {"a.png": [2], "b.png": [-1]}
    assert labels_of({"0/a.png": None, "1/b.png": None, "dataset.json": '{"labels": null}'})[0] == {}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "null", "[" * 100_000, '{"labels": 5}', '{"labels": [["a.png", 0.5]]}',
     '{"labels": [["a.png"]]}', '{"labels": [["a.png", [1, 1]]]}',
     '{"labels": [["a.png", 1e99]]}', '{"labels": [["a.png", true]]}',
     '{"labels": {"a": 1}}', '{"labels": null, "sakuga": {}}', '{"labels": null, "sakuga": 5}'],
)  # fmt: skip
def test_a_dataset_json_that_cannot_be_used_is_named(labels_of, text):
    schema, _, problems = labels_of({"a.png": None, "dataset.json": text})
    assert schema == {}
    assert len(problems) == 1
    assert problems[0].startswith("dataset.json: unusable labels")
