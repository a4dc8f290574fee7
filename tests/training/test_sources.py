"""Starting from finished models: their architecture, size and noise."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import DiscriminatorRole, GeneratorRole, Header, Roles, read_header
from sakuga.configs.models import Stylegan2DiscriminatorConfig, Stylegan2GeneratorConfig
from sakuga.configs.patch import patch
from sakuga.configs.training import LatentConfig, TrainConfig
from sakuga.core import distributed
from sakuga.core.errors import UserError
from sakuga.models.file import load_network, save_model
from sakuga.models.registry import build
from sakuga.recipes import recipe
from sakuga.training import resolve, sources
from sakuga.training.start import train
from sakuga.training.transfer import transferred

RECIPE = "stylegan2-64-cpu"
SHORT: dict[str, Any] = {
    "batch_size": 4,
    "duration": "8 images",
    "outputs.sheet_size": 4,
    "outputs.snapshots": "never",
    "precision": "float32",
    "threads": 1,
}
WIDTHS = {"channels": 64, "max_channels": 8}


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Writes an unusual StyleGAN2, as `sakuga import` does, and returns the options that start from it."""

    def make(resolution: int = 64, head: str = "none") -> dict[str, str]:
        g = Stylegan2GeneratorConfig(
            resolution=resolution, z_dim=12, w_dim=10, mapping_layers=3, mapping_lr=0.03, form="residual", **WIDTHS
        )
        d = Stylegan2DiscriminatorConfig.model_validate(
            {"resolution": resolution, "minibatch_group": 2, "form": "original", "head": {"kind": head}, **WIDTHS}
        )
        attributes = (Attribute(name="hair", values=("aqua", "black")),) if head != "none" else ()
        header = Header(
            name="theirs",
            roles=Roles(generator=GeneratorRole(architecture=g), discriminator=DiscriminatorRole(architecture=d)),
            labels=LabelSchema(attributes=attributes),
            latent=LatentConfig(sigma=0.5),
        )
        path = tmp_path / f"theirs{resolution}.safetensors"
        save_model(path, header, {"generator": build(g, header.labels), "discriminator": build(d, header.labels)})
        return {"init.generator": str(path), "init.discriminator": str(path)}

    return make


def test_a_run_takes_the_architecture_of_the_model_that_it_starts_from(model: Callable[..., Any], tmp_path: Path):
    options = model()
    assert train(RECIPE, "synthetic:16", tmp_path / "run", changes=SHORT | options, device="cpu")
    theirs, ours = (read_header(p).roles for p in (options["init.generator"], tmp_path / "run" / "model.safetensors"))
    assert ours == theirs  # with mapping_lr and minibatch_group, which no tensor tells
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert config["latent"]["sigma"] == 0.5
    assert config["noise_start"] == "300000 images"  # its noise is as strong as when it began


