"""Every way of giving G attributes, trained for real at tiny width."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sakuga
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.patch import patch
from sakuga.core.errors import UserError
from sakuga.data.dataset import Dataset
from sakuga.recipes import recipe
from sakuga.training.fake_labels import FakeLabels
from sakuga.training.resolve import check, check_labels

TOLD = {"conditioning.attributes": "hair,eyes"}
DESIGNS: dict[str, dict[str, Any]] = {
    "second output": {"discriminator.head.kind": "auxiliary"},
    "two towers": {"discriminator.head.kind": "auxiliary", "discriminator.head.layers": 3},
    "own network": {"classifier.kind": "dcgan", "classifier.channels": 4, "classifier.head.kind": "auxiliary"},
    "projection": {"discriminator.head.kind": "projection"},
    "discriminative": {"discriminator.head.kind": "discriminative"},
    "summed": {"discriminator.head.kind": "auxiliary", "conditioning.class_loss": "summed"},
    "summed in D": {"discriminator.head.kind": "auxiliary", "conditioning.class_loss": "summed_in_d"},
}


@pytest.mark.parametrize("design", DESIGNS)
def test_every_design_trains_and_draws_what_is_asked_for(design, tiny_run, tmp_path: Path):
    run = tmp_path / "run"
    assert tiny_run(run, TOLD | DESIGNS[design] | {"data.balance": "hair", "duration": "48 images"})
    model = sakuga.load(run / "model.safetensors")
    assert [a.name for a in model.schema.attributes] == ["hair", "eyes"]
    assert sum(count for _, count in model.header.label_counts) == 64
    z = torch.zeros(2, model.z_dim)
    one, other = model.generator(z, torch.tensor([[0, 0], [1, 0]]))
    assert (one != other).any()
    assert len(model.generate([3, 4], hair=model.schema.attributes[0].values[1])) == 2


@pytest.mark.parametrize("kind", ["dcgan", "sngan"])
def test_before_its_start_a_run_is_one_without_attributes(kind, tiny_loop):
    network = {"generator.kind": kind, "generator.channels": 4}
    told = TOLD | DESIGNS["own network"] | network | {"conditioning.start": "2 steps"}
    later, without = tiny_loop(told), tiny_loop(network)
    z, labels = torch.randn(4, later.step.generator.z_dim), torch.tensor([[0, 0], [1, 2], [2, 1], [3, 3]])

    def drawn() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            networks = [loop.step.generator.eval() for loop in (later, without)]
            pictures = networks[0](z, labels), networks[1](z)
        for network in networks:
            network.train()
        return pictures

    for _ in range(2):
        later.run_round(), without.run_round()
        torch.testing.assert_close(*drawn(), atol=1e-5, rtol=1e-4)
    logged = later.meters.read()
    assert logged["loss_c"] == logged["loss_g_class"] == 0
    later.run_round(), without.run_round()
    assert later.meters.read()["loss_g_class"] > 0
    pictures, others = drawn()
    assert not torch.allclose(pictures, others, atol=1e-4)


@pytest.mark.parametrize("design", [design for design in DESIGNS if design != "projection"])
def test_every_design_may_be_told_later(design, tiny_run, last_tensors, tmp_path: Path):
    told = TOLD | DESIGNS[design] | {"conditioning.start": "2 steps"}
    assert tiny_run(tmp_path / "half", told | {"duration": "2 steps"})
    assert tiny_run(tmp_path / "half", {"duration": "4 steps"}, resume=True)
    assert tiny_run(tmp_path / "whole", told | {"duration": "4 steps"})
    half, whole = last_tensors(tmp_path / "half"), last_tensors(tmp_path / "whole")
    assert half.keys() == whole.keys()
    assert all(torch.equal(half[name], whole[name]) for name in half)


def test_lambda_multiplies_the_verdict_and_not_the_classes(tiny_loop):
    def losses(weight: float) -> dict[str, float]:
        loop = tiny_loop(TOLD | DESIGNS["second output"] | {"conditioning.adversarial_weight": weight})
        loop.run_round()
        return loop.meters.read()

    once, thrice = losses(1.0), losses(3.0)
    assert once["loss_d_class_real"] == thrice["loss_d_class_real"]
    for side in ("real", "fake"):
        classes = once.get(f"loss_d_class_{side}", 0.0)
        verdict = once[f"loss_d_{side}"] - classes
        assert thrice[f"loss_d_{side}"] - classes == pytest.approx(3 * verdict, rel=1e-4)


def test_fakes_count_for_the_classes_of_d_only_if_asked(tiny_loop):
    def logged(**changes: Any) -> set[str]:
        loop = tiny_loop(TOLD | DESIGNS["second output"] | {f"conditioning.{k}": v for k, v in changes.items()})
        loop.run_round()
        return set(loop.meters.read())

    assert "loss_d_class_fake" not in logged()
    assert "loss_d_class_fake" in logged(classify_fakes=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"loss.kind": "wasserstein", "loss.clip": 0.01},
        {"loss.kind": "wasserstein", "penalty.kind": "wgan_gp", "discriminator.norm": "none"},
        {"loss.kind": "relativistic", "penalty.kind": "r1r2", "discriminator.norm": "none"},
        {"loss.kind": "lsgan", "penalty.kind": "dragan", "discriminator.norm": "layer"},
        {"loss.kind": "wasserstein", "discriminator.norm": "spectral", "penalty.kind": "none"},
        {"loss.kind": "hinge", "penalty.kind": "none", "discriminator.norm": "spectral"},
        {"loss.kind": "logistic", "augment.kind": "ada"},
        {"loss.kind": "relativistic", "augment.kind": "ada", "augment.target": "null", "augment.strength": 0.3},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_games_and_penalties_combine_freely(changes, tiny_loop):
    loop = tiny_loop(changes)
    before = [p.clone() for p in loop.step.networks.parameters()]
    for _ in range(3):
        loop.run_round()
    read = loop.meters.read()
    assert all(math.isfinite(value) for value in read.values())
    assert any((p != b).any() for p, b in zip(loop.step.networks.parameters(), before, strict=True))
    assert ("wasserstein" in read) == (changes["loss.kind"] == "wasserstein")
    if "loss.clip" in changes:
        assert max(p.abs().max().item() for p in loop.step.discriminator.parameters()) <= 0.01


SENSELESS = {
    "batch norm": ({"penalty.kind": "wgan_gp", "loss.kind": "wasserstein"}, "by itself"),
    "batch norm, dragan": ({"penalty.kind": "dragan"}, "--penalty.kind dragan .* by itself"),
    "unbounded": ({"loss.kind": "wasserstein", "penalty.kind": "none"}, "bounded slope"),
    "bounded at real pictures": (
        {"loss.kind": "wasserstein"},
        r"bounded slope .* wgan_gp .*; --penalty.kind r1 does not reach there\.",
    ),
    "bounded near real pictures": (
        {"loss.kind": "wasserstein", "penalty.kind": "dragan", "discriminator.norm": "layer"},
        "--penalty.kind dragan does not reach there",
    ),
    "ada": ({"loss.kind": "relativistic", "augment.kind": "ada"}, "--augment.kind diffaugment"),
    "two bounds": (
        {"loss.kind": "wasserstein", "loss.clip": 0.01, "penalty.kind": "dragan", "discriminator.norm": "none"},
        "both bound D's slope",
    ),
    "controller": ({"loss.kind": "wasserstein", "loss.clip": 0.01, "controller.enabled": True}, "gives none"),
    "noise without noise": ({"noise_start": "1k images"}, "has no noise"),
    "prior without labels": ({"conditioning.label_prior": "uniform"}, "label_prior uniform .* told none"),
    "nobody judges": (TOLD, "nothing judges"),
    "nothing to tell later": ({"conditioning.start": "1k images"}, r"start 1000 images .* told none"),
    "projection, told later": (
        TOLD | DESIGNS["projection"] | {"conditioning.start": "1k images"},
        "no verdict without labels",
    ),
    "told later, and drawing already": (
        TOLD | DESIGNS["second output"] | {"conditioning.start": "1k images", "init.generator": "faces64"},
        "can draw already",
    ),
    "nothing told": ({"discriminator.head.kind": "projection"}, "G is told none"),
    "classifier, nothing told": ({"classifier.kind": "dcgan", "classifier.head.kind": "auxiliary"}, "G is told none"),
    "classifier without classes": (TOLD | {"classifier.kind": "dcgan"}, "names no class"),
    "two classifiers": (TOLD | DESIGNS["own network"] | DESIGNS["second output"], "both classify"),
    "weightless penalty": (
        {"loss.kind": "wasserstein", "penalty.kind": "wgan_gp", "penalty.weight": 0, "discriminator.norm": "none"},
        r"bounded slope .* spectral\.$",
    ),
    "clipped spectral norm": (
        {"loss.kind": "wasserstein", "loss.clip": 0.01, "discriminator.norm": "spectral"},
        "leave one out",
    ),
    "fakes, no classifier": (
        TOLD | DESIGNS["projection"] | {"conditioning.classify_fakes": True},
        "auxiliary classifier",
    ),
    "class loss, no classifier": (
        TOLD | DESIGNS["discriminative"] | {"conditioning.class_loss": "summed_in_d"},
        "is about a classifier",
    ),
    "nothing to learn": (
        TOLD | DESIGNS["projection"] | {"conditioning.adversarial_weight": 0},
        "adversarial_weight 0 is set against a class loss",
    ),
    "lambda without classes": ({"conditioning.adversarial_weight": 3}, "adversarial_weight 3 is set against"),
    "prior of fakes in pairs": (
        TOLD | DESIGNS["projection"] | {"loss.kind": "relativistic", "conditioning.label_prior": "uniform"},
        "--loss.kind relativistic .* takes those of the real pictures",
    ),
    "variety of a joint batch": (
        {"real_fake_batches": "joint", "discriminator.minibatch_std": True, "discriminator.norm": "none"},
        "standard deviation over the batch",
    ),
    "size of G": ({"generator.resolution": 64, "data.resolution": "auto"}, "sizes differ"),
    "size of the classifier": (TOLD | DESIGNS["own network"] | {"classifier.resolution": 64}, "sizes differ"),
    "ada that stays at 0": ({"augment.kind": "ada", "augment.target": None}, "strength must be above 0"),
    "ada of nothing": (
        {"augment.kind": "ada", "augment.blit": False, "augment.geometry": False, "augment.color": False},
        "must be true",
    ),
    "negative lambda": ({"conditioning.adversarial_weight": -1}, "adversarial_weight"),
}


@pytest.mark.parametrize("case", SENSELESS)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(case, tiny_config):
    changes, words = SENSELESS[case]
    with pytest.raises(UserError, match=words):
        tiny_config(changes)


def test_a_second_stage_is_told_what_the_first_is():
    later = TOLD | DESIGNS["second output"] | {"conditioning.start": "1k images", "init.base": "faces64"}
    config = patch(recipe("stacked128"), later)
    with pytest.raises(UserError, match="second stage is told what its finished first stage is"):
        check(config)


def test_labels_that_do_not_fit_are_named(tiny_config):
    schema = LabelSchema(attributes=(Attribute(name="hair", values=("black", "aqua")),))
    black = Dataset(np.zeros((8, 32, 32, 3), np.uint8), np.zeros((8, 1), np.int64), schema, name="faces.zip")
    head = {"discriminator.head.kind": "projection"}
    with pytest.raises(UserError, match=r"faces\.zip has no picture with hair aqua"):
        check_labels(tiny_config({"conditioning.attributes": "hair"} | head), black)
    with pytest.raises(UserError, match=r"--conditioning\.attributes eyes: faces\.zip has no such attribute: known"):
        check_labels(tiny_config({"conditioning.attributes": "eyes"} | head), black)
    with pytest.raises(UserError, match="has no labels"):
        check_labels(tiny_config({"conditioning.attributes": "all"} | head), Dataset(black.images))


def test_values_that_no_fake_could_be_made_from_are_named(tiny_config):
    schema = LabelSchema(attributes=tuple(Attribute(name=n, values=("a", "b")) for n in ("hair", "eyes")))
    rows = np.array([[0, 0], [1, 0], [-1, 1], [-1, 1]])
    partly = Dataset(np.zeros((4, 32, 32, 3), np.uint8), rows, schema, name="faces.zip")
    told = TOLD | {"discriminator.head.kind": "projection"}
    with pytest.raises(UserError, match=r"no picture with eyes b whose other attributes are known"):
        check_labels(tiny_config(told), partly)
    check_labels(tiny_config(told | {"conditioning.label_prior": "uniform"}), partly)
    empty = LabelSchema(attributes=(Attribute(name="hair", values=()), schema.attributes[1]))
    with pytest.raises(UserError, match="no picture with a known hair: leave the attribute out"):
        check_labels(tiny_config(told), Dataset(partly.images, np.array([[-1, 0], [-1, 1]] * 2), empty, name="x"))


def test_attributes_that_cannot_be_balanced_are_named_before_training(tiny_run, tmp_path: Path):
    with pytest.raises(UserError, match=r"--data\.balance hat: synthetic.* has no such attribute: did"):
        tiny_run(tmp_path / "run", {"data.balance": "hat", "threads": 1})
    assert not (tmp_path / "run").exists()


def test_labels_of_fakes_are_as_frequent_as_the_datas_and_never_unknown():
    schema = LabelSchema(attributes=tuple(Attribute(name=n, values=("a", "b", "c")) for n in ("hair", "eyes")))
    rows = np.array([[0, 1]] * 90 + [[2, 0]] * 10 + [[1, -1]] * 50)
    numbers = np.arange(4000)
    drawn = FakeLabels(rows, schema, "data", 0)(numbers)
    assert {tuple(row) for row in drawn.tolist()} == {(0, 1), (1, 0), (1, 1), (2, 0)}
    assert np.bincount(drawn[:, 0]) / 4000 == pytest.approx([90 / 150, 50 / 150, 10 / 150], abs=0.03)
    assert np.mean(drawn[drawn[:, 0] == 1, 1]) == pytest.approx(0.9, abs=0.03)
    even = FakeLabels(rows, schema, "uniform", 0)(numbers)
    assert np.bincount(even[:, 1], minlength=3) / 4000 == pytest.approx([1 / 3] * 3, abs=0.03)
    weights = np.where(rows[:, 0] == 2, 14.0, 1.0)  # as often in all as the others
    balanced = FakeLabels(rows, schema, "data", 0, weights)(numbers)
    assert np.mean(balanced[:, 0] == 2) == pytest.approx(0.5, abs=0.03)
    apart = FakeLabels(np.array([[0, -1], [-1, 2]]), schema, "data", 0)(numbers)
    assert {tuple(row) for row in apart.tolist()} == {(0, 2)}
    assert (FakeLabels(rows, schema, "data", 0)(numbers[7:9]) == drawn[7:9]).all()


@pytest.mark.parametrize(
    ("changes", "in_pairs"),
    [
        ({"loss.kind": "relativistic"}, True),
        ({"penalty.kind": "wgan_gp", "discriminator.norm": "none"}, True),
        ({}, False),
        ({"loss.kind": "relativistic", "discriminator.head.kind": "discriminative"}, False),
    ],
    ids=lambda value: str(value),
)
def test_fakes_that_are_set_against_real_pictures_share_their_known_labels(changes, in_pairs, tiny_loop):
    loop = tiny_loop(TOLD | DESIGNS["projection"] | changes)
    loop.step.labels[::2, 0] = -1
    judged, told = [], []
    loop.step.discriminator.register_forward_pre_hook(lambda _, given: judged.append(given[1]))
    mapping = loop.step.generator.mapping
    loop.step.generator.mapping = lambda z, labels: told.append(labels) or mapping(z, labels)
    loop.run_round()
    (of_fakes,), (real, fake) = told, judged[:2]
    assert torch.equal(fake, of_fakes) and (of_fakes >= 0).all() and (real < 0).any()
    assert bool((fake == real)[real >= 0].all()) == in_pairs


def test_a_tower_of_one_process_sees_the_labels_of_its_own_part(tiny_loop):
    loop = tiny_loop(TOLD | DESIGNS["projection"])
    batch = loop.batches.at(0)
    restricted = loop.step.labels[batch.indices]
    names = [a.name for a in loop.dataset.schema.attributes]
    columns = [names.index("hair"), names.index("eyes")]
    assert (batch.labels.numpy()[:, columns] == restricted).all()
    assert torch.is_tensor(batch.images)
