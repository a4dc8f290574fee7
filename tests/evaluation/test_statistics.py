import colorsys

import numpy as np
import pytest
from scipy.ndimage import laplace

from sakuga.evaluation.statistics import STATISTICS, statistics_of


def named(images):
    return {name: statistics_of(images)[:, i] for i, name in enumerate(STATISTICS)}


def test_agree_with_the_standard_library_and_scipy():
    images = np.random.RandomState(0).randint(0, 256, (2, 9, 7, 3)).astype(np.uint8)
    found = named(images)
    pixels = images[0].reshape(-1, 3) / 255
    saturation = np.mean([colorsys.rgb_to_hsv(*pixel)[1] for pixel in pixels])
    luma = images[0] / 255 @ np.array([0.299, 0.587, 0.114])
    assert found["saturation"][0] == pytest.approx(saturation, rel=1e-4)
    assert found["brightness"][0] == pytest.approx(luma.mean(), rel=1e-4)
    assert found["contrast"][0] == pytest.approx(luma.std(), rel=1e-4)
    assert found["sharpness"][0] == pytest.approx(laplace(luma)[1:-1, 1:-1].var(), rel=1e-4)


def test_plain_pictures():
    gray, red = np.full((1, 8, 8, 3), 128, np.uint8), np.zeros((1, 8, 8, 3), np.uint8)
    red[..., 0] = 255
    flat = named(gray)
    assert flat["contrast"][0] == flat["saturation"][0] == flat["colorfulness"][0] == flat["sharpness"][0] == 0
    assert named(red)["saturation"][0] == pytest.approx(1)
    # red - green is 255 and (red + green) / 2 - blue is 127.5 everywhere: no spread, 0.3 of the mean's length.
    assert named(red)["colorfulness"][0] == pytest.approx(0.3 * np.hypot(255, 127.5), rel=1e-5)
    assert named(np.zeros_like(gray))["saturation"][0] == 0


def test_blur_lowers_sharpness_alone():
    from PIL import Image, ImageFilter

    noise = np.random.RandomState(0).randint(0, 256, (32, 32, 3)).astype(np.uint8)
    blurred = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2)))
    sharp, soft = named(noise[None]), named(blurred[None])
    assert soft["sharpness"][0] < 0.05 * sharp["sharpness"][0]
    assert soft["brightness"][0] == pytest.approx(sharp["brightness"][0], rel=0.02)
