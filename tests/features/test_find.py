import dataclasses
import hashlib

import pytest

from sakuga.core.errors import UserError
from sakuga.features import find


@pytest.fixture
def known(tmp_path, monkeypatch):
    """A registry with one entry, whose file is at a file:// address and, on request, in a package."""
    monkeypatch.setenv("SAKUGA_CACHE", str(tmp_path / "cache"))
    data = bytes(range(256)) * 5000
    remote = tmp_path / "remote.pth"
    remote.write_bytes(data)
    weights = find.Weights(
        name="toy",
        title="the toy network",
        sha256=hashlib.sha256(data).hexdigest(),
        package="sakuga_toy_weights",
        file="models/toy.pth",
        install="pip install sakuga-toy-weights",
        url=remote.as_uri(),
        licence="CC0-1.0",
    )
    monkeypatch.setitem(find.KNOWN, "toy", weights)
    return weights, data, remote


def make_package(tmp_path, monkeypatch, data):
    package = tmp_path / "site" / "sakuga_toy_weights"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('this package must not be imported')")
    (package / "models" / "toy.pth").write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return package / "models" / "toy.pth"


def test_installed_package_is_found_without_importing_it(known, tmp_path, monkeypatch):
    file = make_package(tmp_path, monkeypatch, known[1])
    assert find.find_weights("toy", download=False) == file


def test_given_path_comes_first_and_is_checked(known, tmp_path):
    _weights, data, remote = known
    assert find.find_weights("toy", remote) == remote
    other = tmp_path / "other.pth"
    other.write_bytes(data[:-1])
    with pytest.raises(UserError, match=r"other\.pth is not the weights file of the toy network"):
        find.find_weights("toy", other)
    with pytest.raises(UserError, match="is not a file"):
        find.find_weights("toy", tmp_path / "missing.pth")


def test_download_goes_into_the_cache_and_is_not_repeated(known):
    weights, data, remote = known
    found = find.find_weights("toy")
    assert found == find.cached_at(weights)
    assert found.read_bytes() == data
    remote.unlink()
    assert find.find_weights("toy") == found


def test_download_of_another_file_is_refused_and_leaves_nothing(known, monkeypatch):
    weights, _data, remote = known
    remote.write_bytes(b"a page that says please log in")
    with pytest.raises(UserError, match="gave another file"):
        find.find_weights("toy")
    assert list(find.cached_at(weights).parent.iterdir()) == []


def test_package_with_another_file_falls_through_to_the_download(known, tmp_path, monkeypatch):
    weights, _data, _remote = known
    file = make_package(tmp_path, monkeypatch, b"damaged")
    assert find.find_weights("toy") == find.cached_at(weights)
    find.cached_at(weights).unlink()
    with pytest.raises(UserError) as caught:
        find.find_weights("toy", download=False)
    assert f"{file} is another file" in str(caught.value)


def test_absent_weights_are_one_sentence_with_the_three_ways(known, monkeypatch):
    weights = dataclasses.replace(known[0], url="file:///nowhere/toy.pth")
    monkeypatch.setitem(find.KNOWN, "toy", weights)
    with pytest.raises(UserError) as caught:
        find.find_weights("toy")
    message = str(caught.value)
    for way in (
        "`pip install sakuga-toy-weights`",
        "--weights",
        "file:///nowhere/toy.pth",
        str(find.cached_at(weights)),
    ):
        assert way in message
    assert "\n" not in message


def test_unknown_name_offers_the_nearest():
    with pytest.raises(UserError, match="did you mean 'inception'"):
        find.find_weights("inceptoin")
