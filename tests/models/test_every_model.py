"""What every network of the registry must do, at tiny width."""

import math

import pytest
import torch
from torch import nn

from sakuga.configs.classifier import ClassifierConfig
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import DiscriminatorRole, GeneratorRole, Header, Roles
from sakuga.configs.models import DCGAN_SIZES, DcganDiscriminatorConfig, DcganGeneratorConfig
from sakuga.models.base import Generator
from sakuga.models.file import load_network, read_header, save_model
from sakuga.models.registry import BUILDERS, build, build_discriminator, build_generator

PLAIN = LabelSchema()
LABELED = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("aqua", "blonde", "red")),
        Attribute(name="eyes", values=("red", "green")),
    )
)

GENERATORS = [DcganGeneratorConfig(resolution=size, z_dim=8, channels=2) for size in DCGAN_SIZES] + [
    DcganGeneratorConfig(resolution=32, z_dim=8, channels=2, norm="none"),
    DcganGeneratorConfig(resolution=64, z_dim=8, channels=2, upsample="nearest"),
    DcganGeneratorConfig(resolution=96, z_dim=8, channels=2, upsample="nearest"),
    DcganGeneratorConfig(resolution=32, z_dim=8, channels=2, tail="shuffle"),
]
DISCRIMINATORS = [DcganDiscriminatorConfig(resolution=size, channels=2) for size in DCGAN_SIZES] + [
    DcganDiscriminatorConfig(resolution=size, channels=2, norm=norm, minibatch_std=std)
    for size, norm, std in [(32, "spectral", False), (96, "layer", True), (64, "none", True), (64, "layer", False)]
]


def name_of(config) -> str:
    values = {k: v for k, v in config.model_dump().items() if v != type(config).model_fields[k].default}
    return f"{config.kind}-{type(config).__name__[5].lower()}-" + "-".join(f"{k}={v}" for k, v in values.items())


every_generator = pytest.mark.parametrize("config", GENERATORS, ids=name_of)
every_discriminator = pytest.mark.parametrize("config", DISCRIMINATORS, ids=name_of)
every_network = pytest.mark.parametrize("config", GENERATORS + DISCRIMINATORS, ids=name_of)


def pictures(count: int, resolution: int) -> torch.Tensor:
    return torch.rand(count, 3, resolution, resolution) * 2 - 1


def outputs(network: nn.Module) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    if isinstance(network, Generator):
        return network(torch.randn(4, network.z_dim, generator=generator))
    side = network.resolution
    return network(torch.rand(4, 3, side, side, generator=generator) * 2 - 1).logits


def test_every_architecture_is_tested():
    # The judge has tests of its own.
    assert {type(config) for config in GENERATORS + DISCRIMINATORS} == set(BUILDERS) - {ClassifierConfig}


@every_generator
@pytest.mark.parametrize("schema", [PLAIN, LABELED], ids=["plain", "labeled"])
def test_generators_map_z_and_labels_to_pictures(config, schema):
    network = build_generator(config, schema)
    z, labels = torch.randn(3, 8), torch.tensor([[0, 0], [2, 1], [1, 0]]) if schema.attributes else None
    ws = network.mapping(z, labels)
    images = network.synthesis(ws)
    assert ws.shape == (3, network.num_ws, network.w_dim)
    assert images.shape == (3, 3, config.resolution, config.resolution)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert images.std() > 0
    network.eval()
    torch.testing.assert_close(network(z, labels), network.synthesis(network.mapping(z, labels)), atol=0, rtol=0)


@every_generator
def test_labels_change_the_picture_and_have_to_be_given(config):
    network = build_generator(config, LABELED)
    z = torch.randn(1, 8).expand(2, -1)
    red, aqua = network(z, torch.tensor([[2, 0], [0, 0]]))
    assert (red - aqua).abs().mean() > 0.01 * red.std()
    with pytest.raises(ValueError, match="needs labels"):
        network(z)


