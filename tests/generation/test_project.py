import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from sakuga import cli
from sakuga.configs.projection import ProjectionConfig
from sakuga.core.errors import UserError
from sakuga.core.images import to_tensor, to_uint8
from sakuga.core.tensorfile import read_tensors, read_value
from sakuga.features import perceptual
from sakuga.features.lpips import Perceptual
from sakuga.generation.project import moments_of, project, ramp, regularity


class Blurred(Perceptual):
    """Pixels at two scales: needs no weights."""

    name, title, sha256 = "blurred", "pixels at two scales", "b" * 64

    def embed(self, images):
        parts = (F.avg_pool2d(images.float(), scale) for scale in (2, 8))
        return [x / x[0].numel() ** 0.5 for x in parts]


FAST = ProjectionConfig(steps=40, mean_of=200)


def drawn(model, seed, **attributes):
    return np.asarray(model.generate([seed], **attributes)[0])


def test_ramp_rises_holds_and_falls_to_zero():
    assert ramp(0.0, 0.05, 0.25) == 0
    assert ramp(0.025, 0.05, 0.25) == pytest.approx(0.5)
    assert ramp(0.5, 0.05, 0.25) == 1
    assert ramp(0.875, 0.05, 0.25) == pytest.approx(0.5)
    assert ramp(1.0, 0.05, 0.25) == 0


def test_regularity_is_the_sum_of_squared_correlations_of_neighbors():
    x = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = 0.0
    half = (x[..., ::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, ::2] + x[..., 1::2, 1::2]) / 2
    for maps in (x[0, 0], half[0, 0]):
        size = len(maps)
        right = sum(maps[i, j] * maps[i, j - 1] for i in range(size) for j in range(size)) / size**2
        down = sum(maps[i, j] * maps[i - 1, j] for i in range(size) for j in range(size)) / size**2
        expected += right**2 + down**2
    torch.testing.assert_close(regularity([x, x]), 2 * torch.as_tensor(expected))
    smooth = F.interpolate(torch.randn(1, 1, 4, 4, dtype=torch.float64), 16, mode="bilinear")
    assert regularity([smooth / smooth.std()]) > 10 * regularity([x])


def test_moments_know_what_z_moves(conditional, styled):
    found = moments_of(conditional, np.array([1, 0]), 1500)
    assert found.moves.tolist() == [1.0] * 8 + [0.0] * 5
    assert found.mean[0, 8:].tolist() == [0, 1, 0, 1, 0]
    assert found.mean[0, :8].abs().max() < 0.15
    assert found.sigma == pytest.approx(8**0.5, rel=0.05)
    ws = styled.ws_of(styled.z_of_seeds(range(300)), np.zeros((300, 0), np.int64))
    found = moments_of(styled, np.zeros(0, np.int64), 300)
    assert found.moves.min() == 1
    torch.testing.assert_close(found.mean, ws.mean(0))
    assert found.sigma == pytest.approx(float((ws[:, 0] - ws[:, 0].mean(0)).square().sum(1).mean().sqrt()), rel=1e-4)


def test_a_picture_of_the_model_is_found_again(model):
    target = drawn(model, 5)
    found = project(model, target, Blurred(), ProjectionConfig(steps=150, mean_of=500), progress=False)
    assert found.distance < 0.1 * found.distance_mean
    assert found.distance == found.distance_plain
    assert found.noise == ()
    assert np.abs(found.found.astype(int) - target).mean() < 6  # of 255
    again = model.sample_ws(lambda part: found.ws[None], 1)[0]
    np.testing.assert_array_equal(again, found.found)


def test_where_w_is_z_the_nearest_sample_is_the_beginning_and_no_z_is_longer(model):
    target = np.full((32, 32, 3), 255, np.uint8)
    target[:, 16:] = 0
    found = project(model, target, Blurred(), FAST, progress=False)
    moments = moments_of(model, found.labels, 200)
    assert float((found.ws - moments.mean).norm()) <= moments.sigma * (1 + 1e-5)
    pictures = to_tensor(model.sample_images(model.z_of_seeds(range(64))))
    nearest = float(Blurred().distance(pictures, to_tensor(target[None])).min())
    assert found.distance_start == pytest.approx(nearest, rel=0.02)
    assert found.distance < found.distance_start <= found.distance_mean


