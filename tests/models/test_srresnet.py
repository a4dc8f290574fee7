import pytest
import torch
from torch import nn

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.models import AuxiliaryHeadConfig, SrresnetDiscriminatorConfig, SrresnetGeneratorConfig
from sakuga.models.registry import build
from sakuga.models.srresnet import NormedBlock, PlainBlock

TAGS = LabelSchema(attributes=tuple(Attribute(name=f"tag{i}", values=("no", "yes")) for i in range(17)))
NO_TAGS = LabelSchema()


def on_meta(config, schema=NO_TAGS):
    with torch.device("meta"):
        return build(config, schema)


def count(network) -> int:
    return sum(p.numel() for p in network.parameters())


def maps(network, source, *labels, of=(nn.Conv2d, nn.PixelShuffle)) -> list[tuple[int, int]]:
    """Returns the channels and the side of what each layer gives."""
    found = []
    for module in network.modules():
        if isinstance(module, of):
            module.register_forward_hook(lambda module, args, out: found.append((out.shape[1], out.shape[2])))
    network(source, *labels)
    return found


def test_the_generator_has_the_published_layers():
    g = on_meta(SrresnetGeneratorConfig(resolution=128), TAGS)
    labels = torch.zeros(2, 17, dtype=torch.int64, device="meta")
    shapes = maps(g, torch.empty(2, 128, device="meta"), labels)
    assert shapes[:32] == [(64, 16)] * 32  # 16 blocks of two convolutions
    assert shapes[32:] == [(256, 16), (64, 32), (256, 32), (64, 64), (256, 64), (64, 128), (3, 128)]
    # The paper's 34 attributes, 128 + 34 inputs; no bias where a norm follows.
    first = (128 + 34) * 64 * 16 * 16
    convolutions = 16 * 2 * 64 * 64 * 9 + 3 * 64 * 256 * 9 + 64 * 3 * 81 + 3
    norms = 2 * 64 * (1 + 16 * 2 + 1 + 3)
    assert count(g) == first + convolutions + norms


def test_the_discriminator_has_the_published_layers():
    d = on_meta(SrresnetDiscriminatorConfig(resolution=128, head=AuxiliaryHeadConfig()), TAGS)
    x = torch.empty(2, 3, 128, 128, device="meta")
    stages = [(32, 64), (64, 32), (128, 16), (256, 8), (512, 4)]
    expected = [shape for shape in stages for _ in range(5)] + [(1024, 2), (1, 1)]
    assert maps(d, x, of=nn.Conv2d) == expected
    assert sum(isinstance(m, PlainBlock) for m in d.modules()) == 10
    assert not any(isinstance(m, nn.BatchNorm2d | nn.GroupNorm) for m in d.modules())
    widths = [3, 32, 64, 128, 256, 512, 1024]
    kernels = [4, 4, 4, 3, 3, 3]
    strided = sum(a * b * k * k + b for a, b, k in zip(widths, widths[1:], kernels, strict=False))
    blocks = sum(2 * 2 * (w * w * 9 + w) for w in widths[1:-1])
    assert count(d) == strided + blocks + (1024 * 4 + 1) * (1 + 34)


@pytest.mark.parametrize(("resolution", "side", "last"), [(32, 4, 2), (64, 8, 2), (96, 12, 3), (128, 16, 2)])
def test_other_sizes_have_maps_of_an_eighth_and_end_at_two_pixels(resolution, side, last):
    g, d = (
        on_meta(kind(resolution=resolution, channels=2))
        for kind in (SrresnetGeneratorConfig, SrresnetDiscriminatorConfig)
    )
    assert maps(g, torch.empty(1, 128, device="meta"))[0] == (2, side)
    assert maps(d, torch.empty(1, 3, resolution, resolution, device="meta"))[-2][1] == last


def test_a_block_of_the_generator_is_a_sum():
    block, x = NormedBlock(4), torch.randn(2, 4, 5, 5)
    with torch.no_grad():
        block.layers[-1].weight.zero_()
    torch.testing.assert_close(block(x), x)


def test_a_block_of_the_discriminator_ends_in_leaky_relu():
    block, x = PlainBlock(2, "none"), torch.randn(2, 2, 5, 5)
    with torch.no_grad():
        block.conv2.weight.zero_()
        block.conv2.bias.zero_()
    torch.testing.assert_close(block(x), torch.where(x > 0, x, 0.2 * x))