def test_what_the_user_gives_comes_after_the_model(model: Callable[..., Any], tmp_path: Path):
    options = model() | {"generator.mapping_lr": 0.5, "latent.sigma": 2.0, "noise_start": "1k images"}
    config = resolve.resolve(sources.adopted(recipe(RECIPE), options), 64, torch.device("cpu"))
    assert (config.generator.mapping_lr, config.generator.z_dim, config.latent.sigma) == (0.5, 12, 2.0)
    assert str(config.noise_start) == "1000 images"
    changes = SHORT | model() | {"generator.mapping_layers": 4}
    with pytest.raises(UserError, match=r"than --generator asks for, first at mapping_network\.fc3\.bias: leave out"):
        train(RECIPE, "synthetic:16", tmp_path / "run", changes=changes, device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_model_of_another_kind_than_the_recipe_s_is_taken_as_it_is(model: Callable[..., Any]):
    options = model() | {"generator.mapping_lr": 0.5, "style_mixing": 0.9}
    config = sources.adopted(recipe("dcgan64"), options)
    assert (config.generator.kind, config.discriminator.kind) == ("stylegan2", "stylegan2")
    with pytest.raises(UserError, match=r"No option --generator\.norm"):
        sources.adopted(recipe("dcgan64"), options | {"generator.norm": "none"})


def test_the_head_is_that_of_the_run(model: Callable[..., Any], tmp_path: Path):
    judged = {"conditioning.attributes": "hair", "discriminator.head.kind": "projection"}
    options = {"init.discriminator": model()["init.discriminator"]} | judged
    assert sources.adopted(recipe(RECIPE), options).discriminator.head.kind == "projection"
    # Without labels of its own there is nothing in it that judges them.
    with pytest.raises(UserError, match="knows no attributes, and this run hair"):
        train(RECIPE, "synthetic:64", tmp_path / "run", changes=SHORT | options, device="cpu")
    options = {"init.discriminator": model(head="projection")["init.discriminator"]}
    with pytest.raises(UserError, match=r"than --discriminator\.head asks for, first at mapping"):
        train(RECIPE, "synthetic:16", tmp_path / "run", changes=SHORT | options, device="cpu")


def unlabeled(tmp_path: Path, kind: str) -> Path:
    """Writes a generator and a discriminator that know no labels, with random weights."""
    torch.manual_seed(3)
    config = patch(recipe("quick64" if kind == "dcgan" else RECIPE), {"data.resolution": 64} | NARROW[kind])
    config = resolve.resolve(config, 64, torch.device("cpu"))
    networks = {
        "generator": build(config.generator, LabelSchema()),
        "discriminator": build(config.discriminator, LabelSchema()),
    }
    roles = Roles(
        generator=GeneratorRole(architecture=config.generator),
        discriminator=DiscriminatorRole(architecture=config.discriminator),
    )
    path = tmp_path / f"{kind}.safetensors"
    save_model(path, Header(name=kind, roles=roles, latent=config.latent), networks)
    return path


NARROW: dict[str, dict[str, Any]] = {
    "dcgan": {"generator.channels": 4, "discriminator.channels": 4},
    "stylegan2": {
        f"{network}.{key}": value for network in ("generator", "discriminator") for key, value in WIDTHS.items()
    },
}


@pytest.mark.parametrize("kind", ["dcgan", "stylegan2"])
def test_a_generator_that_learns_labels_begins_with_what_it_drew(kind: str, tmp_path: Path):
    path = unlabeled(tmp_path, kind)
    options = {"init.generator": str(path), "init.discriminator": str(path), "conditioning.attributes": "hair"}
    options |= {"discriminator.head.kind": "auxiliary"} | ({"generator.mapping_lr": 0.1} if kind == "stylegan2" else {})
    config = resolve.resolve(
        sources.adopted(recipe("attributes64" if kind == "dcgan" else RECIPE), options), 64, torch.device("cpu")
    )
    schema = LabelSchema(attributes=(Attribute(name="hair", values=("aqua", "black", "pink")),))
    header = read_header(path)
    theirs = {role: load_network(path, role, header) for role in ("generator", "discriminator")}
    ours = {"generator": build(config.generator, schema), "discriminator": build(config.discriminator, schema)}
    for role, network in ours.items():
        network.load_state_dict(transferred(theirs[role], network, gains_labels=True))
        network.eval()
    z = torch.randn(6, theirs["generator"].z_dim)
    labels = torch.arange(6)[:, None] % 3
    with torch.no_grad():
        ws, expected = ours["generator"].mapping(z, labels), theirs["generator"].mapping(z)
        drawn, before = ours["generator"].synthesis(ws, "const"), theirs["generator"].synthesis(expected, "const")
        judged, was = ours["discriminator"](before, labels), theirs["discriminator"](before)
    torch.testing.assert_close(drawn, before, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(judged.logits, was.logits, atol=1e-4, rtol=1e-4)
    assert judged.attributes is not None


def test_a_run_may_begin_without_labels_and_go_on_with_them(tmp_path: Path):
    path = unlabeled(tmp_path, "stylegan2")
    options = {"init.generator": str(path), "init.discriminator": str(path), "conditioning.attributes": "hair"}
    options |= {"discriminator.head.kind": "auxiliary", "noise_start": "1k images"}
    assert train(RECIPE, "synthetic:64", tmp_path / "run", changes=SHORT | options, device="cpu")
    assert read_header(tmp_path / "run" / "model.safetensors").labels.attributes[0].name == "hair"


@pytest.mark.parametrize("size", [64, "auto"])
def test_pictures_of_another_size_are_refused(model: Callable[..., Any], size: Any, tmp_path: Path):
    options = SHORT | model(32) | {"data.resolution": size}
    with pytest.raises(UserError, match=r"--init\.generator .*, and this run has 64: give --data\.resolution 32"):
        train(RECIPE, "synthetic:16", tmp_path / "run", changes=options, device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({}, "300000 images"),
        ({"init.generator": "stylegan2-faces"}, "0 images"),
        ({"init.generator": "stylegan2-faces", "noise_start": "2 steps"}, "2 steps"),
        ({"init.generator": "faces64-attributes"}, "300000 images"),  # has never seen noise
        ({"init.generator": "faces64", "style_mixing": 0}, "0 images"),
        ({"init.discriminator": "faces64"}, "300000 images"),
        ({"noise_start": 0}, "0 images"),
        ({"generator.kind": "dcgan", "style_mixing": 0}, "0 images"),
    ],
)
def test_noise_begins_at_once_where_it_has_been_learned(changes: dict[str, Any], start: str):
    config = resolve.resolve(sources.adopted(recipe(RECIPE), changes), 64, torch.device("cpu"))
    assert str(config.noise_start) == start
    assert TrainConfig.model_validate(config.model_dump(mode="json")) == config


def test_path_lengths_of_fewer_pictures_than_processes_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(distributed, "world_size", lambda: 4)
    with pytest.raises(UserError, match=r"--path_length\.shrink 5 leaves 3 pictures of 16, which 4 .* choose 4\."):
        train(RECIPE, "synthetic:16", tmp_path / "run", changes={"path_length.shrink": 5}, device="cpu")
