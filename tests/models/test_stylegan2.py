import copy
import itertools
import math

import numpy as np
import pytest
import torch

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.models import ProjectionHeadConfig, Stylegan2DiscriminatorConfig, Stylegan2GeneratorConfig
from sakuga.core.errors import UserError
from sakuga.core.layers import MinibatchStd
from sakuga.models.registry import build, build_discriminator, build_generator
from sakuga.models.stylegan2 import Stylegan2Discriminator, Stylegan2Generator
from sakuga.models.stylegan2_layers import Convolution, FullyConnected, StyledConvolution

TINY = {"resolution": 32, "channels": 128, "max_channels": 8}
G = Stylegan2GeneratorConfig(**TINY, z_dim=8, w_dim=8, mapping_layers=2)
D = Stylegan2DiscriminatorConfig(**TINY)
COLORS = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("aqua", "blonde", "red")),
        Attribute(name="eyes", values=("red", "green")),
    )
)


def changed(config, **values):
    return type(config).model_validate({**config.model_dump(), **values})


def tiny_generator(**values) -> Stylegan2Generator:
    network = build_generator(changed(G, **values), LabelSchema())
    assert isinstance(network, Stylegan2Generator)
    return network


def noisy(network: torch.nn.Module) -> torch.nn.Module:
    """Gives all that starts from 0 a random value."""
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.3)
    return network


class Reference:
    """The numbers of the reference implementation for one of its two networks."""

    def __init__(self, path, kind):
        with np.load(path) as data:
            self.tensors = {n[len(kind) + 1 :]: torch.from_numpy(data[n]) for n in data if n.startswith(kind)}
        size = {"resolution": 32, "channels": 512, "max_channels": 64}
        config = Stylegan2GeneratorConfig(**size, z_dim=64, w_dim=64, mapping_layers=3)
        conditional = kind == "cond"
        head = {"head": ProjectionHeadConfig()} if conditional else {}
        sizes = (4,) if conditional else ()
        self.labels = self.tensors["c"].argmax(1, keepdim=True) if conditional else None
        self.generator = Stylegan2Generator(config, sizes).eval()
        self.discriminator = Stylegan2Discriminator(Stylegan2DiscriminatorConfig(**size, **head), sizes).eval()
        self.generator.load_state_dict(
            {n.replace(".", "_network.", 1): tensor for n, tensor in self.parameters("G/").items()}
        )
        self.discriminator.load_state_dict(self.parameters("D/"))

    def parameters(self, start: str) -> dict[str, torch.Tensor]:
        names = [name for name in self.tensors if name.startswith(start) and not name.endswith("resample_filter")]
        return {name.removeprefix(start): self.tensors[name] for name in names}

    def compare(self, out: torch.Tensor, name: str) -> None:
        error = (out - self.tensors[name]).abs()
        assert error.max() <= 1e-3, name
        assert error.mean() <= 1e-4, name


@pytest.mark.parametrize("kind", ["uncond", "cond"])
@torch.no_grad()
def test_it_computes_what_the_reference_implementation_does(kind, real_data):
    reference = Reference(real_data("stylegan2_parity.npz"), kind)
    generator, labels = reference.generator, reference.labels
    ws = generator.mapping(reference.tensors["z"], labels)
    reference.compare(ws, "ws")
    truncated = torch.cat([generator.w_avg.lerp(ws[:, :4], 0.5), ws[:, 4:]], 1)
    reference.compare(truncated, "ws_psi05_cutoff4")
    images = generator.synthesis(ws, "const")
    reference.compare(images, "images_noise_const")
    reference.compare(generator.synthesis(truncated, "none"), "images_psi05_noise_none")
    reference.compare(reference.discriminator(images, labels).logits, "D_logits_of_images_noise_const")


@pytest.mark.parametrize("kind", ["uncond", "cond"])
@torch.no_grad()
def test_bfloat16_stays_near_the_reference_implementation(kind, real_data):
    reference = Reference(real_data("stylegan2_parity.npz"), kind)
    with torch.autocast("cpu", torch.bfloat16):
        images = reference.generator.synthesis(reference.tensors["ws"], "const")
        logits = reference.discriminator(images, reference.labels).logits
    expected = reference.tensors["images_noise_const"]
    assert (images - expected).abs().mean() < 0.01 * expected.std()
    assert (logits - reference.tensors["D_logits_of_images_noise_const"]).abs().max() < 0.1


@pytest.mark.parametrize("resolution", [32, 64, 128, 256, 512, pytest.param(1024, marks=pytest.mark.slow)])
@torch.no_grad()
def test_every_size_is_drawn_and_judged(resolution):
    size = {"resolution": resolution, "channels": resolution, "max_channels": 4}
    generator = build_generator(changed(G, **size), LabelSchema())
    sides = [2**i for i in range(2, int(math.log2(resolution)) + 1)]
    assert generator.num_ws == 2 * len(sides)
    assert generator.noise_shapes == tuple((s, s) for s in sorted([*sides, *sides[1:]]))
    image = generator(torch.randn(1, 8))
    assert image.shape == (1, 3, resolution, resolution)
    assert build_discriminator(changed(D, **size), LabelSchema())(image).logits.isfinite().all()


