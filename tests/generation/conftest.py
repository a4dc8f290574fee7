import pytest
import torch
from torch import nn

from sakuga.configs.classifier import ClassifierConfig
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import ClassifierRole, DiscriminatorRole, GeneratorRole, Header, Roles
from sakuga.configs.models import (
    DcganDiscriminatorConfig,
    DcganGeneratorConfig,
    ProjectionHeadConfig,
    Stylegan2DiscriminatorConfig,
    Stylegan2GeneratorConfig,
)
from sakuga.configs.training import LatentConfig
from sakuga.generation.model import load
from sakuga.models.file import save_model
from sakuga.models.registry import build
from sakuga.models.stylegan2 import Stylegan2Generator

HAIR_AND_EYES = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("aqua", "blonde", "red")),
        Attribute(name="eyes", values=("green", "orange")),
    )
)


def _settle(network: nn.Module, *inputs: torch.Tensor) -> None:
    """Makes an untrained network vivid: wide weights, and norms that have seen a batch."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.weight.data *= 10
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network(*inputs)


def _write(path, schema=None, with_d=True, d_config=None, **header):
    torch.manual_seed(0)
    schema = schema or LabelSchema()
    g_config = DcganGeneratorConfig(resolution=32, z_dim=8, channels=4)
    d_config = d_config or DcganDiscriminatorConfig(resolution=32, channels=4)
    networks = {"generator": build(g_config, schema)}
    labels = [torch.stack([torch.arange(256) % size for size in schema.sizes], 1)] if schema.sizes else []
    _settle(networks["generator"], torch.randn(256, 8), *labels)
    if with_d:
        networks["discriminator"] = build(d_config, schema)
        _settle(networks["discriminator"], torch.rand(256, 3, 32, 32) * 2 - 1, *labels)
    roles = Roles(
        generator=GeneratorRole(architecture=g_config),
        discriminator=DiscriminatorRole(architecture=d_config) if with_d else None,
    )
    return save_model(path, Header(name=path.stem, roles=roles, labels=schema, **header), networks)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    return _write(path, latent=LatentConfig(mean=0.5, sigma=0.8), licence="CC0-1.0", images_seen=1234)


@pytest.fixture(scope="session")
def generator_file(tmp_path_factory):
    return _write(tmp_path_factory.mktemp("models") / "alone.safetensors", with_d=False)


@pytest.fixture(scope="session", params=["judge", "labeler"])
def classifier_file(request, tmp_path_factory):
    config = ClassifierConfig(resolution=16, channels=2)
    role = ClassifierRole(purpose=request.param, architecture=config)
    header = Header(name=request.param, roles=Roles(classifier=role), labels=HAIR_AND_EYES, scores={"hair": 0.75})
    path = tmp_path_factory.mktemp("models") / f"{request.param}.safetensors"
    return save_model(path, header, {"classifier": build(config, HAIR_AND_EYES)})


@pytest.fixture(scope="session")
def model(model_file):
    return load(model_file, "cpu")


@pytest.fixture(
    scope="session",
    params=[
        DcganDiscriminatorConfig(resolution=32, channels=4, minibatch_std=True),
        DcganDiscriminatorConfig(resolution=32, channels=4, minibatch_std=True, head=ProjectionHeadConfig()),
        Stylegan2DiscriminatorConfig(resolution=32, channels=256, max_channels=16),
    ],
    ids=["dcgan", "projection", "stylegan2"],
)
def comparing(request, tmp_path_factory):
    """A model whose D looks at how different the pictures of a batch are."""
    path = tmp_path_factory.mktemp("models") / "comparing.safetensors"
    schema = HAIR_AND_EYES if request.param.head.kind == "projection" else None
    return load(_write(path, schema, d_config=request.param), "cpu")


@pytest.fixture(scope="session")
def conditional(tmp_path_factory):
    return load(_write(tmp_path_factory.mktemp("models") / "hairy.safetensors", HAIR_AND_EYES), "cpu")


@pytest.fixture(scope="session")
def counted(tmp_path_factory):
    """A conditional model that says what its training pictures had: no red hair with green eyes, no aqua at all."""
    counts = (((1, 0), 30), ((1, 1), 10), ((2, 1), 60), ((1, -1), 5), ((-1, 0), 7))
    path = tmp_path_factory.mktemp("models") / "counted.safetensors"
    return load(_write(path, HAIR_AND_EYES, label_counts=counts), "cpu")


def _styled(path, schema=None, **header):
    """Writes a StyleGAN2 of 32 pixels and 8 layers whose noise is seen, with a mean w that no sample has."""
    torch.manual_seed(0)
    config = Stylegan2GeneratorConfig(
        resolution=32, z_dim=8, w_dim=8, mapping_layers=2, channels=256, max_channels=16, mapping_lr=1
    )
    generator = build(config, schema or LabelSchema())
    assert isinstance(generator, Stylegan2Generator)
    generator.mapping_network.w_avg.copy_(torch.linspace(-1, 1, 8))
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.5)
        if "torgb" in name and name.endswith("weight") and "affine" not in name:
            parameter.data *= 0.3
    roles = Roles(generator=GeneratorRole(architecture=config))
    header = Header(name=path.stem, roles=roles, labels=schema or LabelSchema(), **header)
    return load(save_model(path, header, {"generator": generator}), "cpu")


@pytest.fixture(scope="session")
def styled(tmp_path_factory):
    return _styled(tmp_path_factory.mktemp("models") / "styled.safetensors")


@pytest.fixture(scope="session")
def styled_conditional(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "styled-hairy.safetensors"
    return _styled(path, HAIR_AND_EYES, label_counts=(((1, 0), 30), ((1, 1), 10)))
