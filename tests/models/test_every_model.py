"""What every network of the registry must do, at tiny width."""

import math
import typing

import pytest
import torch
from torch import nn

from sakuga.configs.classifier import ClassifierConfig
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import DiscriminatorRole, GeneratorRole, Header, Roles, read_header
from sakuga.configs.models import (
    AuxiliaryHeadConfig,
    DcganDiscriminatorConfig,
    DcganGeneratorConfig,
    DiscriminativeHeadConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    HeadConfig,
    ProjectionHeadConfig,
    SnganDiscriminatorConfig,
    SnganGeneratorConfig,
    SrresnetDiscriminatorConfig,
    SrresnetGeneratorConfig,
    StackedGeneratorConfig,
    Stylegan2DiscriminatorConfig,
    Stylegan2GeneratorConfig,
)
from sakuga.models.base import Generator, Judgement
from sakuga.models.file import load_network, save_model
from sakuga.models.registry import BUILDERS, build, build_discriminator, build_generator

PLAIN = LabelSchema()
LABELED = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("aqua", "blonde", "red")),
        Attribute(name="eyes", values=("red", "green")),
    )
)
LABELS = torch.tensor([[0, 0], [2, 1], [1, 0], [0, 1]])

TINY_BASES = [
    DcganGeneratorConfig(z_dim=8, channels=2),
    SnganGeneratorConfig(z_dim=8, channels=2),
    SrresnetGeneratorConfig(z_dim=8, channels=4, blocks=2),
]
STYLEGAN2 = {"resolution": 32, "channels": 128, "max_channels": 8}
TINY_STYLEGAN2 = Stylegan2GeneratorConfig(**STYLEGAN2, z_dim=8, w_dim=8, mapping_layers=2)
TINY_GENERATORS = [*TINY_BASES, *(StackedGeneratorConfig(base=b, channels=4, blocks=1) for b in TINY_BASES)]
TINY_DISCRIMINATORS = [
    DcganDiscriminatorConfig(channels=2),
    SnganDiscriminatorConfig(channels=4),
    SrresnetDiscriminatorConfig(channels=4, blocks=1),
]
HEADS = [
    AuxiliaryHeadConfig(),
    AuxiliaryHeadConfig(layers=3, width=8),
    ProjectionHeadConfig(),
    DiscriminativeHeadConfig(),
    DiscriminativeHeadConfig(layers=3, width=8),
]


def changed(config, **values):
    return type(config).model_validate({**config.model_dump(), **values})


def bounded(config) -> bool:
    """Returns whether the pictures of a generator end in a tanh."""
    return config.kind != "stylegan2"


def at_every_size(configs) -> list:
    return [changed(config, resolution=size) for config in configs for size in type(config).sizes]


GENERATORS = [
    *at_every_size(TINY_GENERATORS),
    DcganGeneratorConfig(resolution=32, z_dim=8, channels=2, norm="none"),
    DcganGeneratorConfig(resolution=64, z_dim=8, channels=2, upsample="nearest"),
    DcganGeneratorConfig(resolution=96, z_dim=8, channels=2, upsample="nearest"),
    DcganGeneratorConfig(resolution=32, z_dim=8, channels=2, tail="shuffle"),
    TINY_STYLEGAN2,
    changed(TINY_STYLEGAN2, resolution=128),
    *(changed(TINY_STYLEGAN2, form=form) for form in ("residual", "original")),
]
DISCRIMINATORS = [
    *at_every_size(TINY_DISCRIMINATORS),
    *(
        DcganDiscriminatorConfig(resolution=size, channels=2, norm=norm, minibatch_std=std)
        for size, norm, std in [(32, "spectral", False), (96, "layer", True), (64, "none", True), (64, "layer", False)]
    ),
    SnganDiscriminatorConfig(resolution=32, channels=4, norm="none"),
    SrresnetDiscriminatorConfig(resolution=32, channels=4, blocks=1, norm="spectral"),
    Stylegan2DiscriminatorConfig(**STYLEGAN2),
    changed(Stylegan2DiscriminatorConfig(**STYLEGAN2), resolution=128),
    *(Stylegan2DiscriminatorConfig(**STYLEGAN2, form=form, minibatch_group=1) for form in ("skip", "original")),
]
WITH_HEADS = [
    changed(config, resolution=32, head=head)
    for config in [*TINY_DISCRIMINATORS, Stylegan2DiscriminatorConfig(**STYLEGAN2, minibatch_group=1)]
    for head in HEADS
]


