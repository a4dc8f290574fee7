"""Projected pictures go where seeds go: through every tool, from Python and from the command line."""

import numpy as np
import pytest
import torch
from PIL import Image

from sakuga.cli import main
from sakuga.configs.sampling import Sampling
from sakuga.core.errors import UserError
from sakuga.core.images import grid
from sakuga.core.tensorfile import write_tensors
from sakuga.generation.mixing import mix
from sakuga.generation.starts import starts_of


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def array(pictures):
    return np.stack([np.asarray(picture) for picture in pictures]).astype(int)


@pytest.fixture
def project_into(tmp_path):
    """Writes what a projection leaves: a w for each layer, noise maps of its own, the attributes that were found."""

    def write(model, name, seed=5, with_noise=True, **value):
        torch.manual_seed(seed)
        ws = model.ws_of(model.z_of_seeds([seed]), model.labels_of([seed]))[0].clone()
        ws[4:] += 1
        shapes = model.generator.noise_shapes if with_noise else ()
        noise = {f"noise{i}": torch.randn(1, 1, *shape) for i, shape in enumerate(shapes)}
        value = {"kind": "projection", "model_sha256": model.sha256} | value
        return write_tensors(tmp_path / name / "projection.safetensors", {"ws": ws, **noise}, value), ws, noise

    return write


def drawn(model, ws, noise="const"):
    return model.sample_ws(lambda part: ws[None], 1, noise_of=lambda _: noise)[0].astype(int)


def test_seeds_and_projections_keep_their_order(styled, project_into):
    path, ws, noise = project_into(styled, "face")
    starts = starts_of(styled, [3, path, 17])
    assert starts.names == ["3", "face", "17"] and starts.numbers[::2] == [3, 17]
    assert torch.equal(starts.ws[1], ws) and torch.equal(starts.ws[::2], starts_of(styled, [3, 17]).ws)
    pictures = array(styled.generate([3, path, 17]))
    assert np.abs(pictures[::2] - array(styled.generate([3, 17]))).max() <= 1
    assert np.abs(pictures[1] - drawn(styled, ws, list(noise.values()))).max() <= 1
    plain = array(styled.generate([path], noise="none"))[0]
    assert np.abs(plain - drawn(styled, ws, "none")).max() <= 1


def test_psi_pulls_a_projected_w_to_the_mean_of_its_attributes(styled_conditional, project_into):
    model = styled_conditional
    red = {"hair": "red", "eyes": "green"}
    path, ws, _ = project_into(model, "face", with_noise=False, attributes=red)
    for choice, mean in (("class", model.mean_w(model.labels_of([0], red))), ("all", model.mean_w())):
        found = starts_of(model, [path], sampling=Sampling(psi=0.5, cutoff=3, psi_mean=choice)).ws[0]
        assert torch.allclose(found[:3], torch.lerp(mean, ws[:3], 0.5), atol=1e-6) and torch.equal(found[3:], ws[3:])
    unknown, ws, _ = project_into(model, "other", with_noise=False)
    found = starts_of(model, [unknown], sampling=Sampling(psi=0.5)).ws[0]
    assert torch.allclose(found, torch.lerp(model.mean_w(), ws, 0.5), atol=1e-6)


def test_generate_draws_a_sheet_over_psi(styled, project_into, tmp_path):
    path, *_ = project_into(styled, "face")
    sheet, out = tmp_path / "psi.png", tmp_path / "out"
    command = ["generate", str(styled.path), "--from-projection", str(path), "--psi", "0.3,1", "--sheet", str(sheet)]
    assert main([*command, "--out", str(out)]) == 0
    rows = [styled.generate([path], psi=psi)[0] for psi in (0.3, 1)]
    assert np.abs(pixels(sheet)[-(2 * 34 + 2) :, -36:] - grid(array(rows).astype(np.uint8), 1)).max() <= 1
    picture = Image.open(out / "psi-0.3" / "face.png")
    assert picture.text["projection"] == "face" and "seed" not in picture.text


