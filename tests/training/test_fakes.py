"""What G makes in training, path lengths, frozen layers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from sakuga.configs.losses import PathLengthConfig
from sakuga.configs.patch import patch
from sakuga.core.errors import UserError
from sakuga.recipes import recipe
from sakuga.training.freeze import freeze
from sakuga.training.loop import Loop
from sakuga.training.path_length import PathLength
from sakuga.training.resolve import check, resolve

STYLEGAN2 = (
    {"generator.kind": "stylegan2", "discriminator.kind": "stylegan2"}
    | {
        f"{side}.{name}": value
        for side in ("generator", "discriminator")
        for name, value in {"channels": 128, "max_channels": 8, "mapping_layers": 2}.items()
    }
    | {"generator.z_dim": 8, "generator.w_dim": 8}
)


def test_the_running_mean_follows_the_lengths_and_the_penalty_is_their_distance() -> None:
    paths = PathLength(PathLengthConfig(weight=2.0, decay=0.25), torch.device("cpu"))
    value = paths.loss(torch.tensor([4.0, 8.0]))
    assert float(paths.mean) == 1.5
    assert float(value) == 2 * (2.5**2 + 6.5**2) / 2
    other = PathLength(PathLengthConfig(weight=2.0, decay=0.25), torch.device("cpu"))
    other.load_state(paths.state())
    assert float(other.mean) == 1.5


def test_a_dcgan_learns_from_its_path_lengths(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop({"path_length.weight": 2.0, "path_length.every": 1})
    assert [phase.name for phase in loop.step.phases][-1] == "g_path"
    before = [p.detach().clone() for p in loop.step.generator.parameters()]
    loop.run_round()
    assert any((a != b).any() for a, b in zip(before, loop.step.generator.parameters(), strict=True))
    assert loop.step.state()["path_length"]["mean"] > 0


@pytest.mark.parametrize("game", [{}, {"loss.kind": "wasserstein", "loss.clip": 1e-3, "penalty.kind": "none"}])
def test_a_frozen_layer_keeps_its_weights(tiny_loop: Callable[..., Loop], game: dict[str, Any]) -> None:
    loop = tiny_loop({"freeze_d": 2, "init.discriminator": "faces64"} | game)
    names = [name for name, p in loop.step.discriminator.named_parameters() if not p.requires_grad]
    assert names == ["layers.0.weight", "layers.0.bias", "layers.2.weight"]
    before = {name: p.detach().clone() for name, p in loop.step.discriminator.named_parameters()}
    loop.run_round()
    moved = {n for n, p in loop.step.discriminator.named_parameters() if (p != before[n]).any()}
    # The Wasserstein estimate is a difference, in which the last bias cancels.
    assert moved | {"verdict.bias"} == before.keys() - set(names)


def test_freezing_reaches_weights_under_spectral_norm_and_never_all(tiny_loop: Callable[..., Loop]) -> None:
    network = tiny_loop({"discriminator.norm": "spectral"}).step.discriminator
    freeze(network, 1)
    frozen = {n for n, p in network.named_parameters() if not p.requires_grad}
    assert frozen == {"layers.0.bias", "layers.0.parametrizations.weight.original"}
    with pytest.raises(UserError, match=r"--freeze_d 99 leaves D nothing to learn: it has \d+ layers"):
        freeze(network, 99)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"freeze_d": 1}, "keeps layers of a finished D"),
        ({"style_mixing": 0.9}, "has one for all"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check(patch(recipe("quick64"), changes))


def test_gamma_goes_by_size_and_batch() -> None:
    config = patch(recipe("quick64"), {"penalty.weight": "auto", "batch_size": 32})
    assert resolve(config, 64, torch.device("cpu")).penalty.weight == pytest.approx(0.0002 * 64**2 / 32)
