import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from sakuga.core.images import png_bytes
from sakuga.reporting.page import Figures, Page

PNG = png_bytes(np.full((4, 6, 3), 200, np.uint8))


class _Balance(HTMLParser):
    """Checks that every element is closed, and collects attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data


@pytest.fixture
def page():
    return (
        Page("A <run>")
        .text("first & <b>foremost</b>\n\nsecond")
        .heading("<i>")
        .table({"FID": 12.34567, "images": 1234567, "<name>": "<value>"})
        .table([["a", True]], header=["<x>", "y"])
        .code("sakuga train <recipe> && true")
        .note("D & G")
        .picture(PNG, 'a "caption" <here>', width=120)
        .pictures([(PNG, "one", None), (b"GIF89a...", "two", 64)])
    )


def test_everything_is_escaped_and_closed(page):
    parsed = _Balance(page.html())
    assert parsed.open == []
    for told in (
        "A <run>",
        "first & <b>foremost</b>",
        "<value>",
        "<x>",
        "<recipe> && true",
        'a "caption" <here>',
        "D & G",
    ):
        assert told in parsed.text
    assert not re.search(r"<(run|b|i|value|name|x|recipe|here)>", page.html())


def test_nothing_is_loaded_from_elsewhere(page):
    text = page.html()
    addresses = [value for tag, name, value in _Balance(text).attributes if name in ("src", "href")]
    assert len(addresses) == 3
    assert all(address.startswith("data:image/") for address in addresses)
    assert "http" not in text and "url(" not in text and "<script" not in text and "@import" not in text


def test_pictures_are_whole_and_of_their_kind(page):
    sources = [value for tag, name, value in _Balance(page.html()).attributes if name == "src"]
    assert base64.b64decode(sources[0].removeprefix("data:image/png;base64,")) == PNG
    assert sources[2].startswith("data:image/gif;base64,")


def test_numbers_are_short_and_truth_values_no_numbers(page):
    text = page.html()
    assert "<td>12.35</td>" in text
    assert "<td>1,234,567</td>" in text
    assert "<td>True</td>" in text


def test_columns_of_numbers_are_aligned_to_the_right():
    text = Page("x").table([["a", 1, 2.5], ["b", "none", 3], ["c"]], ["name", "mixed", "short"]).html()
    assert "<tr><td>a</td><td>1</td><td>2.5</td></tr>" in text
    text = Page("x").table([["a", 1, 2.5], ["b", "none", 3]]).html()
    assert '<td>1</td><td class="number">2.5</td>' in text
    assert '<td>none</td><td class="number">3</td>' in text


def test_an_unknown_kind_of_picture_is_refused():
    with pytest.raises(ValueError, match="PNG, GIF, JPEG or WebP"):
        Page("x").picture(b"<svg/>")


def test_save_writes_the_page(page, tmp_path):
    path = page.save(tmp_path / "new" / "index.html")
    assert path.read_text("utf-8") == page.html()


def test_numbers_as_text_are_aligned_and_the_best_stands_out():
    page = Page("x").table([["a", Figures("1.0 ± 0.1", True)], ["b", Figures("2.0 ± 0.1")]], ["", "FID"], dense=True)
    html = page.html()
    assert '<td class="number best">1.0 ± 0.1</td>' in html
    assert '<td class="number">2.0 ± 0.1</td>' in html
    assert '<tr><th></th><th class="number">FID</th></tr>' in html


def test_what_is_folded_is_there():
    html = Page("x").folded("more <b>", Page("y").text("hidden")).html()
    assert "<details><summary>more &lt;b&gt;</summary>\n<p>hidden</p>\n</details>" in html
