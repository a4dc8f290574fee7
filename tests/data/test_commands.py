import numpy as np
import pytest
from PIL import Image

from sakuga.cli import main
from sakuga.core.images import grid
from sakuga.data.dataset import open_dataset


@pytest.fixture
def run(capsys):
    """Runs a command line; returns exit status, standard output and standard error."""

    def called(*arguments) -> tuple[int, str, str]:
        status = main(["data", *map(str, arguments)])
        return status, *capsys.readouterr()

    return called


def test_check_names_every_bad_file_and_counts(run, make, pngs):
    pngs |= {"bad.png": b"no", "empty.png": b"", "labels.csv": b"file,hair\n00.png,red\nxx.png,red\n"}
    status, out, _ = run("check", make("set", pngs))
    assert status == 0
    lines = out.splitlines()
    assert "empty.png: empty (0 bytes)" in lines
    assert "xx.png: label for a missing file: in labels.csv" in lines
    assert any(line.startswith("bad.png: not a picture") for line in lines)
    assert "       1 x not a picture" in lines
    assert lines[-1].endswith("usable, 20 pictures of 16x16, labels: 1 hair, 3 problems")


def test_check_of_an_unusable_set_names_its_files_and_fails(run, make):
    status, out, err = run("check", make("set", {f"{i}.png": b"no" for i in range(20)}))
    assert status == 2
    assert sum(": not a picture" in line for line in out.splitlines()) == 20
    assert "0 good pictures and 20 problems" in err
    assert len(err.splitlines()) == 1


def test_check_lists_bad_files_before_it_refuses_sizes(run, make, pngs, paint, encode):
    pngs |= {"30.png": encode(paint(1, 24)[0]), "31.png": b"no", "00.png": b""}
    status, out, err = run("check", make("set", pngs))
    assert status == 2
    assert "00.png: empty (0 bytes)" in out and "31.png: not a picture" in out
    assert "differ in size (01.png: 16x16, 30.png: 24x24)" in err


def test_only_other_verbs_advise_to_check(run, make):
    place = make("a set", {"1.png": b"no", "2.png": b""})
    assert "sakuga data check" not in run("check", place)[2]
    assert (
        f"`sakuga data check '{place}' --resolution 16` lists the problems" in run("info", place, "--resolution", 16)[2]
    )


def test_names_and_values_are_shown_as_they_are_written(run, make, pngs):
    values = [b"[/b]", b"[old] red", b":cat:"]
    pngs["labels.csv"] = b"file,hat\n" + b"".join(b"%02d.png,%s\n" % (i, values[i % 3]) for i in range(18))
    status, out, _ = run("info", make("set[old]", pngs))
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "set[old]"
    assert {"[/b]", "[old] red", ":cat:"} <= {line.partition("  ")[0] for line in lines}


def test_pack_check_info_and_preview_of_a_folder(run, make, pngs, tmp_path):
    pngs["labels.csv"] = b"file,hair\n" + b"".join(
        b"%02d.png,%s\n" % (i, b"red" if i < 15 else b"blue") for i in range(19)
    )
    folder, packed, sheet = make("set", pngs), tmp_path / "packed.zip", tmp_path / "sheet.png"
    assert run("pack", folder, "--out", packed)[0] == 0
    assert open_dataset(packed).fingerprint == open_dataset(folder).fingerprint
    status, out, _ = run("info", packed)
    assert status == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["pictures", "20"] in rows
    for value, count in (("red", "15"), ("blue", "4"), ("(unknown)", "1")):
        assert any(row[:2] == [value, count] for row in rows)
    assert run("preview", packed, "--out", sheet, "--count", 4, "--seed", 3)[0] == 0
    dataset = open_dataset(folder)
    expected = grid(dataset.images[dataset.index(np.arange(4), 3)])
    np.testing.assert_array_equal(np.asarray(Image.open(sheet)), expected)


def test_synthetic_works_everywhere(run, tmp_path):
    for verb in (
        ("check", "synthetic:20"),
        ("info", "synthetic:20", "--resolution", 32),
        ("pack", "synthetic:20", "--out", tmp_path / "a.zip", "--format", "webp"),
        ("preview", "synthetic:20", "--out", tmp_path / "a.png", "--flip", "--rotate", 15),
    ):
        status, out, err = run(*verb)
        assert (status, err) == (0, "")
        assert "20" in out
    assert open_dataset(tmp_path / "a.zip").fingerprint == open_dataset("synthetic:20").fingerprint


@pytest.mark.parametrize("verb", [("pack", "--out", "a.zip"), ("preview", "--out", "a.png")])
def test_nothing_is_overwritten_unless_asked(run, tmp_path, monkeypatch, verb):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / verb[-1]
    out.write_bytes(b"precious")
    status, _, err = run(verb[0], "synthetic:16", *verb[1:])
    assert status == 2
    assert f"{out.name} would be overwritten" in err
    assert out.read_bytes() == b"precious"
    assert run(verb[0], "synthetic:16", *verb[1:], "--overwrite")[0] == 0
    assert out.read_bytes() != b"precious"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("check", "nowhere"), "There is no nowhere"),
        (("pack", "synthetic:16", "--out", "a.tar"), "ends in .zip"),
        (("pack", "synthetic:16", "--out", "a.zip", "--format", "gif"), "--format"),
        (("preview", "synthetic:16", "--count", "0"), "--count 0"),
        (("preview", "synthetic:16", "--rotate", "nan"), "--rotate nan"),
        (("preview", "synthetic:16", "--out", "a.jpg"), "ends in .png"),
        (("info", "synthetic:16", "--resolution", "3"), "--resolution 3"),
        (("check", "synthetic:16", "--labels", "x.csv"), "labels of their own"),
    ],
)
def test_mistakes_are_one_sentence(run, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(*arguments)
    assert status == 2
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err
