"""Every recipe of the registry at tiny width: all its phases, saved, loaded, resumed, drawn from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import sakuga
from sakuga.configs.patch import patch
from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError
from sakuga.data.dataset import Dataset, open_dataset
from sakuga.models.registry import build
from sakuga.recipes import RECIPES, recipe
from sakuga.training.loop import Loop
from sakuga.training.resolve import resolve
from sakuga.training.sources import adopted
from sakuga.training.start import train

every_recipe = pytest.mark.parametrize("name", sorted(RECIPES))
ROUNDS = 6  # enough for five updates of D and one of G


def tiny(name: str, first_stage: Path) -> dict[str, Any]:
    """Returns changes that make a recipe tiny and leave its phases."""
    config = recipe(name)
    changes: dict[str, Any] = {
        "data.resolution": 32,
        "generator.channels": 4,
        "discriminator.channels": 4,
        "batch_size": 4,
        "outputs.sheet_size": 4,
        "outputs.sheets": "never",
        "outputs.snapshots": "never",
        "outputs.checkpoints": "every 3 steps",
        "duration": f"{4 * ROUNDS} images",
        "precision": "float32",
        "threads": 1,
    }
    if config.penalty.kind != "none":
        changes["penalty.every"] = min(config.penalty.every, 2)
    if config.path_length.weight:
        changes["path_length.every"] = 3
    if config.generator.kind == "stylegan2":
        parts = {"channels": 64, "max_channels": 8, "mapping_layers": 2}
        changes |= {f"{side}.{name}": value for side in ("generator", "discriminator") for name, value in parts.items()}
        changes["generator.w_dim"] = 8
    if config.generator.kind == "srresnet":
        changes["generator.blocks"] = 1
    if config.generator.kind == "stacked":
        return changes | {"data.resolution": 64, "init.base": str(first_stage)}
    if "hair" not in config.conditioning.attributes and config.conditioning.attributes:
        changes["conditioning.attributes"] = "hair,eyes"
    return changes | {"generator.z_dim": 8}


@pytest.fixture(scope="session")
def first_stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished model of one stage, at 32 pixels."""
    run = tmp_path_factory.mktemp("base") / "run"
    assert train("tiny64", "synthetic:64", run, changes=tiny("tiny64", run), device="cpu")
    return run / "model.safetensors"


@every_recipe
def test_it_trains_all_its_phases_resumes_exactly_and_draws(
    name: str, first_stage: Path, tmp_path: Path, last_tensors: Callable[[Path], dict[str, torch.Tensor]]
) -> None:
    changes = tiny(name, first_stage)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(name, "synthetic:64", whole, changes=changes, device="cpu")
    assert train(name, "synthetic:64", parts, changes=changes | {"duration": "12 images"}, device="cpu")
    assert train(None, None, parts, changes={"duration": changes["duration"]}, resume=True, device="cpu")
    one, other = last_tensors(whole), last_tensors(parts)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)

    model = sakuga.load(whole / "model.safetensors")
    size = 64 if name == "stacked128" else 32
    assert model.generate([1, 2])[1].size == (size, size)
    assert (model.header.images_seen, model.header.provenance["config"]["recipe"]) == (4 * ROUNDS, name)
    label, sentence = (
        ("plaid", "hair has no value 'plaid'")
        if model.schema.attributes
        else ("aqua", "was trained without attributes, so hair cannot be chosen")
    )
    with pytest.raises(UserError, match=sentence):
        model.generate([1], hair=label)


