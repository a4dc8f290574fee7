import json

import numpy as np
import pytest
import torch

from sakuga.configs.classifier import ClassifierConfig
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import ClassifierRole, GeneratorRole, Header, Roles
from sakuga.configs.models import DcganGeneratorConfig
from sakuga.core.errors import UserError
from sakuga.data.dataset import Dataset
from sakuga.evaluation.attributes import Judged, accuracy_of, load_judge, measure_attributes
from sakuga.evaluation.evaluate import evaluate_pictures
from sakuga.evaluation.pictures import Kept, Samples
from sakuga.evaluation.result import EvaluationResult
from sakuga.models.file import save_model
from sakuga.models.registry import build

HAIR = Attribute(name="hair", values=("aqua", "red", "pink"))
EYES = Attribute(name="eyes", values=("blue", "green"))
SCHEMA = LabelSchema(attributes=(HAIR, EYES))


@pytest.fixture
def judge(tmp_path):
    """A judge with random weights, which has an opinion of its own on every picture."""
    torch.manual_seed(0)
    architecture = ClassifierConfig(resolution=16, channels=4)
    network = build(architecture, SCHEMA)
    header = Header(
        name="judge",
        roles=Roles(classifier=ClassifierRole(architecture=architecture)),
        labels=SCHEMA,
        data="drawn blocks",
        scores={"hair": 0.9, "hair=aqua": 0.8, "hair=red": 1.0, "eyes": 0.7},
    )
    return load_judge(save_model(tmp_path / "judge.safetensors", header, {"classifier": network}), "cpu")


def test_accuracy_is_counted_by_value():
    labels = np.array([0, 0, 0, 0, 1, 1])
    right = np.array([True, True, True, False, False, True])
    found = accuracy_of(HAIR, labels, right, {"hair": 0.9, "hair=aqua": 0.8, "hair=red": 0.6})
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.balanced == pytest.approx((0.75 + 0.5) / 2)
    assert found.judge == 0.9
    assert found.judge_balanced == pytest.approx(0.7)
    assert [(v.value, v.samples, v.accuracy, v.judge) for v in found.values] == [
        ("aqua", 4, 0.75, 0.8),
        ("red", 2, 0.5, 0.6),
        ("pink", 0, None, None),
    ]


def test_names_join_the_judges_and_the_models_labels(judge, draw):
    images, data = draw(40, seed=2), Dataset(draw(20, seed=3))
    answers = judge.answers(images)
    assert answers.shape == (40, 2)
    np.testing.assert_array_equal(judge.answers(images[7:9]), answers[7:9])
    # A model with the same attributes in another order, and its values too.
    swapped = LabelSchema(attributes=(Attribute(name="eyes", values=("green", "blue")), HAIR))
    judge.check_knows(swapped, "toy")
    labels = np.stack([1 - answers[:, 1], answers[:, 0]], 1)
    labels[:10, 1] = (labels[:10, 1] + 1) % 3
    features = np.zeros((40, 2)), np.zeros((20, 2))
    report = measure_attributes(images, Judged(judge, swapped, labels), features[0], data, np.arange(20), features[1])
    assert report is not None
    assert [(row.attribute, row.accuracy) for row in report.attributes] == [("eyes", 1.0), ("hair", 0.75)]
    assert report.all_right == 0.75
    assert report.attributes[1].values[0].judge == 0.8
    assert report.diversity is None  # the data has no labels


def test_evaluation_has_the_report_and_its_numbers(judge, extractor, draw):
    images = draw(60, seed=5)
    answers = judge.answers(images)
    data = Dataset(draw(80, seed=1), judge.answers(draw(80, seed=1)), SCHEMA, name="drawn")
    judged = Judged(judge, SCHEMA, answers)
    drawn = []

    def sample(numbers):
        drawn.append(len(numbers))
        return images[numbers]

    found = evaluate_pictures(Samples(60, sample), data, extractor, real_every=1, judged=judged, progress=False)
    assert sum(drawn) == 60, "the samples are drawn once"
    assert found["hair_accuracy"] == found["eyes_accuracy"] == found["all_attributes_accuracy"] == 1
    assert found["diversity_within"] == pytest.approx(1, abs=0.3)
    assert found.attributes is not None
    assert found.attributes.judge.startswith("judge, trained on drawn blocks")
    assert found.faces is None
    assert EvaluationResult.model_validate(json.loads(found.model_dump_json())) == found
    assert found.distance.name == "blocks_frechet"


def test_kept_pictures_are_drawn_once_if_there_is_room(draw, monkeypatch):
    images, drawn = draw(20, seed=0), []

    def sample(numbers):
        drawn.extend(numbers.tolist())
        return images[numbers]

    kept = Kept(Samples(20, sample))
    for part in (slice(0, 8), slice(4, 12), slice(2, 6)):
        np.testing.assert_array_equal(kept[part], images[part])
    assert drawn == [*range(8), *range(4, 12)]
    monkeypatch.setattr(Kept, "LIMIT", 100)
    small = Kept(Samples(20, sample))
    np.testing.assert_array_equal(small[3:5], images[3:5])
    np.testing.assert_array_equal(small[3:5], images[3:5])
    assert drawn[16:] == [3, 4, 3, 4]


def test_models_that_cannot_be_judged(judge):
    with pytest.raises(UserError, match="trained without attributes"):
        judge.check_knows(LabelSchema(), "plain")
    with pytest.raises(UserError, match="knows hair, eyes, not 'hat', which toy is told"):
        judge.check_knows(LabelSchema(attributes=(Attribute(name="hat", values=("no", "yes")),)), "toy")
    with pytest.raises(UserError, match="does not know hair black, which toy is told"):
        judge.check_knows(LabelSchema(attributes=(Attribute(name="hair", values=("red", "black")),)), "toy")


def test_files_that_are_no_judge(tmp_path):
    architecture = DcganGeneratorConfig(resolution=32, channels=2, z_dim=4)
    header = Header(name="toy", roles=Roles(generator=GeneratorRole(architecture=architecture)))
    path = save_model(tmp_path / "toy.safetensors", header, {"generator": build(architecture, LabelSchema())})
    with pytest.raises(UserError, match="without a judge: give a file that `sakuga judge` wrote"):
        load_judge(path)
    with pytest.raises(UserError, match="is not there"):
        load_judge(tmp_path / "missing.safetensors")
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(UserError, match="no intact safetensors file"):
        load_judge(tmp_path / "junk.safetensors")
