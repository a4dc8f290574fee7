"""Comparisons of conditional variants: labels and judges that do not fit, and what a classifier of its own leaves."""

import json
import re

import pytest
import torch
from PIL import Image

from sakuga.comparison import page
from sakuga.comparison.start import compare
from sakuga.configs.classifier import ClassifierConfig
from sakuga.configs.labels import LabelSchema
from sakuga.configs.modelfile import ClassifierRole, Header, Roles
from sakuga.core.errors import UserError
from sakuga.data.dataset import open_dataset
from sakuga.data.synthetic import SCHEMA
from sakuga.evaluation.attributes import score_name
from sakuga.models.file import save_model
from sakuga.models.registry import build

HEAD = '{"kind": "auxiliary", "layers": 1}'
BLUSH = (("conditioning.attributes", "blush"), ("discriminator.head", HEAD))
NETWORK = (
    ("conditioning.attributes", "blush"),
    ("classifier.kind", "dcgan"),
    ("classifier.channels", 4),
    ("classifier.head", HEAD),
    ("penalty.kind", "r1"),
    ("penalty.weight", 1.0),
)


@pytest.fixture
def judge(tmp_path):
    """Returns paths of judges with random weights."""

    def make(name: str, *attributes: str, seed: int = 0, **scores: float) -> str:
        schema = LabelSchema(attributes=tuple(a for a in SCHEMA.attributes if a.name in attributes))
        architecture = ClassifierConfig(resolution=16, channels=4)
        roles = Roles(classifier=ClassifierRole(architecture=architecture))
        header = Header(name="judge", roles=roles, labels=schema, scores=scores)
        torch.manual_seed(seed)
        path = tmp_path / f"{name}.safetensors"
        return str(save_model(path, header, {"classifier": build(architecture, schema)}))

    return make


def judged_by(tiny, path: str) -> dict:
    return tiny().measure.model_dump() | {"judge": path}