def test_the_seed_decides_and_the_model_stays(styled):
    target = drawn(styled, 3)
    before = {name: value.clone() for name, value in styled.generator.state_dict().items()}
    first, same = (project(styled, target, Blurred(), FAST, progress=False) for _ in range(2))
    other = project(styled, target, Blurred(), ProjectionConfig(steps=40, mean_of=200, seed=1), progress=False)
    assert torch.equal(first.ws, same.ws)
    assert all(torch.equal(a, b) for a, b in zip(first.noise, same.noise, strict=True))
    assert not torch.equal(first.ws, other.ws)
    assert all(torch.equal(value, before[name]) for name, value in styled.generator.state_dict().items())
    assert all(parameter.grad is None for parameter in styled.generator.parameters())


def test_w_is_one_for_all_layers_and_w_plus_is_not(styled):
    target = np.random.RandomState(0).randint(0, 255, (4, 4, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    one = project(styled, target, Blurred(), FAST, progress=False)
    assert (one.ws == one.ws[:1]).all()
    assert [tuple(x.shape[2:]) for x in one.noise] == list(styled.generator.noise_shapes)
    for x in one.noise:
        assert float(x.mean()) == pytest.approx(0, abs=1e-5)
        assert float(x.square().mean()) == pytest.approx(1, abs=1e-4)
    config = ProjectionConfig(space="w+", steps=40, mean_of=200, noise_maps=False)
    many = project(styled, target, Blurred(), config, num_frames=12, progress=False)
    assert many.noise == ()
    assert not (many.ws == many.ws[:1]).all()
    assert many.distance < one.distance_start
    assert many.frames.shape == (13, 32, 32, 3)
    np.testing.assert_array_equal(many.frames[-1], many.found)


def test_labels_are_searched_for_or_given(conditional):
    mean = moments_of(conditional, np.array([2, 1]), 256).mean
    target = conditional.sample_ws(lambda part: mean[None], 1)[0]
    found = project(conditional, target, Blurred(), FAST, progress=False)
    assert found.values(conditional.schema) == {"hair": "red", "eyes": "orange"}
    assert found.ws[0, 8:].tolist() == [0, 0, 1, 0, 1]
    given = project(conditional, target, Blurred(), FAST, {"hair": "aqua"}, progress=False)
    assert given.values(conditional.schema)["hair"] == "aqua"
    with pytest.raises(UserError, match="mouth"):
        project(conditional, target, Blurred(), FAST, {"mouth": "open"}, progress=False)


def test_w_plus_of_one_layer_is_refused(model):
    with pytest.raises(UserError, match="one layer that takes a w"):
        project(model, drawn(model, 0), Blurred(), ProjectionConfig(space="w+"), progress=False)


@pytest.fixture
def picture(tmp_path):
    gradient = np.linspace(0, 255, 48 * 60 * 3).reshape(48, 60, 3).astype(np.uint8)
    Image.fromarray(gradient).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.fixture
def toy_distance(monkeypatch):
    monkeypatch.setattr(perceptual, "load_perceptual", lambda name, device, path: Blurred())


def run(*arguments):
    return cli.main(["project", *map(str, arguments)])


def test_command_writes_everything(styled, picture, tmp_path, toy_distance, capsys):
    out = tmp_path / "out"
    assert run(styled.path, picture, "--out", out, "--steps", 12, "--video", "--seed", 7) == 0
    said = capsys.readouterr().out
    value = read_value(out / "projection.safetensors", "projection")
    assert value["kind"] == "projection"
    assert value["model_sha256"] == styled.sha256
    assert value["options"]["steps"] == 12
    assert value["options"]["seed"] == 7
    assert "pixels at two scales" in said
    assert f"{value['distance']['found']:.4f}" in said
    tensors = read_tensors(out / "projection.safetensors", "projection")
    assert tensors["ws"].shape == (styled.generator.num_ws, 8)
    noise = [tensors[f"noise{i}"] for i in range(len(styled.generator.noise_shapes))]
    with torch.no_grad():
        again = styled.generator.synthesis(tensors["ws"][None], noise)
    with Image.open(out / "projected.png") as image:
        np.testing.assert_array_equal(np.asarray(image), to_uint8(again)[0])
        assert image.text["model"] == styled.name
    with Image.open(out / "side-by-side.png") as image:
        assert image.width > 3 * 256
    assert (out / "search.mp4").exists() or (out / "search.gif").exists()
    assert run(styled.path, picture, "--out", out) == 2
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (b"no picture at all", (), "not a picture"),
        (None, (), "is not there"),
        ((31, 200), (), "too small"),
        ((40, 40), ("--steps", 0), "--steps 0"),
        ((40, 40), ("--out", "FILE"), "is a file and no folder: name a folder"),
        ((40, 40), ("--out", "FILE/deeper"), "is a file and no folder: name a folder"),
        ((40, 40), ("--out", "/proc/zz"), "/proc/zz cannot be written"),
        ((40, 40), ("--seed", -1), "--seed -1"),
        ((40, 40), ("--space", "w+"), "one layer"),
        ((40, 40), ("--hair", "red"), "without attributes"),
    ],
)
def test_bad_input_is_one_sentence(content, options, told, model_file, tmp_path, toy_distance, capsys):
    path = tmp_path / "picture.png"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        Image.new("RGB", content).save(path)
    options = [str(option).replace("FILE", str(path)) for option in options]
    place = [] if "--out" in options else ["--out", tmp_path / "out"]
    assert run(model_file, path, *place, *options) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_python_finds_goes_where_seeds_go(styled, monkeypatch, tmp_path):
    monkeypatch.setattr("sakuga.generation.model.load_perceptual", lambda name, device, path: Blurred())
    target = Image.fromarray(drawn(styled, 3)).resize((40, 48))
    found = styled.project(target, steps=10, mean_of=200, samples=4)
    assert found.ws.shape == (8, 8) and len(found.noise) == len(styled.generator.noise_shapes)
    assert np.abs(np.asarray(styled.generate([found])[0]).astype(int) - found.found).max() <= 1
    assert len(styled.interpolate([found, 17], frames=3, psi=0.7)) == 3
    assert styled.mix_sheet([found], [10, 11]).width > 3 * 32
    clear = Image.new("RGBA", (64, 40))
    assert (styled.project(clear, steps=1, mean_of=20, samples=1).target == 255).all()
    clear.save(tmp_path / "clear.png")
    assert (styled.project(tmp_path / "clear.png", steps=1, mean_of=20, samples=1).target == 255).all()
    with pytest.raises(UserError, match="is not there or is no file: give a picture"):
        styled.project(str(tmp_path / "absent.png"))
    deep = Image.fromarray(np.full((32, 32), 257 * 100, np.uint16))
    assert (styled.project(deep, steps=1, mean_of=20, samples=1).target == 100).all()
    with pytest.raises(UserError, match=r"The picture has floating-point pixels: .*8 or 16 bits\.$"):
        styled.project(Image.new("F", (32, 32)))
    (tmp_path / "bad.png").write_bytes(b"bad")
    with pytest.raises(UserError, match="not a picture"):
        styled.project(str(tmp_path / "bad.png"))
    with pytest.raises(UserError, match="The picture is 31x200, too small"):
        styled.project(Image.new("RGB", (31, 200)))
    with pytest.raises(UserError, match="without attributes"):
        styled.project(target, hair="red", steps=1)
    with pytest.raises(UserError, match="steps"):
        styled.project(target, steps=0)


def test_a_projection_does_not_fit_every_model(styled, model, monkeypatch):
    monkeypatch.setattr("sakuga.generation.model.load_perceptual", lambda name, device, path: Blurred())
    found = styled.project(Image.new("RGB", (32, 32)), steps=1, mean_of=20, samples=1)
    with pytest.raises(UserError, match=r"do not fit tiny, \[1, 8\]"):
        model.generate([found])