def test_mix_takes_it_as_row_and_as_column(styled, project_into, tmp_path):
    path, ws, noise = project_into(styled, "face")
    out = tmp_path / "mix.png"
    command = ["mix", str(styled.path), "--layers", "fine", "--out", str(out)]
    assert main([*command, "--rows-from-projection", str(path), "--columns", "10"]) == 0
    assert np.array_equal(pixels(out), np.asarray(styled.mix_sheet([path], [10], "fine")))
    mixed = ws.clone()
    mixed[5:] = starts_of(styled, [10]).ws[0, 5:]
    found = mix(styled, [path], [10], "fine").images[0, 0]
    assert np.abs(found - drawn(styled, mixed, list(noise.values()))).max() <= 1
    assert main([*command, "--overwrite", "--rows", "3", "--columns-from-projection", str(path)]) == 0
    assert np.array_equal(pixels(out), np.asarray(styled.mix_sheet([3], [path], "fine")))
    mixed = starts_of(styled, [3]).ws[0].clone()
    mixed[5:] = ws[5:]
    found = mix(styled, [3], [path], "fine").images[0, 0]
    assert np.abs(found - drawn(styled, mixed)).max() <= 1  # noise follows the row
    assert Image.open(out).text["columns"] == "face"


@pytest.mark.parametrize("kind", ["linear", "spherical", "smooth"])
def test_interpolate_leads_through_projections_and_seeds(styled, project_into, tmp_path, kind):
    a, ws, noise = project_into(styled, "a")
    b, *_ = project_into(styled, "b", seed=6)
    strip = tmp_path / "way.png"
    command = ["interpolate", str(styled.path), "--from-projection", str(a), str(b), "--seeds", "17", "--kind", kind]
    assert main([*command, "--frames", "5", "--out", str(strip)]) == 0
    frames = [pixels(strip)[2:34, 2 + 34 * i : 34 + 34 * i] for i in range(5)]
    keys = array(styled.generate([a, b, 17]))
    assert np.abs(np.stack(frames[::2]) - keys).max() <= 1
    assert np.abs(keys[0] - drawn(styled, ws, list(noise.values()))).max() <= 1
    assert len({frame.tobytes() for frame in frames}) == 5
    assert Image.open(strip).text["space"] == "w"


def test_the_noise_of_a_projection_stays_while_the_way_does(styled, project_into):
    a, *_ = project_into(styled, "a")
    frames = array(styled.interpolate([a, a], frames=5, kind="linear"))
    assert np.abs(frames - frames[0]).max() <= 1


def test_noise_draws_the_projected_character(styled, project_into, tmp_path):
    path, *_ = project_into(styled, "face")
    out = tmp_path / "noise.png"
    assert main(["noise", str(styled.path), "--from-projection", str(path), "--draws", "2", "--out", str(out)]) == 0
    assert np.array_equal(pixels(out), np.asarray(styled.noise_sheet(path, 2)))
    assert not np.array_equal(pixels(out), np.asarray(styled.noise_sheet(5, 2)))


def test_a_projection_of_another_model_is_told(styled, project_into, tmp_path, capsys):
    path, *_ = project_into(styled, "face", model_sha256="0" * 64)
    command = ["generate", str(styled.path), "--from-projection", str(path), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "was projected into another model: the picture will differ" in capsys.readouterr().err


def test_what_only_a_seed_can_use_is_refused(styled, project_into):
    path, *_ = project_into(styled, "face")
    with pytest.raises(UserError, match="which sigma does not change"):
        styled.generate([path], sigma=0.5)
    with pytest.raises(UserError, match="which resampling does not change"):
        styled.mix_sheet([path], [path], psi=1, truncation="resample")
    assert len(styled.generate([path, 3], sigma=0.5)) == 2
    with pytest.raises(UserError, match="has a w and no z"):
        styled.interpolate([path, 3], space="z")
