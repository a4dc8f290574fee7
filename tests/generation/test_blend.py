import copy

import pytest
import torch

import sakuga
from sakuga.cli import main
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import GeneratorRole, Header, Roles
from sakuga.configs.models import Stylegan2GeneratorConfig
from sakuga.core.errors import UserError
from sakuga.generation.blend import Blending, blended_network, likeness
from sakuga.generation.model import load
from sakuga.models.file import save_model
from sakuga.models.registry import build

SIZE = {"resolution": 32, "channels": 128, "max_channels": 8, "z_dim": 6, "w_dim": 8, "mapping_layers": 2}


def written(path, seed, *, schema=None, half=True, licence="", **options):
    torch.manual_seed(seed)
    config = Stylegan2GeneratorConfig(**{**SIZE, **options})
    network = build(config, schema or LabelSchema())
    for tensor in network.state_dict().values():
        tensor.add_(torch.randn_like(tensor) * 0.1)
    roles = Roles(generator=GeneratorRole(architecture=config))
    header = Header(name=path.stem, roles=roles, labels=schema or LabelSchema(), licence=licence, images_seen=seed)
    return save_model(path, header, {"generator": network.requires_grad_(False)}, half=half)


@pytest.fixture
def pair(tmp_path):
    return load(written(tmp_path / "a.safetensors", 1), "cpu"), load(written(tmp_path / "b.safetensors", 2), "cpu")


def parts_of(network, *blocks):
    starts = tuple(f"synthesis_network.b{side}." for side in blocks)
    return {name: tensor for name, tensor in network.state_dict().items() if name.startswith(starts)}


@torch.no_grad()
def test_coarse_layers_are_those_of_a_and_fine_ones_those_of_b(pair):
    a, b = pair
    _, mixed = blended_network(a, b, Blending(at=8))
    z = torch.randn(2, 6)
    assert torch.equal(mixed.mapping(z), a.generator.mapping(z))
    assert torch.equal(mixed.w_avg, a.generator.w_avg)
    assert all(parts_of(mixed, 4, 8)[name].equal(t) for name, t in parts_of(a.generator, 4, 8).items())
    assert all(parts_of(mixed, 16, 32)[name].equal(t) for name, t in parts_of(b.generator, 16, 32).items())
    ws = a.generator.mapping(z)
    expected = copy.deepcopy(b.generator)
    expected.load_state_dict(parts_of(a.generator, 4, 8), strict=False)
    assert torch.equal(mixed.synthesis(ws, "const"), expected.synthesis(ws, "const"))
    assert not torch.allclose(mixed.synthesis(ws, "const"), b.generator.synthesis(ws, "const"), atol=0.1)


@torch.no_grad()
def test_the_mapping_network_may_be_that_of_b(tmp_path, pair):
    schema = LabelSchema(attributes=(Attribute(name="class", values=("x", "y")),))
    a, b = pair[0], load(written(tmp_path / "c.safetensors", 3, schema=schema, mapping_layers=3), "cpu")
    config, mixed = blended_network(a, b, Blending(at=16, mapping="b"))
    labels = torch.tensor([[1]])
    assert config.mapping_layers == 3
    assert torch.equal(mixed.mapping(torch.ones(1, 6), labels), b.generator.mapping(torch.ones(1, 6), labels))
    assert torch.equal(mixed.synthesis_network.b16.conv1.weight, a.generator.synthesis_network.b16.conv1.weight)


def test_a_ramp_mixes_the_sizes_above(pair):
    a, b = pair
    how = Blending(at=4, ramp=2)
    assert [how.share(side) for side in (4, 8, 16, 32)] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    _, mixed = blended_network(a, b, how)
    weights = [model.synthesis_network.b16.conv0.weight for model in (a.generator, b.generator, mixed)]
    assert torch.allclose(weights[2], weights[0] / 3 + weights[1] * 2 / 3, atol=1e-6)
    # Noise maps keep their strength: they are of one of the two.
    noise = [model.synthesis_network.b8.conv0.noise_const for model in (a.generator, mixed)]
    assert torch.equal(*noise)


