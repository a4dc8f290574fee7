"""Whole comparisons: resuming, failing cells, what is refused before anything starts."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sakuga import cli
from sakuga.comparison import measure
from sakuga.comparison.folder import Folder, Trained
from sakuga.comparison.start import compare
from sakuga.configs.comparison import Budget
from sakuga.core.errors import UserError
from sakuga.training import checkpoint
from sakuga.training.metrics_log import read_metrics


def reproducible(out: Path) -> dict[str, Any]:
    """Returns `results.json` without what depends on the machine's speed."""
    results = json.loads((out / "results.json").read_text())
    for cell in results["cells"]:
        assert cell.pop("timing")["seconds"] > 0
    return results


def interrupt(monkeypatch, module: Any, name: str, after: int) -> None:
    """Lets a function work so many times and then be interrupted, as by a kill at that moment."""
    real, calls = getattr(module, name), []

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        if len(calls) > after:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, wrapped)


def test_interrupted_equals_uninterrupted(tiny, tmp_path, monkeypatch):
    config = tiny(seeds=[0, 1])
    assert compare(config, tmp_path / "whole") == {"done": 4, "failed": 0}
    parts = tmp_path / "parts"
    # Between cells, inside a cell, and between its training and its evaluation.
    assert compare(config, parts, only=["plain__drawn__s0"]) == {"done": 1, "failed": 0}
    for module, name, after in ((checkpoint, "save", 2), (measure, "evaluate", 0), (checkpoint, "save", 5)):
        with monkeypatch.context() as patch:
            interrupt(patch, module, name, after)
            with pytest.raises(KeyboardInterrupt):
                compare(config, parts)
    assert compare(config, parts) == {"done": 4, "failed": 0}
    assert reproducible(parts) == reproducible(tmp_path / "whole")
    assert [len(row["seeds"]) for row in reproducible(parts)["summary"]] == [2, 2]


def test_a_finished_comparison_trains_nothing_again(tiny, tmp_path, monkeypatch):
    compare(tiny(), tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    (tmp_path / "index.html").unlink()
    monkeypatch.setattr("sakuga.comparison.start.train", None)
    assert compare(tiny(), tmp_path) == {"done": 2, "failed": 0}
    assert (tmp_path / "results.json").read_bytes() == before
    assert compare(tiny(name="called otherwise"), tmp_path) == {"done": 2, "failed": 0}
    assert (tmp_path / "index.html").exists()


def test_a_cell_that_fails_is_recorded_and_the_rest_finishes(tiny, broken, tmp_path, monkeypatch):
    plain = tiny().model_dump()["variants"][0]
    config = tiny(broken, plain)
    assert compare(config, tmp_path) == {"done": 1, "failed": 1}
    results = json.loads((tmp_path / "results.json").read_text())
    assert [cell["variant"] for cell in results["cells"]] == ["plain"]
    assert "not finite" in results["failed"][0]["reason"]
    page = (tmp_path / "index.html").read_text()
    assert "not finite" in page
    assert "--run-dir too-fast__drawn__s0" in page.partition("Cells that failed")[2]
    record = tmp_path / "cells" / "too-fast__drawn__s0" / "cell.json"
    record.write_text(record.read_text().replace("not finite", "as it was"))
    assert compare(config, tmp_path) == {"done": 1, "failed": 1}
    assert "as it was" in record.read_text()
    assert compare(config, tmp_path, retry_failed=True) == {"done": 1, "failed": 1}
    assert "not finite" in record.read_text()


def test_an_error_of_ours_fails_its_cell_alone(tiny, tmp_path, monkeypatch):
    def wrong(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by zero")

    with monkeypatch.context() as patch:
        patch.setattr(measure, "evaluate", wrong)
        assert compare(tiny(), tmp_path) == {"done": 0, "failed": 2}
    folder = tmp_path / "cells" / "plain__drawn__s0"
    assert "ZeroDivisionError: by zero" in json.loads((folder / "cell.json").read_text())["reason"]
    assert "Traceback" in (folder / "error.txt").read_text()
    assert compare(tiny(), tmp_path, retry_failed=True) == {"done": 2, "failed": 0}


def test_a_cell_that_cannot_be_recorded_fails_alone(tiny, tmp_path):
    Folder(tmp_path).begin(tiny(), None, "")
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "plain__drawn__s0").write_text("a file where a folder belongs")
    assert compare(tiny(), tmp_path) == {"done": 1, "failed": 1}
    assert [cell["variant"] for cell in reproducible(tmp_path)["cells"]] == ["hinge"]


def test_a_page_that_cannot_be_drawn_stops_no_cell(tiny, tmp_path, capsys):
    Folder(tmp_path / "out").begin(tiny(), None, "")
    (tmp_path / "out" / "table.md").mkdir()
    with pytest.raises(UserError, match=r"table\.md cannot be written"):
        compare(tiny(), tmp_path / "out")
    assert "The page waits: " in capsys.readouterr().err
    assert len(list((tmp_path / "out" / "cells").glob("*/cell.json"))) == 2


def test_names_are_no_longer_than_a_file_may_be_called(tiny, variant, tmp_path):
    config = tiny(variant("v" * 300), data=[{"label": "顔" * 300, "path": "synthetic:40"}])
    assert compare(config, tmp_path) == {"done": 1, "failed": 0}


def test_missing_data_is_named_before_anything_starts(tiny, tmp_path):
    names = ["synthetic:40", str(tmp_path / "one.zip"), str(tmp_path / "two.zip")]
    config = tiny(data=[{"label": Path(name).stem, "path": name} for name in names])
    with pytest.raises(UserError, match=r"one\.zip and .*two\.zip are missing among the 3 data sets"):
        compare(config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"budget": "2 minutes"}, "began with --budget '80 images', and 2 minutes are something else"),
        ({"budget": "72 images"}, "plain__drawn__s0 has been trained beyond 72 images: give more"),
        ({"seeds": [1]}, "seeds was 0 and is now 1"),
        ({"data": [{"label": "drawn", "path": "synthetic:48"}]}, "data set drawn is not the one"),
    ],
)
def test_a_changed_definition_is_refused_by_name(tiny, tmp_path, fields, said):
    compare(tiny(), tmp_path, only=["plain"])
    before = (tmp_path / "comparison.json").read_bytes()
    with pytest.raises(UserError, match=said):
        compare(tiny(**fields), tmp_path)
    assert (tmp_path / "comparison.json").read_bytes() == before


