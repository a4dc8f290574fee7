from sakuga.core.progress import tracked


def test_a_title_is_shown_as_it_is_written(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # what makes rich take anything for a terminal
    monkeypatch.setenv("TERM", "xterm")
    assert list(tracked([1, 2], "Reading set[/b]")) == [1, 2]
    assert "Reading set[/b]" in capsys.readouterr().err