@every_discriminator
def test_discriminators_judge_each_picture_once(config):
    judgement = build_discriminator(config, PLAIN)(pictures(4, config.resolution))
    assert judgement.logits.shape == (4, 1)
    assert judgement.logits.dtype == torch.float32
    assert judgement.attributes is None
    assert judgement.features is not None
    assert judgement.features.shape[0] == 4


@every_network
def test_gradients_reach_every_parameter_and_the_input(config):
    network = build(config, PLAIN)
    parameters = dict(network.named_parameters())
    source = torch.randn(4, 8) if isinstance(network, Generator) else pictures(4, config.resolution)
    source.requires_grad_()
    out = network(source) if isinstance(network, Generator) else network(source).logits
    (out * torch.randn_like(out)).sum().backward()
    assert source.grad is not None
    assert source.grad.abs().amax(tuple(range(1, source.ndim))).min() > 0, "for each sample"
    without = [name for name, p in parameters.items() if p.grad is None or p.grad.abs().max() == 0]
    assert without == []


@pytest.mark.parametrize(
    "config", [c for c in GENERATORS + DISCRIMINATORS if not getattr(c, "minibatch_std", False)], ids=name_of
)
def test_a_sample_does_not_depend_on_its_batch_in_eval_mode(config):
    network = build(config, PLAIN).eval()
    is_generator = isinstance(network, Generator)
    source = torch.randn(4, 8) if is_generator else pictures(4, config.resolution)
    run = (lambda x: network(x)) if is_generator else (lambda x: network(x).logits)
    torch.testing.assert_close(run(source)[1:2], run(source[1:2]), atol=1e-5, rtol=1e-5)


@every_network
def test_outputs_are_float32_under_autocast(config):
    network = build(config, PLAIN).eval()
    exact = outputs(network)
    with torch.autocast("cpu", torch.bfloat16):
        out = outputs(network)
    assert out.dtype == torch.float32
    assert (out - exact).abs().max() < 0.1 * max(1.0, exact.abs().max().item())


@every_network
def test_the_seed_decides_the_weights(config):
    torch.manual_seed(5)
    first = build(config, PLAIN).state_dict()
    torch.manual_seed(5)
    again = build(config, PLAIN).state_dict()
    torch.manual_seed(6)
    other = build(config, PLAIN).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@every_network
def test_a_model_file_gives_the_network_back_to_half_precision(config, tmp_path):
    network = build(config, PLAIN)
    for _ in range(3):
        outputs(network)  # moves the statistics of norms
    role = "generator" if isinstance(network, Generator) else "discriminator"
    holder = GeneratorRole(architecture=config) if role == "generator" else DiscriminatorRole(architecture=config)
    header = Header(name="tiny", roles=Roles(**{role: holder}), images_seen=7)
    path = save_model(tmp_path / "m.safetensors", header, {role: network})
    assert read_header(path) == header
    loaded = load_network(path, role)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert all(t.dtype in (torch.float32, torch.int64) for t in loaded.state_dict().values())
    expected = outputs(network.eval())
    torch.testing.assert_close(outputs(loaded), expected, atol=2e-3 * max(1.0, expected.abs().max().item()), rtol=2e-3)


@pytest.mark.parametrize("config", [c for c in GENERATORS + DISCRIMINATORS if c.norm == "batch"], ids=name_of)
def test_weights_start_as_the_paper_says(config):
    wide = build(type(config)(**{**config.model_dump(), "channels": 32}), PLAIN)
    for module in wide.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            assert module.weight.std().item() == pytest.approx(0.02, rel=6 / math.sqrt(module.weight.numel()))
            assert module.bias is None or module.bias.abs().max() == 0
        elif isinstance(module, nn.BatchNorm2d):
            assert module.weight.mean().item() == pytest.approx(1.0, abs=0.03)
            assert module.bias.abs().max() == 0
