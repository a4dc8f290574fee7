"""What the page says of cells whose records are written here by hand, so that nothing is trained."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sakuga.comparison.cells import Cell, cells_of
from sakuga.comparison.folder import Folder
from sakuga.comparison.page import write_pages

DATA = [{"label": name, "path": f"synthetic:{40 + i}"} for i, name in enumerate("ab")]


@pytest.fixture
def pages(tiny, variant, tmp_path):
    """Returns texts of `index.html` and `table.md`, given each cell's distance, or why it failed, by its name."""

    def write(found: dict[str, float | str], **fields: Any) -> tuple[str, str]:
        config = tiny(variant("plain"), variant("boom"), **fields)
        folder = Folder(tmp_path)
        record = folder.begin(config, None, "sakuga compare ...")
        for cell in cells_of(config):
            if cell.name in found:
                note(folder.cell(cell), cell, found[cell.name], record.terms)
        write_pages(folder, record)
        html = re.sub("</?(th|td|tr)[^>]*>", "|", (tmp_path / "index.html").read_text())
        return re.sub(r"\|+", "|", html), (tmp_path / "table.md").read_text()

    def note(path: Path, cell: Cell, found: float | str, terms: dict) -> None:
        about = {"variant": cell.variant.label, "data": cell.data.label, "seed": cell.seed}
        ruler = {"extractor": "efficientnet", "real": "all", "num_samples": 2000, "labels": "none"}
        evaluation = {"metrics": [{"name": "efficientnet_frechet", "value": found}], "statistics": [], "ruler": ruler}
        done = {"evaluation": evaluation, "images": 60_008, "parameters": {"generator": 1000}, "health": []}
        done |= {"timing": {"images_per_second": 9.0}, "terms": terms, "state": "done"}
        failed = {"state": "failed", "reason": found, "terms": terms}
        path.mkdir(parents=True, exist_ok=True)
        (path / "cell.json").write_text(json.dumps(about | (failed if isinstance(found, str) else done)))

    return write


def test_variants_without_figures_have_a_row(pages):
    html, table = pages({"plain__a__s0": 12.0, "boom__a__s0": "too fast"}, data=DATA)
    assert "|plain|12.0|boom|failed|" in html
    assert re.search(r"On b.*\|plain\|not yet\|boom\|not yet\|", html, re.DOTALL)
    lines = [line.split(" | ") for line in table.splitlines()[2:6]]
    assert [line[:3] for line in lines[1:]] == [
        ["| a", "boom", "failed"],
        *(["| b", v, "not yet"] for v in ("plain", "boom")),
    ]
    assert len({len(line) for line in lines}) == 1


def test_what_is_damaged_is_left_out(pages, tmp_path):
    distances = {"plain__a__s0": 12.0, "boom__a__s0": 13.0}
    pages(distances, data=DATA)
    boom = tmp_path / "cells" / "boom__a__s0"
    for name in ("samples.png", "real.png"):
        (boom.with_name("plain__a__s0") / name).write_bytes(b"")
    Image.new("RGB", (8, 8)).save(boom / "samples.png")
    html, _ = pages(distances, data=DATA)
    assert html.count("data:image/webp") == 1
    for damaged in ("[]", "3", "{}", '{"state"'):
        (boom / "cell.json").write_text(damaged)
        html, _ = pages({"plain__a__s0": 12.0}, data=DATA)
        assert "|plain|12.0|boom|" in html


def test_every_column_is_explained(pages):
    html, table = pages({"plain__a__s0": 12.0}, data=DATA)
    titles = table.splitlines()[0].strip("| ").split(" | ")[2:]  # after data and variant
    explained = html.split("What the columns say")[1].split("</details>")[0]
    assert [title for title in titles if f"|{title}|" not in explained] == []
    assert re.search(r"\|EfficientNet distance\|distance between [^|]*\|low\|", explained)


def test_failures_for_one_reason_share_a_note(pages):
    reasons = {"boom__a__s0": "too fast", "boom__b__s0": "too fast", "plain__b__s0": "too fast", "boom__b__s1": "slow"}
    html, _ = pages(reasons, data=DATA, seeds=[0, 1])
    notes = re.findall('<p class="note">(.*?)</p>', html)
    assert notes == [
        "boom, 2 cells (on a, seed 0; on b, seed 0), failed: too fast",
        "plain on b, seed 0, failed: too fast",
        "boom on b, seed 1, failed: slow",
    ]


def test_a_spread_is_spoken_of_where_there_is_one(pages):
    html, _ = pages({"plain__drawn__s0": 12.0, "boom__drawn__s0": 14.0}, seeds=[0, 1])
    assert "seeds 0, 1; no row has more than one of them, so that small differences mean nothing." in html
    assert "standard deviation" not in html
    assert "|plain|12.0|" in html
    html, table = pages({"plain__drawn__s1": 14.0}, seeds=[0, 1])
    assert "seeds 0, 1; mean ± standard deviation over those of a row." in html
    assert "|plain (2 seeds)|13.0 ± 1.4|boom (1 seed)|14.0|" in html
    assert "| boom (1 seed) | 14.0 |" in table


def test_the_budget_is_told_with_what_goes_beyond_it(pages):
    html, _ = pages({"plain__drawn__s0": 12.0}, budget="60k images")
    assert "Every cell: 60,000 images, seed 0" in html
    assert "A run ends with the round in which it reaches its budget" in html
