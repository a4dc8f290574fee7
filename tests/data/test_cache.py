import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from sakuga.core.errors import UserError
from sakuga.data import cache as caches
from sakuga.data.cache import UnusableSet, load
from sakuga.data.sources import open_source


def test_pictures_are_in_the_order_of_their_names(make, paint, encode):
    pictures = paint(20)
    names = [f"{i}.png" for i in range(20)]
    decoded = load(open_source(make("set", dict(zip(names, map(encode, pictures), strict=True)))))
    assert decoded.names == sorted(names)
    assert isinstance(decoded.images, np.memmap)
    np.testing.assert_array_equal(decoded.images, pictures[[names.index(name) for name in sorted(names)]])


def test_the_second_time_nothing_is_decoded(make, pngs, monkeypatch):
    path = make("set.zip", pngs)
    first = load(open_source(path))

    def never(*_):
        raise AssertionError("decoded again")

    monkeypatch.setattr(caches, "read_rgb", never)
    second = load(open_source(path))
    assert second.fingerprint == first.fingerprint
    np.testing.assert_array_equal(second.images, first.images)


def test_other_content_or_size_is_another_cache(make, pngs, paint, encode):
    first = load(open_source(make("set", pngs)))
    pngs["05.png"] = encode(paint(1, seed=9)[0])
    second = load(open_source(make("set", pngs)))
    assert second.fingerprint != first.fingerprint
    assert load(open_source(make("set", pngs)), 8).images.shape == (20, 8, 8, 3)


def test_bad_files_are_left_out_and_named(make, pngs):
    pngs |= {"03.png": b"", "04.png": pngs["05.png"], "notes.txt": b"hello"}
    decoded = load(open_source(make("set", pngs)))
    assert decoded.names == [f"{i:02d}.png" for i in range(20) if i not in (3, 5)]
    assert [str(p).partition(" (")[0] for p in decoded.problems] == [
        "03.png: empty",
        "05.png: exact duplicate: the same pixels as 04.png",
        "notes.txt: not a picture",
    ]


def test_an_exact_duplicate_gives_its_label_where_there_is_none(make, pngs):
    table = b"file;hair;eyes\n01.png;red;\n02.png;blue;green\n03.png;red;green\n04.png;red;green\n"
    copies = {f"0{i}.png": pngs["00.png"] for i in range(4)}
    decoded = load(open_source(make("set", pngs | copies | {"labels.csv": table})))
    values = [a.values[n] for a, n in zip(decoded.schema.attributes, decoded.labels[0], strict=True)]
    assert (decoded.names[0], values) == ("00.png", ["red", "green"])
    assert [p.reason.removeprefix("exact duplicate: the same pixels as 00.png") for p in decoded.problems] == [
        ", whose missing label it gives",
        ", whose missing label it gives, but other labels (hair red, not blue)",
        "",
    ]


def test_duplicates_in_folders_of_two_classes_are_told(make, pngs):
    files = {f"{'cat' if name < '10' else 'dog'}/{name}": data for name, data in pngs.items()}
    decoded = load(open_source(make("set", files | {"dog/30.png": files["cat/00.png"]})))
    assert decoded.schema.sizes == (2,)
    assert decoded.problems[0].reason.endswith("as cat/00.png, but other labels (class cat, not dog)")


def test_a_picture_beside_class_folders_is_told(make, pngs, paint, encode):
    files = {f"{'cat' if name < '10' else 'dog'}/{name}": data for name, data in pngs.items()}
    decoded = load(open_source(make("set", files | {"zz.png": encode(paint(1, seed=9)[0])})))
    assert decoded.schema.sizes == ()
    assert [str(p) for p in decoded.problems] == [
        "zz.png: folders are not taken as classes: this picture lies beside them"
    ]


def test_too_few_good_pictures_are_refused_with_their_problems(make, pngs):
    files = {name: data if name < "15" else data[:40] for name, data in pngs.items()}
    with pytest.raises(UnusableSet, match="15 good pictures and 5 problems") as caught:
        load(open_source(make("set", files)))
    assert [problem.file for problem in caught.value.problems] == [f"{i}.png" for i in range(15, 20)]


def test_an_empty_folder_is_refused(make, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="0 good pictures"):
        load(open_source(tmp_path / "empty"))


def test_mixed_sizes_ask_for_a_resolution(make, pngs, paint, encode):
    pngs["30.png"] = encode(paint(1, 24)[0])
    with pytest.raises(UserError, match=r"00.png: 16x16, 30.png: 24x24.*--resolution"):
        load(open_source(make("set", pngs)))
    assert load(open_source(make("set", pngs)), 16).images.shape == (21, 16, 16, 3)
    with pytest.raises(UserError, match=r"20x16, not square.*--resolution"):
        load(open_source(make("wide", {f"{i}.png": encode(p[:16]) for i, p in enumerate(paint(20, 20))})))
    with pytest.raises(UserError, match=r"4x4.*at least 8"):
        load(open_source(make("tiny", {f"{i}.png": encode(p) for i, p in enumerate(paint(20, 4))})))


def test_a_damaged_cache_is_made_again(make, pngs, cache):
    path = make("set", pngs)
    good = load(open_source(path))
    pixels, index = (next(cache.rglob(name)) for name in ("images.uint8", "index.json"))
    for file, data in ((pixels, b"short"), (index, b"{"), (index, b"[]")):
        file.unlink()
        file.write_bytes(data)
        np.testing.assert_array_equal(load(open_source(path)).images, good.images)


def test_a_failure_leaves_nothing_that_looks_whole(make, pngs, cache, monkeypatch):
    path = make("set", pngs)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match="No space left"):
            load(open_source(path))
    assert not [file for file in cache.rglob("*") if file.is_file() and file.name != "lock"]
    assert len(load(open_source(path)).names) == 20


def test_what_a_killed_process_left_is_removed(make, pngs, cache):
    path = make("set", pngs)
    load(open_source(path))
    index = next(cache.rglob("index.json"))
    index.unlink()
    (index.parent / ".images.uint8.x.part").write_bytes(b"half of it")
    load(open_source(path))
    assert sorted(file.name for file in index.parent.iterdir()) == ["images.uint8", "index.json", "lock"]


def test_a_cache_that_cannot_be_written_is_one_sentence(make, pngs, cache):
    cache.write_bytes(b"a file where a folder should be")
    with pytest.raises(UserError, match="SAKUGA_CACHE"):
        load(open_source(make("set", pngs)))


def test_processes_that_build_at_once_agree(make, pngs, cache):
    path = make("set.zip", pngs)
    code = (
        "import json, sys; from pathlib import Path; from sakuga.data.cache import load;"
        "from sakuga.data.sources import open_source; d = load(open_source(Path(sys.argv[1])));"
        "print(json.dumps([d.fingerprint, int(d.images.sum())]))"
    )
    run = [sys.executable, "-c", code, str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = [subprocess.Popen(run, stdout=subprocess.PIPE, env=environment) for _ in range(3)]
    answers = {process.communicate(timeout=60)[0] for process in started}
    assert len(answers) == 1
    fingerprint, total = json.loads(answers.pop())
    decoded = load(open_source(path))
    assert (decoded.fingerprint, int(decoded.images.sum())) == (fingerprint, total)
    assert not list(cache.rglob("*.part"))
