import pytest
import torch

from sakuga.configs.labels import LabelSchema
from sakuga.configs.models import DcganDiscriminatorConfig, DcganGeneratorConfig
from sakuga.models.registry import build


def on_meta(config):
    with torch.device("meta"):
        return build(config, LabelSchema())


def count(network) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_96_pixel_nets_have_the_published_layers():
    # Chen Yun's NetG and NetD, whose convolutions have no bias at all: ours have one where no norm follows.
    g, d = on_meta(DcganGeneratorConfig(resolution=96)), on_meta(DcganDiscriminatorConfig(resolution=96))
    norms = 2 * (512 + 256 + 128 + 64)
    g_layers = 100 * 512 * 16 + 512 * 256 * 16 + 256 * 128 * 16 + 128 * 64 * 16 + 64 * 3 * 25
    assert count(g) == g_layers + norms + 3
    assert (
        count(d) == 3 * 64 * 25 + 64 * 128 * 16 + 128 * 256 * 16 + 256 * 512 * 16 + 512 * 16 + norms - 2 * 64 + 64 + 1
    )


def test_the_96_pixel_nets_have_the_published_maps():
    g, d = on_meta(DcganGeneratorConfig(resolution=96)), on_meta(DcganDiscriminatorConfig(resolution=96))
    assert maps(g, torch.empty(1, 100, device="meta")) == [(512, 4), (256, 8), (128, 16), (64, 32), (3, 96)]
    assert maps(d, torch.empty(1, 3, 96, 96, device="meta")) == [(64, 32), (128, 16), (256, 8), (512, 4), (1, 1)]


@pytest.mark.parametrize(
    ("resolution", "sides"), [(32, [4, 8, 16, 32]), (64, [4, 8, 16, 32, 64]), (128, [4, 8, 16, 32, 64, 128])]
)
def test_other_sizes_double_from_4_pixels(resolution, sides):
    g, d = (
        on_meta(DcganGeneratorConfig(resolution=resolution)),
        on_meta(DcganDiscriminatorConfig(resolution=resolution)),
    )
    widths = [64 * 2**i for i in range(len(sides) - 1)]
    assert maps(g, torch.empty(1, 100, device="meta")) == list(zip([*widths[::-1], 3], sides, strict=True))
    judged = maps(d, torch.empty(1, 3, resolution, resolution, device="meta"))
    assert judged == [*zip(widths, sides[-2::-1], strict=True), (1, 1)]


def maps(network, source) -> list[tuple[int, int]]:
    """Returns the channels and the side of what each convolution gives."""
    found = []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.register_forward_hook(lambda module, args, out: found.append((out.shape[1], out.shape[2])))
    network(source)
    return found