def test_a_second_stage_takes_the_z_of_the_first_and_goes_on_without_its_file(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert train("tiny64", "synthetic:64", first, changes=tiny("tiny64", first) | {"latent.sigma": 0.5}, device="cpu")
    model = (first / "model.safetensors").rename(tmp_path / "first.safetensors")
    changes = tiny("stacked128", model) | {"duration": "12 images"}
    assert train("stacked128", "synthetic:64", second, changes=changes, device="cpu")
    assert sakuga.load(second / "model.safetensors").header.latent.sigma == 0.5
    model.unlink()
    assert train(None, None, second, changes={"duration": "16 images"}, resume=True, device="cpu")


def test_what_the_user_gives_comes_after_the_first_stage_or_is_refused(first_stage: Path, tmp_path: Path) -> None:
    changes = tiny("stacked128", first_stage)
    config = adopted(recipe("stacked128"), changes | {"generator.base.channels": 99})
    assert (config.generator.base.channels, config.generator.base.z_dim, config.latent.sigma) == (99, 8, 1.0)
    by_name = {"generator.kind": "stacked", "generator.channels": 4, "init.base": str(first_stage)}
    assert adopted(recipe("quick64"), by_name).generator.base == adopted(recipe("stacked128"), changes).generator.base
    for change, sentence in (
        ({"generator.base.channels": 99}, r"than --generator\.base asks for, first at .*: leave out what you gave of"),
        (
            {"latent.sigma": 0.5},
            r"draws from z with mean 0 and sigma 1, and this run from .* sigma 0\.5: leave out --lat",
        ),
        (
            {"data.resolution": 128},
            r"for pictures of 32 pixels, which .* doubles, and this run has 128: give --data\.resolution 64",
        ),
    ):
        with pytest.raises(UserError, match=rf"--init\.base .*{sentence}"):
            train("stacked128", "synthetic:64", tmp_path / "run", changes=changes | change, device="cpu")
    with pytest.raises(UserError, match=r"--init\.base is the first stage of a stacked .* --generator\.kind is dcgan"):
        train("quick64", "synthetic:64", tmp_path / "run", changes={"init.base": str(first_stage)}, device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_first_stage_of_a_kind_that_cannot_be_one_is_refused_by_its_option(tmp_path: Path) -> None:
    first = tmp_path / "first"
    assert train("stylegan2-64-cpu", "synthetic:16", first, changes=tiny("stylegan2-64-cpu", first), device="cpu")
    sentence = r"--init.base .*first is of kind stylegan2, and a first stage is of kind dcgan, sngan or srresnet"
    with pytest.raises(UserError, match=sentence):
        train("stacked128", "synthetic:16", tmp_path / "run", changes=tiny("stacked128", first), device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_weights_that_know_other_labels_are_refused(role: str, tmp_path: Path) -> None:
    changes = tiny("attributes64", tmp_path)
    assert train("attributes64", "synthetic:64", tmp_path / "first", changes=changes, device="cpu")
    (tmp_path / "faces").mkdir()
    schema, lines = sakuga.load(tmp_path / "first").schema, ["file,hair,eyes"]
    hair, eyes = (a.values[:2] for a in schema.attributes)
    for i, image in enumerate(open_dataset("synthetic:32", 32).images):
        Image.fromarray(image).save(tmp_path / "faces" / f"{i}.png")
        lines.append(f"{i}.png,{hair[i % 2]},{eyes[i % 2]}")
    (tmp_path / "faces" / "labels.csv").write_text("\n".join(lines))
    changes |= {f"init.{role}": str(tmp_path / "first")}
    with pytest.raises(UserError, match=rf"--init.{role} .*first knows hair \("):
        train("attributes64", str(tmp_path / "faces"), tmp_path / "second", changes=changes, device="cpu")
    assert not (tmp_path / "second").exists()


@every_recipe
def test_every_phase_moves_its_networks_and_no_other(name: str, first_stage: Path, synthetic64: Dataset) -> None:
    loop = tiny_loop(name, first_stage, synthetic64)
    before = {key: [p.detach().clone() for p in net.parameters()] for key, net in loop.step.optimized.items()}
    phases = set()
    for _ in range(ROUNDS):
        phases |= {p.name for p in loop.step.phases if p.due(loop.images // 4)}
        loop.run_round()
    assert phases == {p.name for p in loop.step.phases}
    for key, net in loop.step.optimized.items():
        for now, then in zip(net.parameters(), before[key], strict=True):
            assert now.requires_grad or torch.equal(now, then)
        assert any(not torch.equal(now, then) for now, then in zip(net.parameters(), before[key], strict=True))


@every_recipe
def test_a_wrong_size_is_refused_by_name(name: str, first_stage: Path) -> None:
    with pytest.raises(UserError, match=r"generator: .* pixels, not 72: .* --data\.resolution"):
        patch(recipe(name), tiny(name, first_stage) | {"data.resolution": 72, "generator.resolution": 72})


@every_recipe
def test_at_full_size_it_maps_z_to_pictures_to_verdicts(name: str, synthetic64: Dataset) -> None:
    config = recipe(name)
    size = int(config.data.resolution)
    if config.generator.kind == "stacked":
        config = patch(config, {"init.base": "base.safetensors"})
    config = resolve(config, size, torch.device("cpu"))
    schema = synthetic64.schema if config.conditioning.attributes else synthetic64.schema.restricted(())
    with torch.device("meta"):
        generator, discriminator = build(config.generator, schema), build(config.discriminator, schema)
        z, labels = torch.randn(2, config.generator.z_dim), torch.zeros(2, len(schema.sizes), dtype=torch.int64)
        images = generator(z, labels)
        judgement = discriminator(images, labels)
    assert images.shape == (2, 3, size, size)
    assert len(judgement.logits) == 2


@pytest.fixture(scope="session")
def synthetic64() -> Dataset:
    return open_dataset("synthetic:64", 32)


def tiny_loop(name: str, first_stage: Path, dataset: Dataset) -> Loop:
    changes = tiny(name, first_stage)
    if recipe(name).generator.kind == "stacked":
        dataset = open_dataset("synthetic:64", 64)
    config: TrainConfig = resolve(patch(recipe(name), changes), dataset.resolution, torch.device("cpu"))
    return Loop(config, dataset, torch.device("cpu"))
