import numpy as np
import pytest
import torch
from torch import nn

from sakuga.cli import main
from sakuga.configs.classifier import ClassifierConfig
from sakuga.configs.directions import DirectionInfo, DirectionsHeader, Move
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import ClassifierRole, GeneratorRole, Header, Roles
from sakuga.configs.models import DcganGeneratorConfig
from sakuga.core.errors import UserError
from sakuga.evaluation.attributes import Judge
from sakuga.evaluation.identity import FIRST_SEED, USUAL_STRENGTH, judged_value, measure_directions
from sakuga.features import extractor as extractors
from sakuga.generation.directions import Directions, write_directions
from sakuga.generation.edit import edited, ws_of_seeds
from sakuga.generation.model import load
from sakuga.models.file import save_model
from sakuga.models.registry import build

SCHEMA = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("dark", "light")),
        Attribute(name="eyes", values=("left", "right")),
    )
)


class Brightness(nn.Module):
    """Hair is light where the picture is brighter than `threshold`; eyes are on the brighter side."""

    def __init__(self, threshold: float):
        super().__init__()
        self.threshold = threshold

    def forward(self, images):
        light = images.mean((1, 2, 3)) - self.threshold
        right = images[..., 16:].mean((1, 2, 3)) - images[..., :16].mean((1, 2, 3))
        return torch.stack([-light, light], 1), torch.stack([-right, right], 1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A generator whose pictures are the brighter the larger z[0] is, beside what else is in them."""
    torch.manual_seed(0)
    config = DcganGeneratorConfig(resolution=32, z_dim=4, channels=4, norm="none")
    network = build(config, LabelSchema())
    for module in network.modules():
        if isinstance(module, nn.ConvTranspose2d):
            module.weight.data = module.weight.data * 8
            module.bias.data.zero_()
    network.layers[0].weight.data[0].abs_()
    for module in list(network.modules())[2:]:
        if isinstance(module, nn.ConvTranspose2d):
            module.weight.data[:, :, 1:3, 1:3].abs_()
    path = tmp_path_factory.mktemp("models") / "bright.safetensors"
    header = Header(name="bright", roles=Roles(generator=GeneratorRole(architecture=config)))
    return load(save_model(path, header, {"generator": network}), "cpu")


@pytest.fixture(scope="module")
def directions(model):
    steps = {"hair:light": torch.eye(4)[:1] * 0.5, "sefa:0": torch.eye(4)[1:2], "nothing": torch.eye(4)[:1] * 1e-9}
    infos = {name: DirectionInfo(what="made up", deviation=1.0) for name in steps}
    header = DirectionsHeader(model="bright", model_sha256=model.sha256, method="labels", layers=(0,), directions=infos)
    return Directions(header, steps)


@pytest.fixture
def judge(model):
    """Sees light hair in what is brighter than most samples."""
    plain = model.sample_images(model.z_of_seeds(range(FIRST_SEED, FIRST_SEED + 20)))
    threshold = float(np.quantile(plain.mean((1, 2, 3)) / 127.5 - 1, 0.8))
    role = ClassifierRole(architecture=ClassifierConfig(resolution=32, channels=1))
    header = Header(name="judge", roles=Roles(classifier=role), labels=SCHEMA, data="thresholds")
    return Judge(model.path, header, Brightness(threshold), torch.device("cpu"))


def unit(features):
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def test_distance_by_hand(model, directions, extractor):
    report = measure_directions(model, directions, ["sefa:0", "nothing"], extractor, 5)
    ws = ws_of_seeds(model, range(FIRST_SEED, FIRST_SEED + 5))
    there = edited(model, ws, directions, [Move("sefa:0", USUAL_STRENGTH, USUAL_STRENGTH)], [1.0])[:, 0]
    before = unit(extractor.features(model.sample_ws(lambda part: ws[part], 5)).astype(np.float64))
    after = unit(extractor.features(there).astype(np.float64))
    pairs = [1 - before[i] @ before[j] for i in range(5) for j in range(5) if i != j]
    sefa, nothing = report.costs
    assert sefa.identity == pytest.approx((1 - (before * after).sum(1)).mean() / np.mean(pairs), rel=1e-4)
    assert sefa.identity > 0.05
    assert nothing.identity == pytest.approx(0, abs=1e-6)
    assert (sefa.strength, sefa.before, sefa.after, sefa.kept) == (USUAL_STRENGTH, None, None, None)
    assert "mean colors of blocks" in report.ruler and "5 samples from seed 2000000000" in report.ruler


def test_a_judge_says_from_where_on_most_show_it(model, directions, extractor, judge):
    report = measure_directions(model, directions, ["hair:light", "sefa:0"], extractor, 20, judge=judge)
    light, other = report.costs
    ws = ws_of_seeds(model, range(FIRST_SEED, FIRST_SEED + 20))

    def answers(strength):
        moved = edited(model, ws, directions, [Move("hair:light", strength, strength)], [1.0])[:, 0]
        return judge.answers(moved)

    assert light.before == 0.2
    assert light.after == (answers(light.strength)[:, 0] == 1).mean() > 0.5
    assert light.strength > 1 and (answers(light.strength - 1)[:, 0] == 1).mean() <= 0.5
    assert light.kept == (answers(light.strength)[:, 1] == answers(0)[:, 1]).mean()
    assert (other.strength, other.after) == (USUAL_STRENGTH, None)
    assert other.kept is not None
    assert "judge: judge, trained on thresholds" in report.ruler
    assert judged_value(judge, "eyes:right") == (1, 1)
    assert judged_value(judge, "eyes:none") is None
    with pytest.raises(UserError, match="two characters are the least"):
        measure_directions(model, directions, ["sefa:0"], extractor, 1)


def test_both_commands_print_the_cost(model, directions, extractor, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(extractors, "load_extractor", lambda *_, **__: extractor)
    found = write_directions(tmp_path / "d.safetensors", directions)
    assert main(["edit", str(model.path), "--directions", str(found), "--direction", "sefa:0", "--measure", "4"]) == 0
    shown = capsys.readouterr().out
    assert "identity cost" in shown and "Identity cost: 0 is the same picture, 1 another character. Ruler: " in shown
    out = tmp_path / "new.safetensors"
    assert main(["directions", str(model.path), "--count", "2", "--out", str(out), "--measure", "4"]) == 0
    shown = capsys.readouterr().out
    assert "sefa:1" in shown.split("identity cost")[1]