def name_of(config) -> str:
    def differences(value) -> dict:
        fields = type(value).model_fields
        return {name: v for name, v in value if v != fields[name].default}

    def words(value) -> list[str]:
        found = [value.kind]
        for name, v in differences(value).items():
            found += words(v) if hasattr(v, "kind") else [f"{name}={v}"]
        return found

    return f"{'d' if 'Discriminator' in type(config).__name__ else 'g'}-" + "-".join(words(config))


every_generator = pytest.mark.parametrize("config", GENERATORS, ids=name_of)
every_discriminator = pytest.mark.parametrize("config", DISCRIMINATORS, ids=name_of)
every_head = pytest.mark.parametrize("config", WITH_HEADS, ids=name_of)
every_network = pytest.mark.parametrize("config", GENERATORS + DISCRIMINATORS + WITH_HEADS, ids=name_of)


def schema_of(config) -> LabelSchema:
    return PLAIN if getattr(config, "head", None) is None or config.head.kind == "none" else LABELED


def pictures(count: int, resolution: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, resolution, resolution, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def flat(out: torch.Tensor | Judgement) -> torch.Tensor:
    """Returns all that a network says, float `[N, ...]`."""
    return torch.cat([out.logits, *(out.attributes or ())], 1) if isinstance(out, Judgement) else out


def outputs(network: nn.Module, rows: slice = slice(None)) -> torch.Tensor:
    if isinstance(network, Generator):
        return network(torch.randn(4, network.z_dim, generator=torch.Generator().manual_seed(1))[rows])
    return flat(network(pictures(4, network.resolution)[rows], LABELS[rows]))


def test_every_architecture_is_tested():
    judges = {ClassifierConfig}  # a judge is neither: it has tests of its own
    assert {type(config) for config in GENERATORS + DISCRIMINATORS} == set(BUILDERS) - judges
    generators, _ = typing.get_args(GeneratorConfig)
    discriminators, _ = typing.get_args(DiscriminatorConfig)
    assert set(typing.get_args(generators) + typing.get_args(discriminators)) == set(BUILDERS) - judges
    heads, _ = typing.get_args(HeadConfig)
    assert {type(c.head) for c in DISCRIMINATORS + WITH_HEADS} == set(typing.get_args(heads))


@every_generator
@pytest.mark.parametrize("schema", [PLAIN, LABELED], ids=["plain", "labeled"])
def test_generators_map_z_and_labels_to_pictures(config, schema):
    network = build_generator(config, schema)
    z, labels = torch.randn(3, 8), LABELS[:3] if schema.attributes else None
    ws = network.mapping(z, labels)
    images = network.synthesis(ws)
    assert ws.shape == (3, network.num_ws, network.w_dim)
    assert images.shape == (3, 3, config.resolution, config.resolution)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1 or not bounded(config)
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
    with pytest.raises(ValueError, match=r"unknown labels \(-1\)"):
        network(z, torch.tensor([[2, 0], [0, -1]]))


@every_discriminator
def test_discriminators_judge_each_picture_once(config):
    judgement = build_discriminator(config, PLAIN)(pictures(4, config.resolution))
    assert judgement.logits.shape == (4, 1)
    assert judgement.logits.dtype == torch.float32
    assert judgement.attributes is None


@every_head
def test_every_discriminator_takes_every_head(config):
    network = build_discriminator(config, LABELED).eval()
    images, unknown = pictures(4, 32), torch.full((4, 2), -1)
    told, untold = network(images, LABELS), network(images, unknown)
    assert told.logits.shape == (4, 1)
    if config.head.kind == "projection":
        assert told.attributes is None
        assert (told.logits - untold.logits).abs().min() > 0
        mixed = network(images, torch.where(torch.tensor([[True], [False], [True], [False]]), LABELS, unknown))
        torch.testing.assert_close(mixed.logits[::2], told.logits[::2])
        torch.testing.assert_close(mixed.logits[1::2], untold.logits[1::2])
    else:
        times = 2 if config.head.kind == "discriminative" else 1
        assert [a.shape for a in told.attributes or ()] == [(4, 3 * times), (4, 2 * times)]
        torch.testing.assert_close(flat(told), flat(untold), atol=0, rtol=0)


@every_network
def test_gradients_reach_every_parameter_and_the_input(config):
    network = build(config, schema_of(config))
    source = torch.randn(4, 8) if isinstance(network, Generator) else pictures(4, config.resolution)
    source.requires_grad_()
    out = flat(network(source) if isinstance(network, Generator) else network(source, LABELS))
    (out * torch.randn_like(out)).sum().backward()
    assert source.grad is not None
    assert source.grad.abs().amax(tuple(range(1, source.ndim))).min() > 0, "for each sample"
    without = [n for n, p in network.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    assert [name for name in without if not name.startswith("base.")] == []


@pytest.mark.parametrize(
    "config",
    [
        c
        for c in GENERATORS + DISCRIMINATORS
        if not getattr(c, "minibatch_std", False) and getattr(c, "minibatch_group", 1) == 1
    ],
    ids=name_of,
)
def test_a_sample_does_not_depend_on_its_batch_in_eval_mode(config):
    network = build(config, PLAIN).eval()
    torch.testing.assert_close(outputs(network)[1:2], outputs(network, slice(1, 2)), atol=1e-5, rtol=1e-5)


@every_network
def test_outputs_are_float32_under_autocast(config):
    network = build(config, schema_of(config)).eval()
    exact = outputs(network)
    with torch.autocast("cpu", torch.bfloat16):
        out = outputs(network)
    assert out.dtype == torch.float32
    assert (out - exact).abs().max() < 0.1 * max(1.0, exact.abs().max().item())


@every_network
def test_the_seed_decides_the_weights(config):
    torch.manual_seed(5)
    first = build(config, schema_of(config)).state_dict()
    torch.manual_seed(5)
    again = build(config, schema_of(config)).state_dict()
    torch.manual_seed(6)
    other = build(config, schema_of(config)).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@every_network
def test_a_model_file_gives_the_network_back_to_half_precision(config, tmp_path):
    network = build(config, schema_of(config))
    for _ in range(3):
        outputs(network)  # moves the statistics of norms
    role = "generator" if isinstance(network, Generator) else "discriminator"
    holder = GeneratorRole(architecture=config) if role == "generator" else DiscriminatorRole(architecture=config)
    header = Header(name="tiny", roles=Roles(**{role: holder}), labels=schema_of(config), images_seen=7)
    path = save_model(tmp_path / "m.safetensors", header, {role: network})
    assert read_header(path) == header
    loaded = load_network(path, role)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert all(t.dtype in (torch.float32, torch.int64) for t in loaded.state_dict().values())
    state = network.state_dict()
    network.load_state_dict(
        {n: t.half().float() if t.dtype == torch.float32 and t.ndim > 1 else t for n, t in state.items()}
    )
    torch.testing.assert_close(outputs(loaded), outputs(network.eval()), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("generator", [*TINY_BASES, TINY_STYLEGAN2], ids=name_of)
@pytest.mark.parametrize(
    "discriminator", [*TINY_DISCRIMINATORS, Stylegan2DiscriminatorConfig(**STYLEGAN2)], ids=name_of
)
def test_any_generator_learns_from_any_discriminator(generator, discriminator):
    g = build_generator(changed(generator, resolution=32), PLAIN)
    d = build_discriminator(changed(discriminator, resolution=32), PLAIN)
    slow, fast = (torch.optim.Adam(n.parameters(), 1e-2, (0.5, 0.9)) for n in (g, d))
    real, z = pictures(16, 32) * 0.1 + 0.8, torch.randn(16, 8)

    def gap() -> torch.Tensor:
        return d(real).logits.mean() - d(g(z).detach()).logits.mean()

    before = gap().item()
    for _ in range(15):
        fast.zero_grad()
        nn.functional.softplus(-gap()).backward()
        fast.step()
    assert gap().item() > before + 0.1, "D learned to tell bright pictures from what G draws"
    brightness = g(z).mean().item()
    for _ in range(10):
        slow.zero_grad()
        nn.functional.softplus(-d(g(z)).logits).mean().backward()
        slow.step()
    assert g(z).mean().item() > brightness + 0.05, "G learned to draw bright pictures"


@pytest.mark.parametrize(
    "config",
    [c for c in GENERATORS + DISCRIMINATORS if c.kind in ("dcgan", "srresnet") and c.resolution == 64],
    ids=name_of,
)
def test_weights_start_as_the_paper_says(config):
    for module in build(changed(config, channels=32), PLAIN).modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            assert module.weight.std().item() == pytest.approx(0.02, rel=6 / math.sqrt(module.weight.numel()))
            assert module.bias is None or module.bias.abs().max() == 0
        elif isinstance(module, nn.BatchNorm2d):
            assert module.weight.mean().item() == pytest.approx(1.0, abs=0.03)
            assert module.bias.abs().max() == 0


@pytest.mark.parametrize("config", [*TINY_GENERATORS, *TINY_DISCRIMINATORS, TINY_STYLEGAN2], ids=name_of)
def test_a_wrong_size_is_refused_with_the_right_ones_and_the_remedy(config):
    sizes = ", ".join(map(str, type(config).sizes))
    with pytest.raises(ValueError, match=rf"pictures of {sizes} pixels, not 80: choose one of .*--data\.resolution"):
        changed(config, resolution=80)
