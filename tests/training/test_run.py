"""Whole runs: folders, resuming, killing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from sakuga import zoo
from sakuga.configs.modelfile import read_header
from sakuga.configs.training import TrainConfig
from sakuga.core import distributed
from sakuga.core.errors import UserError
from sakuga.core.tensorfile import read_value
from sakuga.data.dataset import open_dataset
from sakuga.models.file import load_network
from sakuga.training import checkpoint, outputs
from sakuga.training.health import NotFinite
from sakuga.training.metrics_log import read_metrics
from sakuga.training.run import Run, _interruptible
from sakuga.training.start import train

Tensors = dict[str, torch.Tensor]


def same(a: Tensors, b: Tensors) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_that_ends_before_it_tells_attributes_says_so(tiny_run: Callable[..., bool], tmp_path: Path, capsys):
    told = {"conditioning.attributes": "all", "discriminator.head.kind": "auxiliary", "duration": "16 images"}
    for name, start in (("late", "16 images"), ("early", "8 images")):
        assert tiny_run(tmp_path / name, told | {"conditioning.start": start})
        assert ("its model will not know them" in capsys.readouterr().err) == (name == "late")


def test_a_run_leaves_everything_it_promises(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    assert tiny_run(tmp_path / "run", {"outputs.snapshots": "every 80 images"})
    folder = tmp_path / "run"
    assert [p.stem for p in sorted((folder / "sheets").glob("*.png"))] == ["000000000080", "000000000160"]
    assert Image.open(folder / "sheets" / "000000000160.png").size == (2 * 34 + 2, 2 * 34 + 2)
    assert Image.open(folder / "curves.png").format == "PNG"
    report = (folder / "report.html").read_text()
    assert "data:image/png;base64," in report and "http" not in report.split("<body>")[1]
    lines = list(read_metrics(folder))
    assert [line["images"] for line in lines] == list(range(16, 161, 16))
    assert all(0 <= line["d_real"] <= 1 and 0 <= line["d_fake"] <= 1 for line in lines)
    header = read_header(folder / "model.safetensors")
    assert header.images_seen == 160
    assert header.provenance["config"]["batch_size"] == 8
    assert load_network(folder / "snapshots" / "000000000080.safetensors", "generator")
    assert len(checkpoint.existing(folder)) == checkpoint.KEPT
    config = json.loads((folder / "run.json").read_text())["config"]
    assert "auto" not in json.dumps(config)


def test_interrupted_equals_uninterrupted(
    tiny_run: Callable[..., bool], last_tensors: Callable[[Path], Tensors], tmp_path: Path
) -> None:
    changes = {"controller.enabled": True, "augment.kind": "diffaugment"}
    tiny_run(tmp_path / "whole", changes)
    tiny_run(tmp_path / "parts", changes | {"duration": "72 images"})
    tiny_run(tmp_path / "parts", {"duration": "160 images"}, resume=True)
    assert same(last_tensors(tmp_path / "whole"), last_tensors(tmp_path / "parts"))
    states = [read_value(checkpoint.existing(tmp_path / n)[-1], "checkpoint")["loop"] for n in ("whole", "parts")]
    assert states[0]["step"] == states[1]["step"]


def test_a_damaged_last_line_of_the_log_is_cut_off(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    tiny_run(tmp_path / "run", {"duration": "80 images"})
    with open(tmp_path / "run" / "metrics.jsonl", "a") as file:
        file.write('{"images": 96, "loss_g": 1.0}\n{"images": 1')
    tiny_run(tmp_path / "run", {"duration": "112 images"}, resume=True)
    assert [line["images"] for line in read_metrics(tmp_path / "run")] == [16, 32, 48, 64, 80, 96, 112]


def test_the_estimate_changes_nothing(
    tiny_run: Callable[..., bool], last_tensors: Callable[[Path], Tensors], tmp_path: Path, monkeypatch, capfd
) -> None:
    changes = {"duration": "40 images", "augment.kind": "ada", "augment.speed": 100}
    monkeypatch.setattr("sakuga.training.run._ESTIMATE_FROM", 1)
    tiny_run(tmp_path / "estimated", changes)
    assert "images/s" in capfd.readouterr().err
    monkeypatch.setattr("sakuga.training.run._ESTIMATE_FROM", 10**9)
    tiny_run(tmp_path / "plain", changes)
    assert "40 images of 32x32 from synthetic:64 (64 pictures).\n" in capfd.readouterr().err
    assert same(last_tensors(tmp_path / "estimated"), last_tensors(tmp_path / "plain"))
    states = [read_value(checkpoint.existing(tmp_path / n)[-1], "checkpoint")["loop"] for n in ("estimated", "plain")]
    assert states[0]["step"] == states[1]["step"]


def command(folder: Path, *more: str) -> list[str]:
    options = ["--batch_size", "8", "--generator.channels", "4", "--discriminator.channels", "4"]
    options += ["--data.resolution", "32", "--outputs.checkpoints", "every 3 steps", "--outputs.sheets", "never"]
    start = [sys.executable, "-m", "sakuga", "train"]
    if "--resume" in more:
        return [*start, "--run-dir", str(folder), *more]
    return [*start, "quick64", "--data", "synthetic:64", "--run-dir", str(folder), *options, *more]


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def kill_and_resume(folder: Path, duration: str, kills: int, number: int) -> None:
    arguments = command(folder, "--duration", duration)
    for i in range(kills):
        process = subprocess.Popen(arguments, env=ENVIRONMENT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        seen = len(list(read_metrics(folder)))
        # Once it has begun to train: at a moment that differs from kill to kill.
        while process.poll() is None and time.monotonic() < deadline and len(list(read_metrics(folder))) <= seen:
            time.sleep(0.02)
        time.sleep(0.013 * ((i * 7) % 11))
        if process.poll() is None:
            process.send_signal(number)
        process.wait(60)
        if (folder / "run.json").exists():
            arguments = command(folder, "--resume")
    subprocess.run(arguments, env=ENVIRONMENT, check=True, capture_output=True)


def check_killed(folder: Path, last_tensors: Callable[[Path], Tensors], kills: int, duration: str, number: int) -> None:
    kill_and_resume(folder / "killed", duration, kills, number)
    subprocess.run(command(folder / "whole", "--duration", duration), env=ENVIRONMENT, check=True, capture_output=True)
    assert same(last_tensors(folder / "whole"), last_tensors(folder / "killed"))


def test_killed_and_resumed_ends_bit_identically(last_tensors: Callable[[Path], Tensors], tmp_path: Path) -> None:
    check_killed(tmp_path, last_tensors, 1, "800 images", signal.SIGKILL)


@pytest.mark.slow
def test_killed_twenty_times_ends_bit_identically(last_tensors: Callable[[Path], Tensors], tmp_path: Path) -> None:
    check_killed(tmp_path, last_tensors, 20, "20000 images", signal.SIGKILL)


def test_a_signal_saves_and_leaves(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = subprocess.Popen(
        command(folder, "--duration", "1M images"),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(read_metrics(folder)) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in output
    assert "Traceback" not in errors
    assert checkpoint.existing(folder)
    assert (folder / "model.safetensors").exists()


def test_two_processes_equal_one(last_tensors: Callable[[Path], Tensors], tmp_path: Path) -> None:
    options = ["--duration", "80 images", "--discriminator.norm", "none", "--generator.norm", "none"]
    options += ["--precision", "float32", "--seed", "3"]
    subprocess.run(command(tmp_path / "one", *options), env=ENVIRONMENT, check=True, capture_output=True)
    module = [a for a in command(tmp_path / "two", *options) if a != sys.executable]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *module]
    subprocess.run(torchrun, env=ENVIRONMENT, check=True, capture_output=True)
    one, two = last_tensors(tmp_path / "one"), last_tensors(tmp_path / "two")
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-5, atol=1e-5, msg=name)


def test_refusals_name_the_thing_and_the_remedy(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    tiny_run(folder, {"duration": "40 images"})
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    refusals = {
        "holds a run: add --resume": lambda: tiny_run(folder),
        "holds no run": lambda: tiny_run(tmp_path / "other", resume=True),
        "batch_size cannot change when a run is resumed": lambda: tiny_run(folder, {"batch_size": 16}, resume=True),
        "dcgan96": lambda: tiny_run(tmp_path / "x", name="dcgan9"),
        "optimizer.g.lr": lambda: tiny_run(tmp_path / "x", {"optimizer.g.lrr": 1}),
        "32, 64, 96, 128 pixels, not 48": lambda: tiny_run(tmp_path / "x", {"data.resolution": 48}),
        "--duration 0 images trains nothing: give more than 0": lambda: tiny_run(tmp_path / "x", {"duration": "0"}),
        "--duration 0 epochs": lambda: tiny_run(folder, {"duration": "0 epochs"}, resume=True),
        "--batch_size 514 is too large for the 64 pictures": lambda: tiny_run(tmp_path / "x", {"batch_size": 514}),
        "sizes differ": lambda: tiny_run(tmp_path / "x", {"generator.resolution": 64}),
    }
    for sentence, action in refusals.items():
        with pytest.raises(UserError, match=sentence):
            action()
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"config": {}, "data": {}}', '{"config": {"seed": 1}, "data": {}}'])
def test_a_damaged_record_is_refused(tiny_run: Callable[..., bool], tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        tiny_run(tmp_path, resume=True)


def test_a_file_is_no_run_folder(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="run is a file"):
        tiny_run(tmp_path / "run")


def test_foreign_lines_and_pictures_harm_no_run(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    tiny_run(tmp_path, {"duration": "80 images"})
    (tmp_path / "sheets" / "mine.png").write_bytes(b"")
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('[1]\n{"images": "many"}\n')
    assert tiny_run(tmp_path, {"duration": "96 images"}, resume=True)
    assert [line["images"] for line in read_metrics(tmp_path)] == [16, 32, 48, 64, 80, 96]


def test_a_run_with_a_table_of_labels_resumes_from_any_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces").mkdir()
    lines = ["file,hair"]
    for i, image in enumerate(open_dataset("synthetic:16", 32).images):
        Image.fromarray(image).save(tmp_path / "faces" / f"{i}.png")
        lines.append(f"{i}.png,{'red' if i % 2 else 'blue'}")
    (tmp_path / "hair.csv").write_text("\n".join(lines))
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    small = {
        "batch_size": 8,
        "data.resolution": 32,
        "generator.channels": 4,
        "discriminator.channels": 4,
        "duration": "8 images",
    }
    assert train("quick64", "faces", run, changes=small, labels="hair.csv", device="cpu")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert train(None, None, run, changes={"duration": "16 images"}, resume=True, device="cpu")
    (tmp_path / "faces").rename("moved")
    with pytest.raises(
        UserError, match=r"There is no .*/faces, with which the run .* give --data PATH and --labels FILE"
    ):
        train(None, None, run, changes={"duration": "24 images"}, resume=True, device="cpu")
    labels = str(tmp_path / "hair.csv")
    assert train(None, "moved", run, changes={"duration": "24 images"}, labels=labels, resume=True, device="cpu")
    monkeypatch.chdir(tmp_path)
    assert train(None, None, run, changes={"duration": "32 images"}, resume=True, device="cpu")


def test_a_run_that_starts_from_a_model_begins_again_from_any_folder(
    tiny_run: Callable[..., bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_run(Path("first"), {"duration": "8 images"})
    begun = {"init.generator": "first", "duration": "8 images"}
    tiny_run(tmp_path / "run", begun)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["config"]["init"]["generator"] == str(tmp_path / "first")
    assert tiny_run(tmp_path / "run", begun | {"duration": "16 images"}, resume=True)
    for path in checkpoint.existing(tmp_path / "run"):  # as if it had been killed before the first one
        path.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tiny_run(tmp_path / "run", resume=True)


def test_another_number_of_processes_is_refused(
    tiny_run: Callable[..., bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    tiny_run(run, {"duration": "8 images"})
    before = (run / "run.json").read_bytes()
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    with pytest.raises(UserError, match="number of processes, which was 1 and is 2 now: resume it with as many"):
        tiny_run(run, {"duration": "16 images"}, resume=True)
    assert (run / "run.json").read_bytes() == before


def test_a_truncated_checkpoint_is_refused(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    tiny_run(tmp_path / "run", {"duration": "40 images"})
    path = checkpoint.existing(tmp_path / "run")[-1]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"no intact safetensors file"):
        tiny_run(tmp_path / "run", {"duration": "80 images"}, resume=True)


def test_the_checkpoint_before_a_damaged_one_is_named(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    run = tmp_path / "run"
    tiny_run(run, {"duration": "80 images"})
    older, newest = checkpoint.existing(run)
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.raises(UserError, match=rf"Or move {newest.name} elsewhere to go on from .* {older.name}\."):
        tiny_run(run, {"duration": "96 images"}, resume=True)
    newest.rename(tmp_path / newest.name)
    assert tiny_run(run, {"duration": "96 images"}, resume=True)


def test_what_the_board_showed_stays_when_a_run_goes_on(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tiny_run(tmp_path, {"duration": "80 images"})
    tiny_run(tmp_path, {"duration": "112 images"}, resume=True)
    board = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [event.step for event in board.Scalars("loss_g")] == [16, 32, 48, 64, 80, 96, 112]


def test_a_score_is_told_of_no_later_weights(
    tiny_config: Callable[..., TrainConfig], faces, tmp_path: Path, monkeypatch
) -> None:
    config = tiny_config({"outputs.snapshots": "every 3 steps", "duration": "48 images"})
    run = Run(config, faces, tmp_path, torch.device("cpu"), {})
    for images in run.rounds():
        if images == 16:
            run.scores = {"efficientnet_frechet": 1.0}
            outputs.write_model(tmp_path / "now.safetensors", run.loop, run.scores)
    assert read_header(tmp_path / "now.safetensors").scores == {"efficientnet_frechet": 1.0}
    assert read_header(tmp_path / "snapshots" / "000000000024.safetensors").scores == {}
    assert read_header(tmp_path / "model.safetensors").scores == {}


def test_a_run_can_start_from_given_weights(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    tiny_run(tmp_path / "first", {"duration": "40 images"})
    model = str(tmp_path / "first" / "model.safetensors")
    tiny_run(tmp_path / "second", {"init.generator": model, "duration": "8 images", "optimizer.g.lr": 1e-9})
    first, second = (load_network(tmp_path / n / "model.safetensors", "generator") for n in ("first", "second"))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
    told = read_header(tmp_path / "second" / "model.safetensors").provenance["config"]["init"]
    assert told == {"generator": "model.safetensors", "discriminator": None, "base": None}
    with pytest.raises(UserError, match="another architecture"):
        tiny_run(tmp_path / "third", {"init.generator": model, "generator.channels": 8})


def test_given_weights_are_named_as_everywhere(
    tiny_run: Callable[..., bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_run(tmp_path / "first", {"duration": "8 images"})
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "tiny.safetensors").write_bytes((tmp_path / "first" / "model.safetensors").read_bytes())
    monkeypatch.setattr(zoo, "_FOLDER", tmp_path / "zoo")
    first = load_network(tmp_path / "first" / "model.safetensors", "generator")
    for name in ("tiny", str(tmp_path / "first")):
        run = tmp_path / Path(name).name.replace("first", "from a run")
        tiny_run(run, {"init.generator": name, "duration": "8 images", "optimizer.g.lr": 1e-9})
        for a, b in zip(
            first.parameters(), load_network(run / "model.safetensors", "generator").parameters(), strict=True
        ):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
    with pytest.raises(UserError, match="No model 'tinny': did you mean 'tiny'"):
        tiny_run(tmp_path / "third", {"init.generator": "tinny"})


def test_a_full_disk_is_one_sentence_and_costs_no_older_checkpoint(
    tiny_run: Callable[..., bool], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    tiny_run(folder, {"duration": "40 images"})
    before = {path: path.read_bytes() for path in checkpoint.existing(folder)}
    # A limit on the size of files fails in the same place as a full disk.
    limit = max(len(data) for data in before.values()) // 2
    program = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
        f"from sakuga.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["train", "--resume", "--run-dir", str(folder), "--duration", "80 images"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("sakuga: ") and "space" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in checkpoint.existing(folder)} == before
    tiny_run(folder, {"duration": "80 images"}, resume=True)
    assert not list(folder.rglob("*.part"))


def test_the_callers_random_numbers_go_on_as_if_nothing_had_happened(tiny_run: Callable[..., bool], tmp_path: Path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    tiny_run(tmp_path / "run", {"duration": "16 images"})
    assert torch.equal(torch.rand(3), expected)


def test_a_run_that_goes_on_records_where(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    tiny_run(tmp_path, {"duration": "8 images", "threads": 1})
    record = json.loads((tmp_path / "run.json").read_text())
    written = {**record, "environment": record["environment"] | {"torch": "another", "threads": 9}}
    (tmp_path / "run.json").write_text(json.dumps(written))
    tiny_run(tmp_path, {"threads": "auto"}, resume=True)
    assert json.loads((tmp_path / "run.json").read_text()) == record
    assert "another" not in (tmp_path / "report.html").read_text().split("Machine")[1]


def test_the_caller_keeps_its_threads(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    before = torch.get_num_threads()
    tiny_run(tmp_path / "run", {"duration": "8 images", "threads": before + 1})
    assert torch.get_num_threads() == before


def test_too_many_threads_are_refused(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--threads 100000 is too many"):
        tiny_run(tmp_path / "run", {"threads": 100_000})
    assert not (tmp_path / "run").exists()


def test_a_breakdown_speaks_only_of_what_there_is(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    with pytest.raises(NotFinite, match=r"at 0 images: .* lower --optimizer\.g\.lr and --optimizer\.d\.lr\.$"):
        tiny_run(tmp_path / "early", {"optimizer.d.lr": 1e30, "optimizer.g.lr": 1e30, "duration": "80 images"})
    later = {"optimizer.g.lr": 1e30, "precision": "bfloat16", "duration": "80 images"}
    often = {"outputs.checkpoints": "every 1 steps"}
    with pytest.raises(NotFinite, match=r"or use --precision float32\. The last checkpoint is intact\.$"):
        tiny_run(tmp_path / "late", later | often)


def test_a_model_that_is_not_finite_is_no_result(tiny_run: Callable[..., bool], tmp_path: Path) -> None:
    with pytest.raises(NotFinite, match="the generator has weights or statistics that are not finite"):
        tiny_run(tmp_path, {"optimizer.g.lr": 1e9, "duration": "200 images"})
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_of_either_kind_stops_at_once(second: signal.Signals) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with _interruptible() as received:
        assert signal.getsignal(second) != before[second]
        signal.raise_signal(signal.SIGTERM)
        assert received == [signal.SIGTERM]
        assert signal.getsignal(second) == before[second]
