import math

import pytest
import torch
from torch import nn

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.models import ProjectionHeadConfig, SnganDiscriminatorConfig, SnganGeneratorConfig
from sakuga.models.registry import build, build_generator
from sakuga.models.sngan import ConditionalNorm, DownBlock

HAIR = LabelSchema(attributes=(Attribute(name="hair", values=("aqua", "red")),))


def on_meta(config):
    with torch.device("meta"):
        return build(config, LabelSchema())


def count(network) -> int:
    return sum(p.numel() for p in network.parameters())


def blocks_of(network, source) -> list[tuple[int, int]]:
    found = []
    for block in network.blocks:
        block.register_forward_hook(lambda module, args, out: found.append((out.shape[1], out.shape[2])))
    network(source)
    return found


def test_the_generators_have_the_published_blocks():
    z, narrow = torch.zeros(2, 128), {}
    for size in (32, 64, 128):
        narrow[size] = blocks_of(build(SnganGeneratorConfig(resolution=size, channels=1), LabelSchema()), z)
    assert narrow == {  # of 64 times as many channels
        32: [(4, 8), (4, 16), (4, 32)],
        64: [(8, 8), (4, 16), (2, 32), (1, 64)],
        128: [(16, 8), (8, 16), (4, 32), (2, 64), (1, 128)],
    }


def test_the_discriminators_have_the_published_blocks():
    narrow = {}
    for size in (32, 64, 128):
        network = build(SnganDiscriminatorConfig(resolution=size, channels=1), LabelSchema())
        narrow[size] = blocks_of(network, torch.zeros(1, 3, size, size))
    assert narrow == {  # of 64 times as many channels
        32: [(2, 16), (2, 8), (2, 8), (2, 8)],
        64: [(1, 32), (2, 16), (4, 8), (8, 4), (16, 2)],
        128: [(1, 64), (2, 32), (4, 16), (8, 8), (16, 4), (16, 4)],
    }


def test_the_published_width_has_the_published_parameters():
    g32, g64, g128 = (on_meta(SnganGeneratorConfig(resolution=size)) for size in (32, 64, 128))
    assert count(g32) == 4_276_739  # as reported for the CIFAR-10 model of table 4
    # 128 pixels have one block more, of 1024 channels: two 3x3 convolutions, a 1x1 one, two norms.
    assert count(g128) - count(g64) == 2 * (1024 * 1024 * 9 + 1024) + 1024 * 1024 + 1024 + 2 * 2 * 1024
    d32, d64, d128 = (on_meta(SnganDiscriminatorConfig(resolution=size, norm="none")) for size in (32, 64, 128))
    conv, first, shortcuts = 128 * 128 * 9 + 128, 3 * 128 * 9 + 128, 3 * 128 + 128 + 128 * 128 + 128
    assert count(d32) == first + 7 * conv + shortcuts + 128 + 1
    assert count(d128) - count(d64) == 2 * (1024 * 1024 * 9 + 1024), "a block that does not halve needs no shortcut"


def test_weights_start_as_the_paper_says():
    g = build(SnganGeneratorConfig(resolution=64, channels=8), LabelSchema())
    bound = math.sqrt(2) * math.sqrt(6 / (9 * (128 + 64)))
    weight = g.blocks[0].conv1.weight
    assert weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert g.first.weight.abs().max().item() == pytest.approx(math.sqrt(6 / (128 + 16 * 128)), rel=1e-3)
    assert all(not m.bias.any() for m in g.modules() if isinstance(m, nn.Conv2d | nn.Linear))


def test_a_block_halves_as_the_average_of_its_two_ways():
    block, x = DownBlock(3, 5, "none", first=False, halves=True), torch.randn(2, 3, 8, 8)
    way = block.conv2(torch.relu(block.conv1(torch.relu(x)))) + block.shortcut(x)
    torch.testing.assert_close(block(x), nn.functional.avg_pool2d(way, 2))


def test_labels_set_gain_and_bias_of_a_conditional_norm():
    norm, x = ConditionalNorm(2, 3).eval(), torch.randn(3, 2, 4, 4)
    weight = norm.shift.weight  # [gain 0, gain 1, bias 0, bias 1] x values
    with torch.no_grad():
        weight.copy_(torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, 0, 3], [0, 0, 0]]))
    plain, out = norm.norm(x), norm(x, torch.eye(3))
    torch.testing.assert_close(out[0], plain[0] * torch.tensor([2.0, 1])[:, None, None])
    torch.testing.assert_close(out[1], plain[1] * torch.tensor([1.0, 3])[:, None, None])
    torch.testing.assert_close(out[2], plain[2] + torch.tensor([3.0, 0])[:, None, None])


def test_between_two_labels_there_are_pictures_between():
    g = build_generator(SnganGeneratorConfig(resolution=32, z_dim=8, channels=4), HAIR).eval()
    with torch.no_grad():
        ws = g.mapping(torch.randn(1, 8).expand(2, -1), torch.tensor([[0], [1]]))
        aqua, half, red = g.synthesis(torch.stack([ws[0], ws.mean(0), ws[1]]))
    assert (half - aqua).abs().mean() < (red - aqua).abs().mean()
    assert (half - red).abs().mean() < (red - aqua).abs().mean()


def test_spectral_normalization_bounds_the_slope():
    # Eight convolutions of slope 1, shortcuts and sums: the slope of D is bounded, however large the weights are.
    d = build(SnganDiscriminatorConfig(resolution=32, channels=4, head=ProjectionHeadConfig()), HAIR)
    images, labels = torch.rand(4, 3, 32, 32) * 2 - 1, torch.tensor([[0], [1], [0], [-1]])
    before = d.eval()(images, labels).logits
    with torch.no_grad():
        for name, parameter in d.named_parameters():
            if name.endswith("original"):
                parameter *= 10
    torch.testing.assert_close(d(images, labels).logits, before, atol=1e-4, rtol=1e-4)
