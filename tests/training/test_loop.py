"""The loop against the same updates written out by hand."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sakuga.core.latents import z_of_seeds
from sakuga.training.health import NotFinite
from sakuga.training.loop import Loop


def flat(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1).clone() for p in network.parameters()])


def test_a_round_is_the_plain_dcgan_update(tiny_loop: Callable[..., Loop], faces) -> None:
    plain = {"penalty.kind": "none", "data.flip": False}
    loop, twin = tiny_loop(plain), tiny_loop(plain)
    generator, discriminator = twin.step.generator, twin.step.discriminator
    adam = {n: torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.99)) for n, net in twin.step.optimized.items()}
    for i in range(3):
        loop.run_round()
        images = i * 8
        real = twin.dataset.batch(np.arange(images, images + 8), 0).images
        fake = generator(twin.step.fakes.z(images, 8))
        for net in (generator, discriminator):
            net.zero_grad()
        F.softplus(-discriminator(real).logits).mean().backward()
        F.softplus(discriminator(fake.detach()).logits).mean().backward()
        adam["d"].step()
        generator.zero_grad()
        F.softplus(-discriminator(fake).logits).mean().backward()
        adam["g"].step()
    for name in ("g", "d"):
        torch.testing.assert_close(
            flat(loop.step.optimized[name]), flat(twin.step.optimized[name]), rtol=1e-4, atol=1e-6
        )


def test_each_side_moves_only_at_its_ratio(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop({"ratio.d_every": 2, "ratio.g_every": 3, "penalty.kind": "none"})
    moved = []
    for _ in range(6):
        before = {name: flat(net) for name, net in loop.step.optimized.items()}
        loop.run_round()
        moved.append({name for name, net in loop.step.optimized.items() if not torch.equal(before[name], flat(net))})
    assert moved == [{"d", "g"}, set(), {"d"}, {"g"}, {"d"}, set()]


def test_joint_batches_share_the_statistics_of_batch_norm(tiny_loop: Callable[..., Loop]) -> None:
    joint, separate = tiny_loop({"real_fake_batches": "joint"}), tiny_loop()
    joint.run_round()
    separate.run_round()
    counters = [n for n in joint.step.discriminator.state_dict() if n.endswith("num_batches_tracked")]
    assert counters
    for name in counters:
        # D's own passes, then G's, then the penalty's.
        assert joint.step.discriminator.state_dict()[name] == 3
        assert separate.step.discriminator.state_dict()[name] == 4
    assert "loss_d" in joint.meters.read()


def test_a_lazy_penalty_corrects_learning_rate_and_betas(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop({"penalty.every": 4})
    assert loop.optimizers["d"].lr == pytest.approx(2e-4 * 0.8)
    assert loop.optimizers["d"].adam.defaults["betas"] == pytest.approx((0.5**0.8, 0.99**0.8))
    assert loop.optimizers["g"].lr == 2e-4


def test_not_a_number_stops_before_a_weight_is_touched(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop()
    loop.run_round()
    with torch.no_grad():
        loop.step.discriminator.verdict.bias.fill_(float("nan"))  # type: ignore[union-attr]
    before = flat(loop.step.generator)
    with pytest.raises(NotFinite, match="not finite"):
        loop.run_round()
    assert torch.equal(before, flat(loop.step.generator))


def test_the_average_follows_with_its_half_life(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop({"ema.half_life": "16 images", "ema.ramp_up": 1000.0})
    start = flat(loop.ema.network)
    loop.run_round()
    expected = start + (flat(loop.step.generator) - start) * (1 - 0.5 ** (8 / 16))
    torch.testing.assert_close(flat(loop.ema.network), expected)


def test_rounds_depend_on_the_seed(tiny_loop: Callable[..., Loop]) -> None:
    loops = [tiny_loop({"seed": seed}) for seed in (1, 1, 2)]
    for loop in loops:
        loop.run_round()
    first, same, other = (flat(loop.step.generator) for loop in loops)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_g_learns_to_make_the_color_of_the_data(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop({"optimizer.g.lr": 2e-3, "optimizer.d.lr": 2e-3})
    goal = torch.from_numpy(loop.dataset.images[:].astype(np.float32)).mean((0, 1, 2)) / 127.5 - 1

    def distance() -> float:
        with torch.no_grad():
            return float((loop.step.generator(loop.step.fakes.z(0, 8)).mean((0, 2, 3)) - goal).abs().mean())

    before = distance()
    for _ in range(150):
        loop.run_round()
    assert distance() < before / 2


def test_the_average_is_shown_with_norm_statistics_of_its_own(tiny_loop):
    loop = tiny_loop()
    for _ in range(4):
        loop.run_round()
    kept = {name: tensor.clone() for name, tensor in loop.tensors().items()}
    shown = loop.averaged()
    assert not shown.training
    seen: list[torch.Tensor] = []
    norms = [module for module in shown.modules() if isinstance(module, nn.BatchNorm2d)]
    norms[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    z = torch.from_numpy(z_of_seeds(range(1024), loop.step.generator.z_dim))
    with torch.no_grad():
        shown(z)
    torch.testing.assert_close(norms[0].running_mean, seen[0].mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
    theirs = next(m for m in loop.ema.network.modules() if isinstance(m, nn.BatchNorm2d))
    assert not torch.equal(norms[0].running_mean, theirs.running_mean)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in loop.tensors().items())


def test_a_restored_loop_shows_the_restored_average(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop()
    shown = flat(loop.averaged())
    with torch.no_grad():
        for tensor in loop.ema.network.parameters():
            tensor.add_(1)
    loop.load_state(loop.state())
    torch.testing.assert_close(flat(loop.averaged()), shown + 1)


_STOPPING = """
import sys
import torch
from sakuga.configs.patch import patch
from sakuga.core import distributed
from sakuga.data.dataset import open_dataset
from sakuga.recipes import recipe
from sakuga.training.loop import Loop
from sakuga.training.resolve import resolve
distributed.start(torch.device("cpu"))
changes = {"generator.channels": 4, "discriminator.channels": 4, "batch_size": 8}
changes |= {"ratio.d_every": 2, "ratio.g_every": 3, "generator.norm": "none", "discriminator.norm": "none"}
config = resolve(patch(recipe("quick64"), changes), 32, torch.device("cpu"))
loop, round = Loop(config, open_dataset("synthetic:16", 32), torch.device("cpu")), 0
while not loop.run_round(distributed.rank() == 0 and round == 1):
    round += 1
rounds = [torch.zeros(1) for _ in range(2)]
torch.distributed.all_gather(rounds, torch.tensor([float(round)]))
if distributed.rank() == 0:
    print([int(r) for r in rounds])
distributed.barrier()
distributed.stop()
"""


def test_processes_stop_together_in_a_round_without_a_phase(said_by_two_processes: Callable[[str], str]) -> None:
    assert said_by_two_processes(_STOPPING).strip() == "[1, 1]"