def test_labels_that_are_not_there_are_told_before_anything_starts(tiny, variant, tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    for i, image in enumerate(open_dataset("synthetic:40", 32).images):
        Image.fromarray(image).save(folder / f"{i}.png")
    data = [{"label": "drawn", "path": "synthetic:40"}, {"label": "plain", "path": str(folder)}]
    first = variant("first")
    with pytest.raises(UserError, match="Variant 'told' on plain: plain has no labels"):
        compare(tiny(first, variant("told", *BLUSH), data=data), tmp_path / "out")
    wings = (("conditioning.attributes", "wings"), ("discriminator.head", HEAD))
    with pytest.raises(UserError, match=r"'told' on drawn: --conditioning\.attributes wings: synthetic.* has no such"):
        compare(tiny(first, variant("told", *wings), data=data), tmp_path / "out")
    with pytest.raises(UserError, match=r"'even' on drawn: --data\.balance wings: synthetic.* has no such"):
        compare(tiny(first, variant("even", ("data.balance", "wings")), data=data), tmp_path / "out")
    parts = [{"label": "colored", "path": str(folder), "filter": "colored_background"}]
    with pytest.raises(UserError, match=r"only \d+ of the 40 pictures"):
        compare(tiny(variant("told", *BLUSH), data=parts), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_judge_that_lacks_an_attribute_is_told_before_anything_starts(tiny, variant, judge, tmp_path):
    config = tiny(variant("told", *BLUSH), measure=judged_by(tiny, judge("hair", "hair")))
    with pytest.raises(UserError, match="knows hair, not 'blush', which 'told' on drawn is told"):
        compare(config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_judge_without_anything_to_judge_is_told_before_anything_starts(tiny, judge, tmp_path):
    config = tiny(measure=judged_by(tiny, judge("blush", "blush")))
    with pytest.raises(UserError, match=r"plain and hinge are trained without attributes, .*: leave the judge out"):
        compare(config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_judge_may_move_but_not_change(tiny, variant, judge, tmp_path):
    told, out = variant("told", *BLUSH), tmp_path / "out"

    def with_judge(path: str) -> dict[str, int] | None:
        return compare(tiny(told, measure=judged_by(tiny, path)), out)

    first = judge("first", "blush")
    assert with_judge(first) == {"done": 1, "failed": 0}
    assert with_judge(judge("moved", "blush")) == {"done": 1, "failed": 0}
    other = judge("other", "blush", seed=1)
    with pytest.raises(UserError, match=r"--judge .*other.safetensors is not the judge"):
        with_judge(other)
    with pytest.raises(UserError, match="judge was a judge and is now none"):
        compare(tiny(told), out)
    # Of a folder from before the hash was kept, only the path is known.
    record = json.loads((out / "comparison.json").read_text())
    del record["judge_sha256"]
    (out / "comparison.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"--judge .*other.safetensors is not the judge"):
        with_judge(other)
    assert with_judge(record["comparison"]["measure"]["judge"]) == {"done": 1, "failed": 0}
    assert json.loads((out / "comparison.json").read_text())["judge_sha256"]


def test_how_far_the_judge_is_right_comes_first_and_by_value(tiny, variant, judge, tmp_path):
    scores = {score_name("blush"): 0.875, score_name("blush", "yes"): 0.75}
    config = tiny(variant("plain"), variant("told", *BLUSH), measure=judged_by(tiny, judge("j", "blush", **scores)))
    out = tmp_path / "out"
    assert compare(config, out) == {"done": 2, "failed": 0}
    page = re.sub("<(th|td)[^>]*>", "|", re.sub('data:[^"]*', "", (out / "index.html").read_text()))
    page = re.sub("</(th|td)>", "", page)
    table = page.index("|judge on real, %|87.5|-|75.0")
    assert page.index("it is right about blush 87.5%") < table < page.index("Every cell:") < page.index("Results")
    assert re.search(r"\|Attributes %\|blush %.*\|real pictures\|+87\.5\|87\.5.*\n.*\|Saturation", page)
    assert "it is right about blush 87.5%" in (out / "table.md").read_text()


def test_control_may_be_measured_later(tiny, variant, judge, tmp_path, capsys, monkeypatch):
    config = tiny(variant("told", *BLUSH), frontier=True)
    compare(config, tmp_path / "out")
    said = capsys.readouterr().err
    assert said.index("give --judge FILE") < said.index("told__drawn__s0")
    page_file = tmp_path / "out" / "index.html"
    assert "with --judge FILE --measure-again" in page_file.read_text()
    monkeypatch.setattr("sakuga.comparison.start.train", None)
    judged = tiny(variant("told", *BLUSH), frontier=True, measure=judged_by(tiny, judge("j", "blush")))
    assert compare(judged, tmp_path / "out", measure_again=True) == {"done": 1, "failed": 0}
    assert "--judge" not in capsys.readouterr().err
    assert "Control was not measured" not in page_file.read_text()
    assert "A point a variant" in page_file.read_text()


def test_a_classifier_of_its_own_is_counted_and_its_losses_drawn(tiny, variant, tmp_path, monkeypatch):
    drawn: dict[str, dict] = {}
    real = page.draw_curves

    def note(panels, **options) -> bytes:
        drawn.update(panels)
        return real(panels, **options)

    monkeypatch.setattr(page, "draw_curves", note)
    plain, head = variant("plain"), variant("head", *BLUSH)
    assert compare(tiny(plain, head, variant("network", *NETWORK)), tmp_path) == {"done": 3, "failed": 0}
    results = json.loads((tmp_path / "results.json").read_text())
    numbers = {cell["variant"]: cell["parameters"] for cell in results["cells"]}
    assert "classifier" not in numbers["plain"]
    assert numbers["network"]["classifier"] > 0
    both = numbers["network"]["discriminator"] + numbers["network"]["classifier"]
    (row,) = [row for row in results["summary"] if row["variant"] == "network"]
    assert row["parameters_discriminator"]["mean"] == pytest.approx(both / 1e6)
    assert "D and classifier, M par." in (tmp_path / "table.md").read_text()
    assert set(drawn["class loss of D on real pictures"]) == {"head"}
    assert set(drawn["class loss of the classifier"]) == {"network"}
    assert set(drawn["class loss of G"]) == {"head", "network"}
    assert set(drawn["penalty"]) >= {"network"}
