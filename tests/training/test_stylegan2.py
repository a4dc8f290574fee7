"""StyleGAN2 in training: style mixing, the mean w, transfer from a finished model, several processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import sakuga
from sakuga.core.tensorfile import read_tensors
from sakuga.training import checkpoint
from sakuga.training.fakes import Fakes
from sakuga.training.loop import Loop
from sakuga.training.start import train

RECIPE = "stylegan2-64-cpu"
NETWORKS = {"channels": 64, "max_channels": 8, "mapping_layers": 2}
TINY: dict[str, Any] = {f"{side}.{name}": n for side in ("generator", "discriminator") for name, n in NETWORKS.items()}
TINY |= {"generator.w_dim": 8, "path_length.every": 2, "penalty.every": 2, "precision": "float32", "threads": 1}


@pytest.fixture
def loop(tiny_loop: Callable[..., Loop]) -> Loop:
    return tiny_loop(TINY, name=RECIPE)


def test_mixed_fakes_have_two_ws_and_the_others_one(loop: Loop) -> None:
    ws = loop.step.fakes.ws(0, 64)
    later = (ws[:, 1:] != ws[:, :1]).any(2)
    mixed = later.any(1).float().mean()
    assert 0.7 < mixed < 1.0
    # Once the other w has begun it stays.
    assert (later.int().diff(dim=1) >= 0).all()
    assert torch.equal(ws, loop.step.fakes.ws(0, 64))


def test_without_mixing_all_layers_have_the_w_of_their_z(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop(TINY | {"style_mixing": 0}, name=RECIPE)
    fakes: Fakes = loop.step.fakes
    ws = loop.step.generator.mapping(fakes.z(0, 16), fakes.labels(0, 16))
    assert torch.equal(fakes.ws(0, 16), ws)
    assert torch.equal(ws, ws[:, :1].expand_as(ws))


def test_the_mean_w_moves_in_training_and_not_when_pictures_are_drawn(loop: Loop) -> None:
    before = loop.step.generator.w_avg.clone()
    loop.run_round()
    assert (loop.step.generator.w_avg != before).any()
    averaged = loop.averaged()
    before = averaged.w_avg.clone()
    averaged(torch.randn(4, averaged.z_dim))
    assert torch.equal(averaged.w_avg, before)


def test_noise_is_learned_from_its_start_on(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop(TINY | {"noise_start": "3 steps"}, name=RECIPE)

    def strengths() -> list[float]:
        return [float(layer.noise_strength.detach()) for layer in loop.step.generator.synthesis_network.convolutions]

    for _ in range(3):
        loop.run_round()
    assert not any(strengths())
    loop.run_round()
    # Adam's first step with a parameter is its learning rate, however many the others have taken.
    found, lr = strengths(), loop.optimizers["g"].lr
    assert [abs(strength) for strength in found] == pytest.approx([lr] * len(found), rel=1e-3)


def test_a_handful_of_pictures_goes_on_from_a_finished_model(tmp_path: Path) -> None:
    small = TINY | {"data.resolution": 32, "batch_size": 4, "outputs.sheet_size": 4, "outputs.snapshots": "never"}
    first, second = tmp_path / "first", tmp_path / "second"
    assert train(RECIPE, "synthetic:16", first, changes=small | {"duration": "16 images"}, device="cpu")
    changes = small | {"duration": "8 images", "freeze_d": 3, "augment.kind": "ada"}
    changes |= {"init.generator": str(first), "init.discriminator": str(first)}
    assert train(RECIPE, "synthetic:16", second, changes=changes, device="cpu")
    one, two = (read_tensors(run / "model.safetensors", "model file", "discriminator.") for run in (first, second))
    kept = {name for name in one if torch.equal(one[name], two[name])}
    assert kept == {f"b32.{layer}.{part}" for layer in ("fromrgb", "conv0", "conv1") for part in ("weight", "bias")}


def command(folder: Path, *options: str) -> list[str]:
    changes = TINY | {"data.resolution": 32, "batch_size": 4, "outputs.sheet_size": 4, "outputs.snapshots": "never"}
    words = [word for name, value in changes.items() for word in (f"--{name}", str(value))]
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "sakuga", "train"]
    return [sys.executable, *run, RECIPE, "--data", "synthetic:16", "--run-dir", str(folder), *words, *options]


@pytest.mark.slow
def test_two_processes_train_all_phases_and_resume_exactly(tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}

    def run(words: list[str]) -> None:
        subprocess.run(words, env=environment, check=True, capture_output=True)

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(command(whole, "--duration", "32 images"))
    run(command(parts, "--duration", "12 images"))
    run(command(parts, "--duration", "32 images", "--resume"))
    one, two = (read_tensors(checkpoint.existing(run)[-1], "checkpoint") for run in (whole, parts))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert sakuga.load(whole).generate([0])[0].size == (32, 32)
