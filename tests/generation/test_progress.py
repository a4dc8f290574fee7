import time

import pytest

from sakuga.generation.progress import batches


@pytest.mark.parametrize(("count", "size", "lengths"), [(7, 3, [3, 3, 1]), (6, 3, [3, 3]), (2, 5, [2]), (0, 4, [])])
def test_slices_cover_everything_once(count, size, lengths):
    parts = list(batches(count, size, "Drawing"))
    assert [part.stop - part.start for part in parts] == lengths
    assert [i for part in parts for i in range(count)[part]] == list(range(count))


def test_a_bar_comes_only_where_it_takes_long(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    list(batches(3, 1, "Drawing"))
    assert capsys.readouterr().err == ""
    clock = iter(range(0, 100, 3))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    list(batches(3, 1, "Drawing"))
    output = capsys.readouterr()
    assert "Drawing" in output.err
    assert output.out == ""
