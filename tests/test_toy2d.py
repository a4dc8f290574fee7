"""The two-dimensional example shows what it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def toy2d(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import toy2d

    return toy2d


def test_the_toy_shows_the_vanishing_gradient(tmp_path):
    command = [sys.executable, EXAMPLES / "toy2d.py", "--d-steps", "400", "--steps", "8", "--out", tmp_path / "toy.png"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["d_updates"] == [4, 12, 40, 120, 400]
    saturating, other, wasserstein = (found["gradients"][k] for k in ("saturating", "non-saturating", "wasserstein"))
    assert saturating[-1] < 0.05 * max(saturating), "it vanishes"
    assert other[-1] > 3 * other[-3], "it grows"
    assert 0.8 < wasserstein[-1] < 1.3, "the slope of the distance"
    assert found["g_updates"] == [0, 2, 4, 6, 8]
    assert len(found["places"]) == 4
    assert all(0 <= places <= 8 and 0 <= share <= 1 for row in found["places"].values() for places, share in row)
    with Image.open(tmp_path / "toy.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(2**24)) > 50


def test_the_toy_counts_places(toy2d):
    torch.manual_seed(0)
    real = toy2d.ring(2048)
    places, share = toy2d.coverage(real)
    assert places == 8 and share > 0.99
    assert toy2d.coverage(real[:1].expand(2048, 2)) == (1, 1.0)
    assert toy2d.coverage(torch.zeros(100, 2)) == (0, 0.0)
    right = real[real[:, 0] > 0.5]
    assert toy2d.coverage(right)[0] == 3


def test_the_toys_g_learns_the_ring(toy2d):
    radii = []
    game = toy2d.GAMES["relativistic, R1 + R2"]
    toy2d.play(game, 120, 0, lambda step, points: radii.append(points.norm(dim=1).mean().item()))
    assert abs(radii[0] - toy2d.RADIUS) > 1.5
    assert abs(radii[-1] - toy2d.RADIUS) < 0.7
