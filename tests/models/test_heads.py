import pytest
import torch

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import read_header
from sakuga.configs.models import (
    AuxiliaryHeadConfig,
    DcganDiscriminatorConfig,
    DiscriminativeHeadConfig,
    NoHeadConfig,
    ProjectionHeadConfig,
)
from sakuga.core.errors import UserError
from sakuga.core.random import random_scope
from sakuga.models.file import load_network
from sakuga.models.heads import Projection, build_head
from sakuga.models.registry import build_discriminator
from sakuga.zoo import path as zoo_path

SCHEMA = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("aqua", "blonde", "red")),
        Attribute(name="eyes", values=("red", "green")),
    )
)


def discriminator(head, **options):
    with random_scope(0, "weights"):
        return build_discriminator(
            DcganDiscriminatorConfig(resolution=32, channels=4, head=head, **options), SCHEMA
        ).eval()


def pictures(count=5):
    return torch.rand(count, 3, 32, 32) * 2 - 1


def test_a_discriminator_without_a_head_has_the_tensors_it_always_had():
    names = discriminator(NoHeadConfig(), norm="none").state_dict()
    assert list(names) == [f"layers.{i}.{kind}" for i in (0, 2, 5) for kind in ("weight", "bias")] + [
        "verdict.weight",
        "verdict.bias",
    ]


def test_the_shipped_model_judges_as_when_it_was_trained():
    path = zoo_path("faces64")
    header = read_header(path)
    assert header.roles.discriminator is not None
    assert header.roles.discriminator.architecture.head == NoHeadConfig()
    generator, judge = load_network(path, "generator", header), load_network(path, "discriminator", header)
    z = torch.randn(16, generator.z_dim, generator=torch.Generator().manual_seed(0))
    # Measured with the program that trained it.
    assert judge(generator(z)).logits.mean().item() == pytest.approx(-1.7452, abs=2e-3)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("kind", "times"), [(AuxiliaryHeadConfig, 1), (DiscriminativeHeadConfig, 2)])
def test_classifiers_say_something_of_every_attribute(kind, times, layers):
    judgement = discriminator(kind(layers=layers, width=8))(pictures())
    assert judgement.logits.shape == (5, 1)
    assert judgement.attributes is not None
    assert [a.shape for a in judgement.attributes] == [(5, 3 * times), (5, 2 * times)]
    assert all(a.dtype == torch.float32 and a.std() > 0 for a in judgement.attributes)


def test_the_towers_share_the_trunk_and_nothing_else():
    network = discriminator(AuxiliaryHeadConfig(layers=3, width=8), norm="none")

    def moved_by(choose) -> set[str]:
        network.zero_grad(set_to_none=True)
        choose(network(pictures())).square().sum().backward()
        return {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}

    assert moved_by(lambda j: j.logits) == {"layers", "verdict"}
    assert moved_by(lambda j: torch.cat(j.attributes, 1)) == {"layers", "head"}
    for tower in (network.verdict, network.head.classes):
        widths = [(m.in_features, m.out_features) for m in tower.modules() if isinstance(m, torch.nn.Linear)]
        assert widths[:2] == [(16 * 16, 8), (8, 8)]
        assert len(widths) == 3


def test_a_linear_classifier_is_one_matrix_on_the_flattened_map():
    network = discriminator(AuxiliaryHeadConfig(), norm="none")
    x = pictures()
    weight, bias = network.head.classes[1].weight, network.head.classes[1].bias
    expected = network.layers(x).flatten(1) @ weight.T + bias
    torch.testing.assert_close(torch.cat(network(x).attributes, 1), expected)


def test_the_projection_is_the_sum_of_inner_products():
    head = Projection((3, 2), 4, "none")
    verdict, maps = torch.randn(2, 1), torch.randn(2, 4, 3, 3)
    logits, attributes = head(verdict, maps, torch.tensor([[2, 0], [1, -1]]))
    hair, eyes = (e.weight for e in head.embeddings)
    pooled = maps.sum((2, 3))
    torch.testing.assert_close(logits[0], verdict[0] + (hair[2] + eyes[0]) @ pooled[0])
    torch.testing.assert_close(logits[1], verdict[1] + hair[1] @ pooled[1])
    assert attributes is None


@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_unknown_labels_add_nothing_to_a_projection(norm):
    network, x = discriminator(ProjectionHeadConfig(), norm=norm), pictures()
    unknown = torch.full((5, 2), -1)
    plain = network.verdict(network.layers(x)).flatten(1)
    torch.testing.assert_close(network(x, unknown).logits, plain, atol=0, rtol=0)
    assert not torch.equal(network(x, torch.zeros(5, 2, dtype=torch.int64)).logits, plain)
    network.zero_grad(set_to_none=True)
    network(x, unknown).logits.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in network.head.parameters())


def test_a_projection_has_to_be_told_labels():
    with pytest.raises(ValueError, match="needs labels"):
        discriminator(ProjectionHeadConfig())(pictures())


def test_spectral_normalization_reaches_the_head():
    for head in (AuxiliaryHeadConfig(layers=3, width=8), ProjectionHeadConfig(), DiscriminativeHeadConfig()):
        network = discriminator(head, norm="spectral")
        layers = [
            m
            for m in (*network.head.modules(), *network.verdict.modules())
            if isinstance(m, torch.nn.Linear | torch.nn.Embedding | torch.nn.Conv2d)
        ]
        assert all(torch.nn.utils.parametrize.is_parametrized(m, "weight") for m in layers)
        assert layers


def test_a_head_without_attributes_is_refused_by_name():
    config = DcganDiscriminatorConfig(resolution=32, head=ProjectionHeadConfig())
    with pytest.raises(UserError, match=r"--discriminator\.head\.kind projection needs attributes"):
        build_head(config, (), 4, 64)
