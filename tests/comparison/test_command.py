import os
import re
import signal
from typing import Any

import pytest

from sakuga import cli
from sakuga.commands.compare import read_variant
from sakuga.comparison.cells import chosen_cells
from sakuga.comparison.presets import PRESETS, preset
from sakuga.configs.comparison import Budget, ComparisonConfig, slug
from sakuga.core.errors import UserError
from sakuga.core.words import ordinal


@pytest.fixture
def asked(monkeypatch):
    """Returns what a command line asks `comparison.start.compare` for."""

    def ask(*arguments: str) -> ComparisonConfig:
        seen = []

        def note(config: ComparisonConfig, out, **options) -> dict[str, int]:
            seen.append(config)
            return {"done": 0, "failed": 0}

        monkeypatch.setattr("sakuga.comparison.start.compare", note)
        assert cli.main(["compare", *arguments]) == 0
        return seen[0]

    return ask


def test_recipes_and_data(asked):
    config = asked(
        *(
            "quick64",
            "dcgan64",
            "--data",
            "x/a.zip",
            "b.zip",
            "--seeds",
            "0-2,7",
            "--budget",
            "20k images",
            "--out",
            "o",
        )
    )
    assert [v.label for v in config.variants] == ["quick64", "dcgan64"]
    assert [(d.label, d.path) for d in config.data] == [("a", "x/a.zip"), ("b", "b.zip")]
    assert config.seeds == (0, 1, 2, 7)
    assert config.budget.images == 20_000


def test_variants_and_common_changes(asked):
    config = asked(
        *("quick64", "--variant", "r1 high=quick64 --penalty.weight 10", "--data", "a.zip", "--out", "o"),
        *("--change", "batch-size=32", "outputs.log=every 5 steps"),
    )
    common = {"batch_size": "32", "outputs.log": "every 5 steps"}
    assert [dict(v.changes) for v in config.variants] == [common, {"penalty.weight": "10"} | common]
    assert config.variants[1].label == "r1 high"


