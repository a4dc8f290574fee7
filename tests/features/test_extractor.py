import numpy as np
import pytest
import torch
from PIL import Image

from sakuga.core.errors import UserError
from sakuga.features.extractor import Extractor, load_extractor, resize
from sakuga.features.frozen import Frozen, fold_batch_norm


class Means(Frozen):
    """Mean red, green and blue."""

    num_features, size = 3, 24

    def __init__(self):
        super().__init__()
        self.freeze()

    def forward(self, images):
        assert images.shape[1:] == (3, 24, 24)
        return images.mean((2, 3))


def means():
    return Extractor("means", "the means", "0" * 64, Means(), torch.device("cpu"))


def pictures(count, size=16):
    return np.random.RandomState(0).randint(0, 256, (count, size, size, 3)).astype(np.uint8)


def test_features_are_in_the_order_of_the_pictures_whatever_the_batch_size():
    images = pictures(10)
    one, four = means().features(images, batch_size=1), means().features(images, batch_size=4)
    assert four.dtype == np.float32
    np.testing.assert_allclose(one, four, atol=1e-6)
    expected = images.astype(np.float64).mean((1, 2)) / 127.5 - 1
    np.testing.assert_allclose(four, expected, atol=0.02)  # Pillow rounds resized pixels to uint8
    assert means().features(images[:0]).shape == (0, 3)


def test_resize_is_pillows_bicubic():
    images = pictures(2)
    resized = resize(images, 40)
    expected = Image.fromarray(images[1]).resize((40, 40), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(resized[1], np.asarray(expected))
    assert resize(images, 16) is images


def test_other_pictures_are_refused():
    with pytest.raises(ValueError, match="expected uint8"):
        means().features(np.zeros((2, 16, 16, 3), np.float32))
    with pytest.raises(ValueError, match="expected uint8"):
        means().features(np.zeros((2, 3, 16, 16), np.uint8))


def test_unknown_extractor_and_weights_without_a_name():
    with pytest.raises(UserError, match="did you mean 'efficientnet'"):
        load_extractor("eficientnet")
    with pytest.raises(UserError, match="--extractor inception or --extractor efficientnet"):
        load_extractor("auto", "weights.pt")


def test_folding_keeps_what_convolution_and_norm_computed():
    torch.manual_seed(0)
    conv, norm = torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4, eps=1e-3).eval()
    for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
        torch.nn.init.uniform_(tensor, 0.5, 2)
    weight, bias = fold_batch_norm(
        conv.weight, mean=norm.running_mean, variance=norm.running_var, gain=norm.weight, bias=norm.bias, eps=1e-3
    )
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(torch.nn.functional.conv2d(x, weight, bias), norm(conv(x)), rtol=1e-5, atol=1e-5)


def test_efficientnet_extractor_sees_pictures_at_its_size(need_weights):
    need_weights("efficientnet")
    extractor = load_extractor("efficientnet", device="cpu")
    features = extractor.features(pictures(3, 64))
    assert features.shape == (3, extractor.num_features) == (3, 1280)
    assert np.isfinite(features).all()
    assert extractor.sha256.startswith("57934424")
    assert extractor.resize == "Pillow bicubic on uint8 to 224x224"