def test_full_width_has_the_published_number_of_parameters():
    with torch.device("meta"):
        networks = (
            build(Stylegan2GeneratorConfig(resolution=1024), LabelSchema()),
            build(Stylegan2DiscriminatorConfig(resolution=1024), LabelSchema()),
        )
    # Karras et al. 2020, appendix: 30 and 29 million.
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert [round(count / 1e6) for count in counts] == [30, 29]


def test_equalized_learning_rate_is_a_scale_at_use():
    x, lr = torch.randn(6, 50, dtype=torch.float64), 0.01
    layer = FullyConnected(50, 7, lr=lr, bias=2.0, activated=True).double()
    assert layer.weight.std().item() == pytest.approx(1 / lr, rel=0.2)
    value = x @ (layer.weight * lr / math.sqrt(50)).T + 2.0 * lr
    torch.testing.assert_close(layer(x), torch.where(value > 0, value, 0.2 * value) * math.sqrt(2), atol=1e-6, rtol=0)
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    convolution = noisy(Convolution(3, 5, 3)).double()
    value = torch.nn.functional.conv2d(images, convolution.weight / math.sqrt(27), convolution.bias, padding=1)
    expected = torch.where(value > 0, value, 0.2 * value) * math.sqrt(2) * 0.7
    torch.testing.assert_close(convolution(images, 0.7), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("grouped", [4, 3, 8])
def test_minibatch_std_is_the_mean_deviation_within_a_group(grouped):
    x = np.random.RandomState(0).randn(8, 5, 4, 4)
    size = grouped if 8 % grouped == 0 else 8
    groups = [x[first :: 8 // size] for first in range(8 // size)]
    deviations = [np.sqrt(group.var(0) + 1e-8).mean() for group in groups]
    out = MinibatchStd(grouped)(torch.from_numpy(x))
    expected = torch.tensor([deviations[i % (8 // size)] for i in range(8)], dtype=torch.float64)
    torch.testing.assert_close(out[:, 5], expected[:, None, None].expand(-1, 4, 4), atol=1e-6, rtol=0)


def test_a_styled_layer_adds_noise_and_bias_before_the_leaky_relu():
    layer = noisy(StyledConvolution(4, 5, 3, 8, up=False)).double()
    x, w = torch.randn(2, 4, 8, 8, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    styles = w @ layer.affine.weight.T / math.sqrt(3) + 1
    kernels = layer.weight * styles[:, None, :, None, None]
    kernels = kernels / (kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    value = torch.cat([torch.nn.functional.conv2d(x[i : i + 1], kernels[i], padding=1) for i in range(2)])
    value = value + layer.noise_const * layer.noise_strength + layer.bias[:, None, None]
    expected = torch.where(value > 0, value, 0.2 * value) * math.sqrt(2)
    torch.testing.assert_close(layer(x, w, layer.noise_const[None, None]), expected, atol=1e-6, rtol=0)


@torch.no_grad()
def test_noise_is_drawn_fixed_absent_or_given():
    network = noisy(tiny_generator()).eval()
    ws = network.mapping(torch.randn(2, 8))
    const, none = network.synthesis(ws, "const"), network.synthesis(ws, "none")
    assert not torch.equal(const, none)
    assert not torch.equal(network.synthesis(ws, "random"), network.synthesis(ws, "random"))
    assert torch.equal(const, network.synthesis(ws, "const"))
    fixed = [layer.noise_const[None, None] for b in network.synthesis_network.blocks for layer in b.convolutions]
    assert [tuple(m.shape[2:]) for m in fixed] == list(network.noise_shapes)
    torch.testing.assert_close(network.synthesis(ws, fixed), const, atol=0, rtol=0)
    each = [torch.cat([m, torch.zeros_like(m)]) for m in fixed]
    torch.testing.assert_close(network.synthesis(ws, each), torch.cat([const[:1], none[1:]]))
    with pytest.raises(ValueError, match="6 noise maps for a generator of 7"):
        network.synthesis(ws, fixed[1:])


def test_the_average_of_w_moves_in_train_mode_alone():
    network = tiny_generator()
    assert not network.w_avg.any()
    w = network.mapping(torch.randn(16, 8))[:, 0]
    torch.testing.assert_close(network.w_avg, 0.002 * w.mean(0))
    before = network.eval().w_avg.clone()
    network.mapping(torch.randn(16, 8))
    assert torch.equal(network.w_avg, before)
    assert build_generator(G, COLORS).w_avg is not None
    assert "mapping_network.w_avg" in network.state_dict()


@torch.no_grad()
@pytest.mark.parametrize("form", ["skip", "residual", "original"])
def test_each_w_sets_its_own_layers(form):
    network = noisy(tiny_generator(form=form)).eval()
    ws = network.mapping(torch.randn(1, 8)).clone()
    plain = network.synthesis(ws, "none")
    for i in range(network.num_ws):
        other = ws.clone()
        other[:, i] += 1
        assert not torch.equal(network.synthesis(other, "none"), plain), i


def test_pictures_are_differentiable_twice():
    network = tiny_generator()
    ws = network.mapping(torch.randn(2, 8))
    (slope,) = torch.autograd.grad((network.synthesis(ws, "const") * torch.randn(32, 32)).sum(), ws, create_graph=True)
    slope.square().sum().backward()  # path length
    assert network.synthesis_network.b8.conv0.weight.grad.abs().max() > 0
    images = torch.randn(4, 3, 32, 32, requires_grad=True)
    judge = build_discriminator(D, LabelSchema())
    (slope,) = torch.autograd.grad(judge(images).logits.sum(), images, create_graph=True)
    slope.square().sum().backward()  # R1
    assert judge.b32.conv0.weight.grad.abs().max() > 0


@torch.no_grad()
def test_frozen_weights_that_change_are_noticed():
    network = tiny_generator().eval().requires_grad_(False)
    ws = network.mapping(torch.randn(1, 8))
    layer = network.synthesis_network.b16.conv1

    def drawn() -> torch.Tensor:
        frozen = network.synthesis(ws, "none")
        fresh = tiny_generator()
        fresh.load_state_dict(network.state_dict())
        torch.testing.assert_close(frozen, fresh.synthesis(ws, "none"))
        return frozen

    pictures = [drawn()]
    layer.weight.lerp_(torch.randn(8, 8, 3, 3), 0.5)
    pictures.append(drawn())
    torch._foreach_lerp_([network.state_dict()["synthesis_network.b16.conv1.weight"]], [torch.randn(8, 8, 3, 3)], 0.5)
    pictures.append(drawn())
    network.load_state_dict({name: torch.randn_like(t) for name, t in network.state_dict().items()}, assign=True)
    pictures.append(drawn())
    network = copy.deepcopy(network)
    network.synthesis_network.b16.conv1.weight.mul_(torch.randn(8, 8, 3, 3))
    pictures.append(drawn())
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(pictures))
    double = network.double().synthesis(ws.double(), "none")
    torch.testing.assert_close(double, pictures[-1], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_samples_are_drawn_in_parts_that_do_not_show(monkeypatch):
    network = noisy(tiny_generator()).eval()
    ws = network.mapping(torch.randn(5, 8))
    maps = [torch.randn(1 if i % 2 else 5, 1, *shape) for i, shape in enumerate(network.noise_shapes)]
    whole = network.synthesis(ws, maps)
    monkeypatch.setattr("sakuga.models.stylegan2._CACHED", 2 * 4 * 16**2)
    torch.testing.assert_close(network.synthesis(ws, maps), whole)
    assert network.synthesis(ws[:0], "none").shape == (0, 3, 32, 32)


def test_large_styles_do_not_overflow_in_bfloat16():
    network = tiny_generator().eval()
    ws = network.mapping(torch.randn(2, 8)) * 1e12
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for block in network.synthesis_network.blocks:  # the pictures are not demodulated
            block.torgb.affine.weight.zero_()
        assert network.synthesis(ws, "none").isfinite().all()


def test_labels_are_embedded_beside_z_and_unknown_ones_only_by_d():
    generator = build_generator(G, COLORS)
    assert generator.mapping_network.embed.weight.shape == (8, 5)
    assert generator.mapping_network.fc0.weight.shape == (8, 16)
    judge = noisy(build_discriminator(changed(D, head=ProjectionHeadConfig()), COLORS)).eval()
    assert judge.mapping.embed.weight.shape == (8, 5)
    assert judge.b4.out.weight.shape == (8, 8)
    images = torch.randn(1, 3, 32, 32).expand(3, -1, -1, -1)
    known, half, unknown = judge(images, torch.tensor([[1, 0], [1, -1], [-1, -1]])).logits
    assert len({known.item(), half.item(), unknown.item()}) == 3
    with torch.no_grad():
        judge.mapping.embed.weight[:, 3:] = 0  # the eyes say nothing
    known, half, _ = judge(images, torch.tensor([[1, 0], [1, -1], [-1, -1]])).logits
    assert torch.equal(known, half)
    with pytest.raises(ValueError, match="needs labels"):
        judge(images)
    with pytest.raises(UserError, match="projection needs attributes"):
        build_discriminator(changed(D, head=ProjectionHeadConfig()), LabelSchema())


def test_too_few_channels_are_refused():
    with pytest.raises(ValueError, match=r"channels 100 leave none for a map of 128 pixels: choose at least 128"):
        Stylegan2GeneratorConfig(resolution=128, channels=100)
