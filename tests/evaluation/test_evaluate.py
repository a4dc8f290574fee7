import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from sakuga.core.errors import UserError
from sakuga.evaluation.evaluate import distance_during_training, evaluate_pictures, metric_name
from sakuga.evaluation.fid import frechet_distance, gaussian_of
from sakuga.evaluation.pictures import Samples
from sakuga.evaluation.result import EvaluationResult


def test_numbers_carry_the_networks_name_and_their_ruler(extractor, dataset, draw):
    found = evaluate_pictures(draw(120, seed=5), dataset, extractor, described="drawn", progress=False)
    names = [metric.name for metric in found.metrics]
    assert names[:3] == ["blocks_frechet", "blocks_kid", "blocks_kid_std"]
    assert "fid" not in names
    assert found.ruler.num_samples == 120
    assert found.ruler.num_real == 100
    assert found.ruler.real == "every 4th of 400 by name, from the first"
    assert found.ruler.weights_sha256 == extractor.sha256
    expected = frechet_distance(
        gaussian_of(extractor.features(dataset.images[::4])), gaussian_of(extractor.features(draw(120, seed=5)))
    )
    assert found["blocks_frechet"] == pytest.approx(expected)
    assert EvaluationResult.model_validate(json.loads(found.model_dump_json())) == found
    with pytest.raises(KeyError):
        found["fid"]


def test_only_the_inception_gives_a_fid(extractor):
    assert metric_name(dataclasses.replace(extractor, name="inception")) == "fid"
    assert metric_name(dataclasses.replace(extractor, name="efficientnet")) == "efficientnet_frechet"


def test_better_pictures_have_better_numbers(extractor, dataset, draw):
    alike = evaluate_pictures(draw(100, seed=5), dataset, extractor, progress=False)
    dark = evaluate_pictures(draw(100, seed=5, high=60), dataset, extractor, progress=False)
    copies = evaluate_pictures(dataset.images[:100], dataset, extractor, progress=False)
    assert alike["blocks_frechet"] < dark["blocks_frechet"] / 5
    assert alike["blocks_kid"] < dark["blocks_kid"]
    assert alike["blocks_recall"] > dark["blocks_recall"]
    assert alike["pixel_near_copies"] < 0.1
    assert copies["pixel_near_copies"] == 1
    darkness = {row.name: row for row in dark.statistics}["brightness"]
    assert darkness.samples < darkness.real - darkness.real_std


def test_real_every_and_sheet(extractor, dataset, draw, tmp_path):
    found = evaluate_pictures(
        draw(20, seed=5), dataset, extractor, real_every=1, sheet=tmp_path / "sheet.png", progress=False
    )
    assert found.ruler.num_real == 400
    assert found.ruler.real == "all"
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 11 * 64
        assert sheet.height > 16 * 64


def test_samples_are_drawn_once(extractor, dataset, draw):
    images, drawn = draw(100, seed=5), []

    def sample(numbers: np.ndarray) -> np.ndarray:
        drawn.extend(numbers.tolist())
        return images[numbers]

    found = evaluate_pictures(Samples(100, sample), dataset, extractor, progress=False)
    assert drawn == list(range(100))
    assert found == evaluate_pictures(images, dataset, extractor, progress=False)


def test_too_few_pictures_are_refused_before_work(extractor, dataset, draw):
    with pytest.raises(UserError, match="15 pictures cannot be measured"):
        evaluate_pictures(draw(15, seed=5), dataset, extractor, progress=False)
    with pytest.raises(UserError, match="measure every real picture"):
        evaluate_pictures(draw(16, seed=5), dataset, extractor, real_every=100, progress=False)
    with pytest.raises(UserError, match="A step of 0"):
        evaluate_pictures(draw(16, seed=5), dataset, extractor, real_every=0, progress=False)
    assert extractor.network.seen == 0


def test_distance_during_training_measures_the_real_side_once(extractor, dataset, draw):
    images = draw(50, seed=5)
    first = distance_during_training(images, dataset, extractor)
    assert extractor.network.seen == 450
    assert distance_during_training(images, dataset, extractor) == first
    assert extractor.network.seen == 500
    real = extractor.features(dataset.images)
    assert first == pytest.approx(frechet_distance(gaussian_of(real), gaussian_of(extractor.features(images))))
    assert np.isfinite(first)
