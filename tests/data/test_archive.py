import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.core.errors import UserError
from sakuga.data.archive import nvidia_labels, write_archive
from sakuga.data.dataset import Dataset, open_dataset


@pytest.fixture
def dataset(paint) -> Dataset:
    schema = LabelSchema(
        attributes=(Attribute(name="hair", values=("blue", "red")), Attribute(name="eyes", values=("a", "b", "c")))
    )
    labels = np.stack([np.arange(20) % 3 - 1, np.arange(20) % 4 - 1], axis=1)
    return Dataset(paint(20), labels, schema, names=[f"girl {i:02d}.webp" for i in range(20)])


def nvidia_reads(path) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads as `ImageFolderDataset` of NVIDIA's stylegan2-ada-pytorch and stylegan3 does."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(
            n for n in archive.namelist() if "." + n.rsplit(".")[-1].lower() in Image.registered_extensions()
        )
        images = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names])
        labels = json.loads(archive.read("dataset.json"))["labels"]
    if labels is None:
        return images, None
    found = dict(labels)
    rows = np.array([found[name] for name in names])
    return images, rows.astype({1: np.int64, 2: np.float32}[rows.ndim])


@pytest.mark.parametrize("format", ["png", "webp"])
def test_what_is_packed_is_read_back_the_same(dataset, tmp_path, format):
    again = open_dataset(write_archive(dataset, tmp_path / "set.zip", format=format))
    np.testing.assert_array_equal(again.images, dataset.images)
    np.testing.assert_array_equal(again.labels, dataset.labels)
    assert again.schema == dataset.schema
    assert again.names == dataset.names
    assert not again.problems


def test_packing_keeps_the_fingerprint(make, pngs, tmp_path):
    pngs["labels.csv"] = b"file,hair\n00.png,red\n01.png,blue\n"
    source = open_dataset(make("set", pngs))
    assert open_dataset(write_archive(source, tmp_path / "set.zip")).fingerprint == source.fingerprint


def test_jpeg_stays_close(dataset, tmp_path):
    again = open_dataset(write_archive(dataset, tmp_path / "set.zip", format="jpeg"))
    assert np.abs(again.images.astype(int) - dataset.images).mean() < 3


def test_an_unpacked_archive_is_the_same_set(dataset, tmp_path):
    archive = write_archive(dataset, tmp_path / "set.zip")
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "unpacked")
    assert open_dataset(tmp_path / "unpacked").fingerprint == open_dataset(archive).fingerprint


def test_nvidias_tools_read_it(dataset, tmp_path):
    images, labels = nvidia_reads(write_archive(dataset, tmp_path / "set.zip"))
    np.testing.assert_array_equal(images, dataset.images)
    assert labels is not None
    assert labels.dtype == np.float32
    assert labels.shape == (20, 5)
    assert labels[0].tolist() == [0, 0, 0, 0, 0]  # both unknown
    assert labels[5].tolist() == [0, 1, 1, 0, 0]


def test_one_attribute_is_a_class(paint, tmp_path):
    schema = LabelSchema(attributes=(Attribute(name="hair", values=("blue", "red")),))
    dataset = Dataset(paint(20), np.arange(20)[:, None] % 2, schema)
    _, labels = nvidia_reads(write_archive(dataset, tmp_path / "set.zip"))
    assert labels is not None
    assert labels.tolist() == [0, 1] * 10


def test_no_attributes_are_no_labels(paint, tmp_path):
    path = write_archive(Dataset(paint(20)), tmp_path / "set.zip")
    assert nvidia_reads(path)[1] is None
    assert open_dataset(path).schema.attributes == ()


def test_a_foreign_reader_without_our_part_finds_the_classes(paint, tmp_path):
    schema = LabelSchema(attributes=(Attribute(name="hair", values=("blue", "red")),))
    path = write_archive(Dataset(paint(20), np.arange(20)[:, None] % 2, schema), tmp_path / "set.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "theirs.zip", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, json.dumps({"labels": json.loads(data)["labels"]}) if name == "dataset.json" else data)
    theirs = open_dataset(tmp_path / "theirs.zip")
    assert theirs.labels[:, 0].tolist() == [0, 1] * 10
    assert theirs.schema.attributes[0].name == "class"


def test_nvidia_labels_with_one_unknown_are_vectors():
    schema = LabelSchema(attributes=(Attribute(name="hair", values=("blue", "red")),))
    assert nvidia_labels(np.array([[0], [-1], [1]]), schema) == [[1, 0], [0, 0], [0, 1]]


def test_entries_are_stored_and_the_same_set_gives_the_same_bytes(dataset, tmp_path):
    first, second = (write_archive(dataset, tmp_path / f"{i}.zip") for i in range(2))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.namelist()[0] == "00000/img00000000.png"


def test_nothing_is_overwritten_unless_asked(dataset, tmp_path):
    path = tmp_path / "set.zip"
    path.write_bytes(b"precious")
    with pytest.raises(UserError, match="exists"):
        write_archive(dataset, path)
    assert path.read_bytes() == b"precious"
    write_archive(dataset, path, overwrite=True)
    assert len(open_dataset(path)) == 20


@pytest.mark.parametrize("labels", [[5, 0], [0], [0, 0, 0], ["a", 0], [0.5, 0]])
def test_damaged_labels_in_our_own_part_are_named(dataset, tmp_path, labels):
    path = write_archive(dataset, tmp_path / "set.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "changed.zip", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "dataset.json":
                document = json.loads(data)
                document["sakuga"]["pictures"][3][2] = labels
                data = json.dumps(document)
            new.writestr(name, data)
    changed = open_dataset(tmp_path / "changed.zip")
    assert [str(p) for p in changed.problems] == [
        "dataset.json: unusable labels: its part `sakuga` is damaged or of a newer version"
    ]
    assert changed.schema.attributes == ()
