import pytest
import torch

from sakuga.core.errors import UserError
from sakuga.features import perceptual
from sakuga.features.efficientnet import EfficientNetLite0
from sakuga.features.perceptual import FeaturesAndPixels, at_most, load_perceptual


def pictures(count, size, seed=0):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_fallback_is_half_features_half_pixels():
    torch.manual_seed(0)
    network = EfficientNetLite0()
    a, b = pictures(2, 64), pictures(2, 64, seed=1)
    pooled = torch.nn.functional.avg_pool2d
    pixels = [(pooled(a, s) - pooled(b, s)).square().mean((1, 2, 3)) for s in (1, 2, 4, 8)]
    features = []
    for x, y in zip(network.feature_maps(a), network.feature_maps(b), strict=True):
        cosine = torch.nn.functional.cosine_similarity(x, y, dim=1)
        features.append((2 - 2 * cosine).mean((1, 2)))
    expected = 0.5 * torch.stack(pixels).mean(0) + 0.5 * torch.stack(features).mean(0)
    torch.testing.assert_close(FeaturesAndPixels(network).distance(a, b), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("here", "chosen"),
    [({"lpips-vgg", "efficientnet"}, "lpips-vgg"), ({"efficientnet"}, "efficientnet"), (set(), "lpips-vgg")],
)
def test_auto_takes_what_is_here(here, chosen, monkeypatch):
    loaded = []
    monkeypatch.setattr(perceptual, "is_here", lambda name: name in here)
    monkeypatch.setattr(perceptual, "load_lpips", lambda name, path: loaded.append(name) or torch.nn.Identity())
    monkeypatch.setattr(
        perceptual, "load_efficientnet", lambda path: loaded.append("efficientnet") or EfficientNetLite0()
    )
    load_perceptual("auto", "cpu")
    assert loaded == [chosen]


def test_unknown_name_offers_the_nearest():
    with pytest.raises(UserError, match="did you mean 'efficientnet'"):
        load_perceptual("efficientnt", "cpu")


def test_a_file_needs_a_name(tmp_path):
    with pytest.raises(UserError, match="--distance lpips-vgg or lpips-alex or efficientnet"):
        load_perceptual("auto", "cpu", tmp_path / "weights.ckpt")
    with pytest.raises(UserError, match="is not a file"):
        load_perceptual("lpips-alex", "cpu", tmp_path / "weights.ckpt")


def test_large_pictures_are_averaged_down():
    images = pictures(1, 64)
    assert at_most(images, 64) is images
    torch.testing.assert_close(at_most(images, 32), torch.nn.functional.avg_pool2d(images, 2))
