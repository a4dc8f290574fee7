import pytest
import torch

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.models import DcganGeneratorConfig, SnganGeneratorConfig, StackedGeneratorConfig
from sakuga.configs.patch import patch
from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError
from sakuga.models.registry import build, build_generator

TINY = StackedGeneratorConfig(resolution=64, base=DcganGeneratorConfig(z_dim=8, channels=2), channels=4, blocks=1)


def test_the_base_has_half_the_size():
    assert TINY.base.resolution == 32
    assert TINY.z_dim == 8
    assert StackedGeneratorConfig().base.resolution == "auto"
    assert StackedGeneratorConfig.model_validate_json(TINY.model_dump_json()) == TINY


def test_the_base_follows_the_size_of_a_recipe():
    changes = {"generator.kind": "stacked", "generator.base.kind": "sngan", "generator.base.channels": "8"}
    config = patch(TrainConfig(), changes)
    assert isinstance(config.generator, StackedGeneratorConfig)
    assert config.generator.base == SnganGeneratorConfig(channels=8)
    complete = patch(config, {"generator.resolution": 128})
    assert isinstance(complete.generator, StackedGeneratorConfig)
    assert complete.generator.base == SnganGeneratorConfig(channels=8, resolution=64)


def test_a_base_of_another_size_is_refused_by_name():
    changes = {"generator.kind": "stacked", "generator.resolution": 128, "generator.base": {"kind": "dcgan"}}
    changes["generator.base"]["resolution"] = 32
    with pytest.raises(UserError, match=r"128 pixels doubles a base of 64, not of 32: give --generator\.base\.resol"):
        patch(TrainConfig(), changes)


def test_the_base_stays_as_it_is():
    g = build(TINY, LabelSchema())
    assert g.training
    assert not g.base.training
    assert not any(p.requires_grad for p in g.base.parameters())
    before = {name: t.clone() for name, t in g.state_dict().items()}
    optimizer = torch.optim.Adam([p for p in g.parameters() if p.requires_grad], 1e-2)
    g.train()(torch.randn(4, 8)).square().sum().backward()
    optimizer.step()
    moved = {name for name, t in g.state_dict().items() if not torch.equal(t, before[name])}
    assert moved
    assert not any(name.startswith("base.") for name in moved)
    assert any("running_mean" in name for name in moved), "the second stage's norms learn"


def test_the_second_stage_redraws_what_the_first_drew():
    hair = LabelSchema(attributes=(Attribute(name="hair", values=("aqua", "red")),))
    g = build_generator(TINY, hair)
    z, labels = torch.randn(4, 8), torch.tensor([[0], [1], [1], [0]])
    ws = g.mapping(z, labels)
    torch.testing.assert_close(ws, g.base.mapping(z, labels))
    drawn = g.synthesis(ws)
    with torch.no_grad():
        g.base.layers[-1].weight *= 1000
    assert (g.synthesis(ws) - drawn).abs().mean() > 0.1 * drawn.std(), "another small picture, another large one"
    with torch.no_grad():
        g.base.layers[-1].weight.zero_()
    same = g.synthesis(ws)
    assert (same[0] - same[1]).abs().mean() > 0.1 * same.std(), "w speaks beside the small picture"


def test_the_published_width_has_the_published_maps():
    with torch.device("meta"):
        g = build(StackedGeneratorConfig(resolution=128), LabelSchema())
    found = []
    for layer in (*g.encoder, *g.decoder):
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(lambda module, args, out: found.append((out.shape[1], out.shape[2])))
    g(torch.empty(1, 100, device="meta"))
    encoded, decoded = [(128, 64), (256, 32), (512, 16)], [(512, 16), (256, 32), (128, 64), (64, 128), (3, 128)]
    assert found == encoded + decoded