def test_presets_look_for_their_files_in_the_folder(asked):
    config = asked("--preset", "seed004", "--data-folder", "pictures", "--out", "o", "--budget", "10 minutes")
    assert {d.path for d in config.data} == {"pictures/getchu64.zip", "pictures/faces96_hair_eyes.zip"}
    assert (config.budget.minutes, config.budget.images) == (10.0, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--out o", "Give either --preset NAME, or recipes"),
        ("quick64 --out o", "--data is missing"),
        ("--preset seed000-loss --data-folder d --out o", "did you mean 'seed000-losses'"),
        ("--preset seed004 --out o", "--data-folder is missing: name the folder that holds getchu64.zip"),
        ("--preset seed004 --data a.zip --out o", "names its own data"),
        ("quick64 quick64 --data a.zip --out o", "two of the variants are called 'quick64'"),
        ("quick64 --data a.zip --budget 3epochs --out o", "not the same for every cell"),
        ("quick64 --data a.zip --budget 5bananas --out o", "write, for example, '60k images' or '10 minutes'"),
        ("quick64 --data a.zip --seeds 1,b --out o", "--seeds '1,b'"),
        ("quick64 --data a.zip --seeds=-1 --out o", "--seeds '-1': '-1' is not a seed or a range"),
        ("quick64 --data a.zip --change batch_size --out o", "--change 'batch_size': write NAME=VALUE"),
        ("quick64 --data a.zip --change==3 --out o", "--change '=3': write NAME=VALUE"),
        ("quick64 --data a.zip --change seed=3 --out o", "--change seed=3: seed belongs to the whole comparison"),
        ("quick64 --data a.zip --points=-1 --out o", "sakuga: --points: -1 is below 0: give 0 or more."),
        ("quick64 --data a.zip --num-images 3 --out o", "sakuga: --num-images: 3 is below 16: give 16 or more."),
        ("quick64 --data synthetic:64 --device foo --out o", "--device 'foo' is not a device"),
        ("quick65 --data a.zip --out o", "No recipe 'quick65': did you mean 'quick64'"),
        (
            "quick64 --data a.zip b.zip --out o",
            "a.zip and b.zip are missing among the 2 data sets of the comparison, and nothing",
        ),
        (
            "quick64 --data a.zip --out o",
            "sakuga: a.zip is missing, and nothing was started: give its path with --data.",
        ),
        ("--preset seed000 --data-folder d --out o", "seed000-lambda, seed003-ratio, seed004)?"),
        ("--preset seed000-losses --data-folder d --out o", "name the folder that holds it with --data-folder."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["compare", *arguments.split()]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path, capsys):
    path = tmp_path / "o"
    path.write_text("mine")
    assert cli.main(["compare", "quick64", "--data", "synthetic:40", "--out", str(path)]) == 2
    assert f"--out {path}: {path} is a file and no folder" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_the_name_lists_what_is_compared(asked):
    config = asked("quick64", "dcgan64", "--variant", "boom=quick64 --batch_size 8", "--data", "a.zip", "--out", "o")
    assert config.name == "quick64, dcgan64 and boom compared"


def test_help_tells_what_is_usual(capsys):
    configs = [preset(name) for name in PRESETS]
    measure, fields = configs[0].measure, ComparisonConfig.model_fields
    assert {c.budget for c in configs} == {fields["budget"].default}
    assert {c.measure for c in configs} == {fields["measure"].default}
    assert {c.seeds for c in configs} == {fields["seeds"].default} == {(0,)}
    assert cli.main(["compare", "--help"]) == 0
    said = " ".join(re.sub("[^ -~]", " ", capsys.readouterr().out).split())
    usual = (
        "for example 0-2,7; 0 if not given",
        f'"{configs[0].budget.images // 1000}k images" if not given',
        f"{measure.num_images:,} if not given",
        f"every {ordinal(measure.real_every)} if not given",
        f"{measure.points} times if not given",
    )
    assert [text for text in usual if text not in said] == []


@pytest.mark.parametrize(("retry", "advice"), [(False, "--retry-failed tries again"), (True, "need a new folder")])
def test_what_failed_twice_is_not_told_to_be_tried_again(retry, advice, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sakuga.comparison.start.train", lambda *_, **__: 1 / 0)
    words = ["compare", "tiny64", "--data", "synthetic:64", "--out", str(tmp_path / "out")]
    assert cli.main(words + ["--retry-failed"] * retry) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("1 of 1 cell failed, the page says why; ")
    assert last.endswith(f"{advice}.")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_trainings_says_how_to_go_on(number, tmp_path, monkeypatch, capsys):
    def measure(*_: Any) -> None:
        os.kill(os.getpid(), number)

    monkeypatch.setattr("sakuga.comparison.start.train", lambda *_, **__: True)
    monkeypatch.setattr("sakuga.comparison.start.measure", measure)
    before = signal.getsignal(signal.SIGTERM)
    out = tmp_path / "out"
    assert cli.main(["compare", "tiny64", "--data", "synthetic:64", "--out", str(out)]) == 130
    assert capsys.readouterr().out == "Stopped and saved; give the same command again to go on.\n"
    assert not (out / "cells" / "tiny64__synthetic-64__s0" / "cell.json").exists()
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_command_that_is_shown_leaves_out_what_to_work_on_now(monkeypatch):
    seen = []

    def note(*_, command: str, **__) -> dict[str, int]:
        seen.append(command)
        return {"done": 1, "failed": 0}

    monkeypatch.setattr("sakuga.comparison.start.compare", note)
    whole = ["compare", "quick64", "--data", "a b.zip", "--seeds=0,1", "--out", "o"]
    ways = ([], ["--only", "quick64"], ["--only=quick64", "--retry-failed"], ["--retry_failed"], ["--measure-again"])
    for more in ways:
        monkeypatch.setattr("sys.argv", ["sakuga", *whole[:2], *more, *whole[2:]])
        assert cli.main() == 0
    assert set(seen) == {"sakuga compare quick64 --data 'a b.zip' --seeds=0,1 --out o"}


def test_cells_that_failed_are_counted(monkeypatch, capsys):
    monkeypatch.setattr("sakuga.comparison.start.compare", lambda *_, **__: {"done": 2, "failed": 1})
    assert cli.main(["compare", "quick64", "--data", "a.zip", "--out", "o"]) == 1
    assert "1 of 3 cells failed" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["quick64", "a=", "a=--lr 1", "a=quick64 --lr", "a=quick64 lr 1", "a=quick64 'x"])
def test_a_variant_that_cannot_be_read_is_refused(text):
    with pytest.raises(UserError, match="--variant"):
        read_variant(text)


def test_only_crosses_variants_and_data(tiny):
    data = [{"label": name, "path": f"synthetic:{40 + i}"} for i, name in enumerate("ab")]
    config = tiny(data=data, seeds=[0, 1])

    def names(*only: str) -> list[str]:
        return [cell.name for cell in chosen_cells(config, only)]

    assert len(names()) == 8
    assert names("plain", "b") == ["plain__b__s0", "plain__b__s1"]
    assert names("hinge__a__s1") == ["hinge__a__s1"]
    assert len(names("b")) == 4


def test_only_takes_names_that_hold_commas(tiny, variant):
    config = tiny(variant("GP"), variant("GP, Adam 2e-4"), variant("Adam 2e-4"), variant("a,b"))

    def labels(only: str) -> list[str]:
        return [cell.variant.label for cell in chosen_cells(config, [only])]

    assert labels("GP, Adam 2e-4") == ["GP, Adam 2e-4"]
    assert labels("a,b, GP") == ["GP", "a,b"]
    assert labels("Adam 2e-4, GP, Adam 2e-4,GP") == ["GP", "GP, Adam 2e-4", "Adam 2e-4"]
    for wrong in ("GP, Adam 2e-5", "GP,", "a"):
        with pytest.raises(UserError, match="--only"):
            labels(wrong)


@pytest.mark.parametrize("name", PRESETS)
def test_only_takes_every_variant_of_a_preset(name):
    config = preset(name)
    for variant in config.variants:
        assert variant in [cell.variant for cell in chosen_cells(config, [variant.label])]
    everything = ",".join(variant.label for variant in config.variants)
    assert chosen_cells(config, [everything]) == chosen_cells(config, [])


def test_labels_may_be_in_any_script():
    assert [slug(label) for label in ("顔_1", "(a) DCGAN 2.5", "..")] == ["顔-1", "a-DCGAN-2.5", ""]


@pytest.mark.parametrize("text", ["60k images", "60000", "10 minutes", "33.33333 min", "1234567 min", "0.00005 min"])
def test_a_budget_reads_what_it_writes(text):
    budget = Budget.model_validate(text)
    assert Budget.model_validate(str(budget)) == budget
