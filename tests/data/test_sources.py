import os
import tracemalloc
import zipfile

import pytest

from sakuga.core.decode import BadFile
from sakuga.core.errors import UserError
from sakuga.data.problem import Problem
from sakuga.data.sources import common_folder, open_source


@pytest.mark.parametrize("name", ["set", "set.zip"])
def test_folder_and_zip_read_the_same(make, name):
    source = open_source(make(name, {"b.png": b"2", "a/c.jpg": b"1", "labels.csv": b"file", "README": b"3"}))
    assert source.names == ["README", "a/c.jpg", "b.png"]
    assert [source.read(n) for n in source.names] == [b"3", b"1", b"2"]
    assert source.metadata("labels.csv") == b"file"
    assert source.metadata("dataset.json") is None
    assert not source.problems


def test_metadata_may_lie_in_the_common_folder(make):
    source = open_source(make("set.zip", {"faces/labels.csv": b"x", "faces/1.png": b"1", "faces/2.png": b"2"}))
    assert source.metadata("labels.csv") == b"x"
    assert source.names == ["faces/1.png", "faces/2.png"]


def test_a_deeper_labels_csv_is_no_metadata(make):
    source = open_source(make("set", {"1.png": b"1", "a/labels.csv": b"x"}))
    assert source.metadata("labels.csv") is None
    assert "a/labels.csv" in source.names


def test_hidden_files_are_left_out(make):
    files = {
        ".DS_Store": b"",
        "a/.x.png": b"",
        ".git/b.png": b"",
        "Thumbs.db": b"",
        "__MACOSX/._a.png": b"",
        "a.png": b"",
    }
    for name in ("set", "set.zip"):
        assert open_source(make(name, files)).names == ["a.png"]


def test_zip_names_that_lead_out_are_named_and_never_read(tmp_path):
    bad = ["../up.png", "a/../../up.png", "/etc/abs.png", "C:/x.png", "..\\back.png"]
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        for name in [*bad, "good..name.png"]:
            archive.writestr(zipfile.ZipInfo(name), b"1")
    source = open_source(tmp_path / "z.zip")
    assert source.names == ["good..name.png"]
    assert sorted(problem.file for problem in source.problems) == sorted(bad)
    assert {problem.kind for problem in source.problems} == {"bad entry"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a.png", b"1")
        archive.writestr("a.png", b"2")
    source = open_source(tmp_path / "z.zip")
    assert source.read("a.png") == b"1"
    assert [str(p) for p in source.problems] == ["a.png: bad entry: a second file of this name"]


def test_names_cannot_command_the_terminal(make):
    source = open_source(make("z.zip", {"a\x1b[2J\n.png": b"1"}))
    assert source.names == ["a\ufffd[2J\ufffd.png"]
    assert source.read(source.names[0]) == b"1"


def test_an_encrypted_entry_is_named(make):
    path = make("z.zip", {"a.png": b"1"})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag in the local header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(data)
    with pytest.raises(BadFile, match="encrypted"):
        open_source(path).read("a.png")


def test_damage_in_the_archive_is_named(make):
    path = make("z.zip", {"a.png": b"12345678"})
    path.write_bytes(path.read_bytes().replace(b"12345678", b"12345679", 1))
    with pytest.raises(BadFile, match="damaged in the archive"):
        open_source(path).read("a.png")


def test_an_entry_that_announces_too_much_is_not_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.png", "w") as file:
        for _ in range(300):
            file.write(bytes(2**20))
    with pytest.raises(BadFile, match="bomb"):
        open_source(tmp_path / "z.zip").read("a.png")


def test_an_entry_is_not_read_beyond_what_it_announces(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(2**25))
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02") + 24  # of its size in the directory
    data[place : place + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    source = open_source(path)
    tracemalloc.start()
    try:
        with pytest.raises(BadFile, match="damaged in the archive"):
            source.read("a.png")
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_LZMA, "lzma"), (zipfile.ZIP_BZIP2, "bzip2")])
def test_what_inflates_without_limit_is_refused_by_name(tmp_path, method, name):
    with zipfile.ZipFile(tmp_path / "z.zip", "w", method) as archive:
        archive.writestr("a.png", b"12345678")
    with pytest.raises(BadFile, match=f"another compression than deflate: {name}"):
        open_source(tmp_path / "z.zip").read("a.png")


def test_a_missing_path_and_a_broken_zip_are_one_sentence(tmp_path, make):
    with pytest.raises(UserError, match="There is no"):
        open_source(tmp_path / "missing")
    whole = make("z.zip", {"a.png": b"12345678"}).read_bytes()
    for data in (b"", b"PK", whole[:-30], os.urandom(100)):
        (tmp_path / "broken.zip").write_bytes(data)
        with pytest.raises(UserError, match="not a zip"):
            open_source(tmp_path / "broken.zip")


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links and pipes")
def test_links_circles_and_pipes(make, tmp_path):
    folder = make("set", {"a.png": b"1"})
    other = make("other", {"b.png": b"2"})
    (folder / "circle").symlink_to(folder)
    (folder / "linked").symlink_to(other)
    (folder / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.png")
    source = open_source(folder)
    assert source.names == ["a.png", "gone.png", "linked/b.png", "pipe.png"]
    assert source.read("linked/b.png") == b"2"
    for name, reason in (("gone.png", "cannot be read"), ("pipe.png", "not a regular file")):
        with pytest.raises(BadFile, match=reason):
            source.read(name)


@pytest.mark.parametrize("name", ["set", "set.zip"])
def test_the_key_depends_on_names_and_contents_alone(make, tmp_path, name):
    key = open_source(make(name, {"a": b"1", "b": b"2"})).key()
    assert open_source(make("again-" + name, {"b": b"2", "a": b"1"})).key() == key
    for changed in ({"a": b"1", "b": b"3"}, {"a": b"1", "c": b"2"}, {"a": b"1"}, {"a": b"2", "b": b"1"}):
        assert open_source(make(f"{len(os.listdir(tmp_path))}-{name}", changed)).key() != key


def test_common_folder():
    assert common_folder([]) == ""
    assert common_folder(["a/b/1", "a/b/2"]) == "a/b/"
    assert common_folder(["a/b/1", "a/bc/2"]) == "a/"
    assert common_folder(["a/b/1", "c"]) == ""


def test_a_problem_has_a_kind():
    assert Problem("a.png", "too small: 3x3, less").kind == "too small"
    assert Problem("a.png", "damaged or truncated (bad: x)").kind == "damaged or truncated"
    assert str(Problem("a.png", "empty (0 bytes)")) == "a.png: empty (0 bytes)"