def test_a_model_blended_with_itself_stays_as_it_is(pair):
    _, mixed = blended_network(pair[0], pair[0], Blending(at=8, ramp=1))
    state = pair[0].generator.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in mixed.state_dict().items())
    assert likeness(state, state) == pytest.approx(1)
    assert abs(likeness(state, pair[1].generator.state_dict())) < 0.2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"w_dim": 4}, "w_dim (8 and 4)"),
        ({"form": "residual"}, "form (skip and residual)"),
        ({"max_channels": 4}, "channels (8, 8, 8, 4 and 4, 4, 4, 4)"),
        ({"resolution": 64}, "resolution (32 and 64)"),
    ],
)
def test_models_of_two_architectures_are_refused(pair, tmp_path, options, said):
    other = load(written(tmp_path / "c.safetensors", 3, **options), "cpu")
    with pytest.raises(UserError) as error:
        blended_network(pair[0], other, Blending(at=8))
    assert said in str(error.value)


@pytest.mark.parametrize("how", [Blending(32), Blending(2), Blending(12), Blending(8, ramp=-1), Blending(8, ramp=9)])
def test_what_is_out_of_range_is_refused(pair, how):
    with pytest.raises(UserError, match="choose"):
        blended_network(*pair, how)


def test_the_command_writes_a_model_that_draws(tmp_path, capsys, model_file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "a.safetensors", 1, half=False, licence="CC0")
    written(tmp_path / "b.safetensors", 2, licence="MIT")
    arguments = ["blend", "a.safetensors", "b.safetensors", "--at", "8", "--out", "c.safetensors"]
    assert main([*arguments, "--ramp", "1", "--name", "both"]) == 0
    said = capsys.readouterr().out
    assert "c.safetensors: 4: A, 8: A, 16: 50% B, 32: B" in said
    assert "little in common" in said
    model = load("c.safetensors")
    assert (model.name, model.header.licence, model.header.images_seen) == ("both", "CC0; MIT", 2)
    assert model.header.provenance["blended"]["a"]["sha256"] == load("a.safetensors").sha256
    assert model.generate([1])[0].size == (32, 32)
    whole = load("a.safetensors").generator.synthesis_network.b4.conv1.weight
    assert torch.equal(model.generator.synthesis_network.b4.conv1.weight, whole)  # not rounded
    assert main(arguments) == 2
    assert "overwritten" in capsys.readouterr().err
    assert main(["blend", "a.safetensors", str(model_file), "--at", "8", "--out", "d.safetensors"]) == 2
    assert "of the kind dcgan" in capsys.readouterr().err
    written(tmp_path / "run" / "model.safetensors", 3, w_dim=4)
    for others, told in {
        ("a.safetensors", "faces64"): "faces64 has a generator of the kind",
        ("run", "a.safetensors"): "run and a.safetensors differ in w_dim",
        ("a.safetensors", "a.safetensors"): "a.safetensors and a.safetensors are one model: give two",
    }.items():
        assert main(["blend", *others, "--at", "8", "--out", "d.safetensors"]) == 2
        assert capsys.readouterr().err.startswith(f"sakuga: {told}")
    assert not (tmp_path / "d.safetensors").exists()


def test_python_writes_it_too(tmp_path):
    written(tmp_path / "a.safetensors", 1)
    written(tmp_path / "b.safetensors", 2)
    pair = (tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    made = sakuga.load(sakuga.blend(*pair, 8, tmp_path / "c.safetensors", mapping="b").path)
    _, expected = blended_network(*map(load, pair), Blending(8, mapping="b"))
    assert made.name == "c"
    for name, tensor in made.generator.state_dict().items():
        assert torch.allclose(tensor, expected.state_dict()[name], atol=1e-3), name
    with pytest.raises(UserError, match="exists and is not overwritten"):
        sakuga.blend(*pair, 8, tmp_path / "c.safetensors")
