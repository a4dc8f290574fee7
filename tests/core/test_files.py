import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sakuga.core import files
from sakuga.core.errors import UserError
from sakuga.core.tensorfile import write_tensors


def test_writes_and_makes_the_folders(tmp_path):
    path = files.write_text(tmp_path / "a" / "b" / "c.txt", "作画")
    assert path.read_bytes() == "作画".encode()
    assert json.loads(files.write_json(tmp_path / "v.json", {"x": [1, "é"]}).read_text()) == {"x": [1, "é"]}
    assert files.write_bytes(path, b"new").read_bytes() == b"new"


def test_an_existing_file_is_kept_if_asked(tmp_path):
    path = files.write_text(tmp_path / "f", "old")
    with pytest.raises(UserError, match="exists and is not overwritten"):
        files.write_text(path, "new", overwrite=False)
    assert path.read_text() == "old"


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt(), OSError(errno.EIO, "broken")])
def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path, failure):
    path = files.write_text(tmp_path / "f", "old")
    with pytest.raises(type(failure)), files.writing(path) as temporary:
        temporary.write_text("half")
        raise failure
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert path.read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_is_a_sentence_and_costs_nothing(tmp_path):
    path = files.write_text(tmp_path / "f", "old")
    with pytest.raises(UserError, match=f"No space left to write {path}"), files.writing(path):
        Path("/dev/full").write_bytes(b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert path.read_text() == "old"


@pytest.mark.skipif(os.name == "nt", reason="needs limits on a process")
def test_a_write_that_the_system_cuts_short_leaves_the_old_file(tmp_path):
    path = files.write_text(tmp_path / "f", "old")
    code = (
        "import resource, signal, sys; from sakuga.core import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"files.write_bytes({str(path)!r}, b'x' * 10_000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=_environment())
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert path.read_text() == "old"


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = files.write_text(tmp_path / "f", "old")
    code = (
        "import os, signal; from sakuga.core import files\n"
        f"with files.writing({str(path)!r}) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=_environment()).returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert files.write_text(path, "new").read_text() == "new"


def test_a_place_that_cannot_hold_the_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "x", tmp_path / "folder", tmp_path / ("n" * 300)):
        with pytest.raises(UserError, match="cannot be written"):
            files.write_text(path, "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


@pytest.fixture
def synced(monkeypatch):
    """Lists the inodes of what reaches the disk."""
    inodes = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: [inodes.append(os.fstat(handle).st_ino), sync(handle)])
    return inodes


@pytest.mark.skipif(os.name == "nt", reason="folders are not synced there")
def test_files_reach_the_disk_once_and_pictures_need_not(tmp_path, synced):
    inode = tmp_path.stat().st_ino
    first = files.write_text(tmp_path / "first", "x")
    assert synced == [first.stat().st_ino, inode]
    synced.clear()
    files.write_together({tmp_path / name: name.encode() for name in "abc"})
    assert synced == [*((tmp_path / name).stat().st_ino for name in "abc"), inode]
    synced.clear()
    assert files.write_bytes(tmp_path / "picture", b"x", durable=False).read_bytes() == b"x"
    assert synced == []


def test_what_is_synced_can_be_written_through_its_handle(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_sync_folder", lambda folder: None)
    monkeypatch.setattr(os, "fsync", lambda handle: os.write(handle, b""))  # Windows flushes no other handles
    files.write_text(tmp_path / "a", "x")
    files.write_together({tmp_path / "b": b"y"})
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"x", b"y"]


@pytest.mark.skipif(os.name == "nt", reason="needs Unix permissions")
def test_a_writer_may_leave_a_file_that_is_read_only(tmp_path):
    def write(path: Path) -> None:
        path.write_bytes(b"x")
        path.chmod(0o444)

    files.write_together({tmp_path / "a": write})
    with files.writing(tmp_path / "b") as temporary:
        write(temporary)
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"x", b"x"]


@pytest.mark.skipif(os.name == "nt", reason="needs Unix permissions")
def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        plain = files.write_text(tmp_path / "f", "x")
        tensors = write_tensors(tmp_path / "t", {"x": torch.zeros(2)}, None)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (plain, tensors)] == [0o640, 0o640]


def test_a_journal_grows_and_is_cut_when_opened_again(tmp_path):
    path = tmp_path / "run" / "metrics.jsonl"
    journal = files.Journal(path)
    for number in range(5):
        journal.append(json.dumps({"images": number}))
    assert len(path.read_text().splitlines()) == 5, "each line is there at once"
    journal.close()
    with open(path, "a") as file:
        file.write('{"images": 2')  # as a crash leaves it
    journal = files.Journal(path, lambda line: json.loads(line)["images"] < 3)
    journal.append('{"images": 30}')
    journal.close()
    assert [json.loads(line)["images"] for line in path.read_text().splitlines()] == [0, 1, 2, 30]


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("SAKUGA_CACHE", str(tmp_path))
    assert files.cache_folder() == tmp_path
    monkeypatch.delenv("SAKUGA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert files.cache_folder() == tmp_path / "xdg" / "sakuga"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert files.cache_folder() == Path.home() / ".cache" / "sakuga"


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])}


def test_files_that_belong_together_are_written_together(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "first", tmp_path / "a" / "second"
    files.write_together({first: b"1", second: b"2"})
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")
    second.unlink()
    second.mkdir()  # no file can be there
    with pytest.raises(UserError, match="second"):
        files.write_together({first: b"3", second: b"4"})
    assert first.read_bytes() == b"1"
    first.unlink()
    first.mkdir()
    second.rmdir()
    with pytest.raises(UserError, match="exists and is not overwritten"):
        files.write_together({second: b"5", first: b"6"}, overwrite=False)
    assert sorted(p.name for p in first.parent.iterdir()) == ["first"]


def test_a_function_may_write_one_of_the_files(tmp_path):
    def write(path):
        path.write_bytes(b"from a function")

    files.write_together({tmp_path / "a": b"bytes", tmp_path / "b": write})
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"bytes", b"from a function")

    def fail(path):
        path.write_bytes(b"half")
        raise UserError("no")

    with pytest.raises(UserError, match="no"):
        files.write_together({tmp_path / "c": b"bytes", tmp_path / "d": fail})
    with pytest.raises(UserError, match="cannot be written"):
        files.write_together({tmp_path / "c": b"bytes", tmp_path / "a" / "d": write})
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_a_place_is_tried_before_the_work(tmp_path):
    files.check_place(tmp_path / "new" / "deeper", tmp_path / "new" / "deeper" / "a.png")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"a\.png cannot be written .*: choose a folder that can"):
        files.check_place(tmp_path / "file", tmp_path / "file" / "a.png")


def test_what_a_killed_writer_left_of_its_first_file_is_nothing(tmp_path):
    assert files.is_untouched(tmp_path / "none")
    (tmp_path / ".run.json.0123abcd.part").write_text("{")
    assert files.is_untouched(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    assert not files.is_untouched(tmp_path)