def test_too_few_real_pictures_are_told_before_anything_starts(tiny, tmp_path):
    for count, data, left in (
        (40, [{"label": "drawn", "path": "synthetic:40"}], 10),
        (30, [{"label": "half", "path": "synthetic:60", "filter": "every_second"}], 8),
        (20, [{"label": "few", "path": "synthetic:80", "limit": 20}], 5),
        (40, [{"label": "a", "path": "synthetic:80", "judged_by": "b"}, {"label": "b", "path": "synthetic:40"}], 10),
    ):
        config = tiny(data=data, measure=tiny().measure.model_dump() | {"real_every": 4})
        said = f"Every 4th of the {count} pictures .*leaves {left}, at least 16 are needed: give --real-every 1"
        with pytest.raises(UserError, match=said):
            compare(config, tmp_path / "out", only=[data[0]["label"]])
    files = tmp_path / "files"
    files.mkdir()
    for number in range(48):
        (files / f"{number}.png").write_bytes(b"no picture, which is seen later")
    config = tiny(data=[{"label": "files", "path": str(files)}], measure=config.measure.model_dump())
    with pytest.raises(UserError, match="Every 4th of the 48 pictures of files leaves 12"):
        compare(config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failure_holds_under_its_own_terms_alone(tiny, tmp_path, monkeypatch):
    real = measure.evaluate

    def picky(*args: Any, real_every: int, **options: Any) -> Any:
        if real_every > 1:
            raise UserError("too few")
        return real(*args, real_every=real_every, **options)

    monkeypatch.setattr(measure, "evaluate", picky)
    assert compare(tiny(), tmp_path) == {"done": 0, "failed": 2}
    monkeypatch.setattr("sakuga.comparison.start.train", None)  # nothing is trained again
    every = tiny(measure=tiny().measure.model_dump() | {"real_every": 1})
    assert compare(every, tmp_path, only=["plain"], measure_again=True) == {"done": 1, "failed": 0}
    results = reproducible(tmp_path)
    assert (results["failed"], results["outdated"]) == ([], ["hinge__drawn__s0"])
    assert "too few" not in (tmp_path / "index.html").read_text()
    assert compare(every, tmp_path) == {"done": 2, "failed": 0}


def test_a_changed_variant_is_refused_by_its_name(tiny, tmp_path):
    first, second = tiny().model_dump()["variants"]
    compare(tiny(), tmp_path, only=["plain"])
    with pytest.raises(UserError, match="batch_size of hinge was 8 and is now 16"):
        compare(tiny(first, second | {"changes": [*second["changes"], ("batch_size", 16)]}), tmp_path)


def test_seeds_may_be_added(tiny, tmp_path):
    plain = tiny().model_dump()["variants"][0]
    compare(tiny(plain), tmp_path, command="sakuga compare once")
    assert compare(tiny(plain, seeds=[0, 1]), tmp_path, command="sakuga compare again") == {"done": 2, "failed": 0}
    assert "    sakuga compare again" in (tmp_path / "table.md").read_text().splitlines()
    compare(tiny(plain, seeds=[0, 1]), tmp_path)
    assert "    sakuga compare again" in (tmp_path / "table.md").read_text().splitlines()
    summary = json.loads((tmp_path / "results.json").read_text())["summary"]
    assert summary[0]["seeds"] == [0, 1]
    assert summary[0]["distance"]["std"] > 0


def test_a_budget_may_grow(tiny, broken, tmp_path):
    config = tiny(tiny().model_dump()["variants"][0], broken)
    compare(config, tmp_path / "longer")
    longer = config.model_copy(update={"budget": Budget(images=160)})
    assert compare(longer, tmp_path / "longer") == {"done": 1, "failed": 1}
    compare(longer, tmp_path / "long")
    assert reproducible(tmp_path / "longer") == reproducible(tmp_path / "long")
    assert reproducible(tmp_path / "long")["cells"][0]["images"] == 160
    cell = tmp_path / "longer" / "cells" / "plain__drawn__s0"
    assert "160 images" in json.loads((cell / "run.json").read_text())["command"]


def test_a_budget_that_was_a_slip_is_taken_back(tiny, tmp_path, monkeypatch):
    compare(tiny(), tmp_path)
    before = reproducible(tmp_path)
    with monkeypatch.context() as patch:
        interrupt(patch, checkpoint, "save", 0)
        with pytest.raises(KeyboardInterrupt):
            compare(tiny(budget="80k images"), tmp_path)
    assert compare(tiny(), tmp_path) == {"done": 2, "failed": 0}
    assert reproducible(tmp_path) == before


def test_cells_are_measured_again_only_where_that_is_asked_for(tiny, tmp_path, monkeypatch):
    compare(tiny(), tmp_path)
    for run in (tmp_path / "cells").iterdir():  # whoever needs the space
        for path in (run / "checkpoints").iterdir():
            path.unlink()
    other = tiny(measure=tiny().measure.model_dump() | {"num_images": 24})
    with pytest.raises(UserError, match=r"num_images was 16 and is now 24: .* --measure-again measures anew"):
        compare(other, tmp_path)
    monkeypatch.setattr("sakuga.comparison.start.train", None)
    for again in (True, False):  # the command, with and without the option, goes on where it was
        with monkeypatch.context() as patch:
            interrupt(patch, measure, "evaluate", 1)
            with pytest.raises(KeyboardInterrupt):
                compare(other, tmp_path, measure_again=True)
        assert len(reproducible(tmp_path)["outdated"]) == 1
        with monkeypatch.context() as patch:
            interrupt(patch, measure, "evaluate", 1)
            assert compare(other, tmp_path, measure_again=again) == {"done": 2, "failed": 0}
        other = tiny()
    cells = reproducible(tmp_path)["cells"]
    assert [cell["evaluation"]["ruler"]["num_samples"] for cell in cells] == [16, 16]
    assert [cell["images"] for cell in cells] == [80, 80]


def test_cells_that_only_passes_over_are_not_lost_without_a_word(tiny, tmp_path, capsys):
    compare(tiny(), tmp_path)
    before = reproducible(tmp_path)["cells"]
    other = tiny(measure=tiny().measure.model_dump() | {"num_images": 24})
    capsys.readouterr()
    compare(other, tmp_path, only=["plain"], measure_again=True)
    said = capsys.readouterr().err
    assert said.index("1 finished cell measured at another budget or with other settings") < said.index("[1/1] plain")
    assert "the same command without --only" in said
    results = reproducible(tmp_path)
    assert (results["waiting"], results["outdated"]) == ([], ["hinge__drawn__s0"])
    page = (tmp_path / "index.html").read_text()
    assert "Of 2 cells, 1 measured at another budget or with other settings: give the command without --only" in page
    assert "not finished yet" not in page
    compare(tiny(), tmp_path, measure_again=True)
    assert "another budget" not in capsys.readouterr().err + (tmp_path / "index.html").read_text()
    assert reproducible(tmp_path)["cells"] == before


def test_a_budget_of_time_is_used_up(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("sakuga.comparison.start._PROBE", 2)
    plain = tiny().model_dump()["variants"][0]
    assert compare(tiny(plain, budget="0.05 minutes"), tmp_path) == {"done": 1, "failed": 0}
    cell = json.loads((tmp_path / "results.json").read_text())["cells"][0]
    assert cell["timing"]["seconds"] >= 0.98 * 3
    images = [line["images"] for line in read_metrics(tmp_path / "cells" / "plain__drawn__s0")]
    assert images == sorted(set(images))
    assert images[-1] == cell["images"] > 2 * 8
    assert f"--duration '{cell['images']} images'" in cell["command"]
    assert cell["command"].replace("'", "&#x27;") in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("seconds_an_image", [0.0001, 0.01, 10.0])
def test_a_budget_of_time_is_met_at_any_speed(tiny, tmp_path, monkeypatch, seconds_an_image):
    where = Trained(0, 0.0)

    def train(*_: Any, changes: dict[str, Any], **__: Any) -> bool:
        nonlocal where
        amount, unit = changes["duration"].split()
        images = int(amount) * (8 if unit == "steps" else 1)
        pace = seconds_an_image * (3 if images > 1000 else 1)  # others begin to use the machine
        where = Trained(images, where.seconds + pace * (images - where.images))
        return True

    monkeypatch.setattr("sakuga.comparison.start.train", train)
    monkeypatch.setattr(Folder, "trained", lambda *_: where)
    monkeypatch.setattr("sakuga.comparison.start.measure", lambda *_: {"images": where.images})
    monkeypatch.setattr("sakuga.comparison.start.write_pages", lambda *_: None)
    plain = tiny().model_dump()["variants"][0]
    assert compare(tiny(plain, budget="10 minutes"), tmp_path) == {"done": 1, "failed": 0}
    assert 0.98 * 600 <= where.seconds < 1.01 * 600 + 8 * seconds_an_image


def test_the_command_of_a_cell_does_the_same(tiny, tmp_path, monkeypatch):
    half = {"label": "half of it", "path": "synthetic:40", "filter": "every_second", "resolution": 32}
    plain = tiny().model_dump()["variants"][0]
    measured = tiny().measure.model_dump() | {"real_every": 1}
    assert compare(tiny(plain, data=[half], measure=measured), tmp_path) == {"done": 1, "failed": 0}
    (cell,) = json.loads((tmp_path / "results.json").read_text())["cells"]
    assert "--data data/half-of-it.zip" in cell["command"]
    assert "run the commands that name them there" in (tmp_path / "index.html").read_text()
    monkeypatch.chdir(tmp_path)
    assert f"--threads {torch.get_num_threads()}" in cell["command"]
    assert cli.main(shlex.split(cell["command"])[1:]) == 0
    name = "plain__half-of-it__s0"
    again, first = (load_file(folder / name / "model.safetensors") for folder in (tmp_path, tmp_path / "cells"))
    assert again.keys() == first.keys()
    assert all(torch.equal(again[key], first[key]) for key in first)


def test_the_page_needs_nothing_else(tiny, tmp_path, capsys):
    compare(tiny(), tmp_path, command="sakuga compare ...")
    said = capsys.readouterr().err
    assert said.index("[1/2]") < said.index("Measuring 16 samples of plain__drawn__s0.") < said.index("[2/2]")
    page = (tmp_path / "index.html").read_text()
    assert page.count("data:image/webp;base64,") == 3  # real pictures, and a sheet of each variant
    assert "data:image/png;base64," in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "sakuga compare ..." in page
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[0].startswith("| Variant | EfficientNet distance |")
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| plain", "| hinge"]


def test_a_folder_of_something_else_is_left_alone(tiny, tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        compare(tiny(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_judge_that_is_none_is_refused_before_anything_starts(tiny, tmp_path):
    for path, said in (("faces64", "is a model without a judge"), (str(tmp_path / "j.safetensors"), "is not there")):
        config = tiny(measure=tiny().measure.model_dump() | {"judge": path})
        with pytest.raises(UserError, match=said):
            compare(config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unknown_names_are_refused_before_anything_starts(tiny, tmp_path):
    wrong = tiny().model_dump()["variants"][0]
    with pytest.raises(UserError, match=r"Variant 'plain': No option --los\.kind: did you mean '--loss\.kind'"):
        compare(tiny(wrong | {"changes": [("los.kind", "hinge")]}), tmp_path / "out")
    missing = wrong | {"changes": [("init.generator", "nowhere.safetensors")]}
    with pytest.raises(UserError, match=r"Variant 'plain': .*nowhere\.safetensors"):
        compare(tiny(missing), tmp_path / "out")
    with pytest.raises(UserError, match=r"--only plane.*'plain'"):
        compare(tiny(), tmp_path / "out", only=["plane"])
    assert not (tmp_path / "out").exists()
