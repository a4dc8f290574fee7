import numpy as np
import pytest
import torch

from sakuga.core.errors import UserError
from sakuga.evaluation.path_length import EPSILON, metric_name, path_length
from sakuga.features.lpips import Perceptual


class Pixels(Perceptual):
    """The squared difference of all pixels: its path length can be told beforehand."""

    name, title, sha256 = "pixels", "pixels", "b" * 64

    def embed(self, images):
        return [images]


class Linear(torch.nn.Module):
    """Pixels are w times 3, plus what labels add; w is z."""

    resolution, num_ws, w_dim, z_dim = 16, 1, 4, 4

    def mapping(self, z, labels=None):
        return z[:, None]

    def synthesis(self, ws, noise="random"):
        assert noise == "const"
        return (3 * ws[:, 0])[:, :3, None, None] * torch.ones(1, 1, 16, 16)


class Model:
    """What path lengths need of a loaded model."""

    generator, resolution = Linear(), 16

    class header:
        class latent:
            mean = 0.0

    def z_of_seeds(self, seeds):
        return np.stack([np.random.RandomState(seed).randn(4) for seed in seeds]).astype(np.float32)

    def ws_of(self, z, labels=None):
        return self.generator.mapping(torch.from_numpy(z))


NO_LABELS = np.zeros((200, 0), np.int64)


@pytest.mark.parametrize("sampling", ["full", "end"])
def test_of_a_straight_line_is_the_squared_speed(sampling):
    found = path_length(Model(), Pixels(), NO_LABELS, sampling=sampling, progress=False)
    z = Model().z_of_seeds(range(400)).astype(np.float64)
    speeds = np.sort(9 * 256 * np.square(z[1::2, :3] - z[::2, :3]).sum(1))
    assert found.value == pytest.approx(speeds[1:-1].mean(), rel=2e-3)
    assert (found.pairs, found.space, found.sampling, found.epsilon) == (200, "w", sampling, EPSILON)
    assert metric_name(found.distance) == "pixels_path_length"
    assert metric_name("lpips-vgg") == "path_length"


def test_of_an_arc_is_the_squared_angle_between_unit_vectors():
    class Sphere(Model):
        def z_of_seeds(self, seeds):
            z = super().z_of_seeds(seeds)
            z[:, 3] = 0  # what pixels do not show
            return z / np.linalg.norm(z, axis=1, keepdims=True)

    found = path_length(Sphere(), Pixels(), NO_LABELS, space="z", sampling="full", progress=False)
    z = Sphere().z_of_seeds(range(400)).astype(np.float64)
    angles = np.sort(np.arccos((z[::2] * z[1::2]).sum(1)) ** 2)
    assert found.value == pytest.approx(9 * 256 * angles[1:-1].mean(), rel=5e-3)


def test_seed_decides():
    first, same, other = (path_length(Model(), Pixels(), NO_LABELS, seed=s, progress=False).value for s in (0, 0, 9))
    assert first == same != other


def test_too_few_pairs_are_refused():
    with pytest.raises(UserError, match="15 are too few pairs"):
        path_length(Model(), Pixels(), NO_LABELS[:15], progress=False)


@pytest.mark.parametrize(("options", "sentence"), [({"space": "Z"}, "No space 'Z'"), ({"sampling": "FULL"}, "'FULL'")])
def test_unknown_ways_are_refused(options, sentence):
    with pytest.raises(UserError, match=sentence):
        path_length(Model(), Pixels(), NO_LABELS, progress=False, **options)
