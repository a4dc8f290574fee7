"""Plain statistics of pictures, which say in words what a distance cannot: too pale, too harsh, too soft."""

import numpy as np

STATISTICS = ("brightness", "contrast", "saturation", "colorfulness", "sharpness")


def statistics_of(images: np.ndarray) -> np.ndarray:
    """Computes the statistics of each picture.

    Args:
        images: uint8 `[N, H, W, 3]`.

    Returns:
        float32 `[N, 5]`, in the order of `STATISTICS`, for pixels in [0, 1]: mean and standard deviation of the luma;
        mean saturation (of HSV); colorfulness (Hasler and Suesstrunk, "Measuring Colourfulness in Natural Images",
        2003, for pixels in 0..255); variance of the luma's Laplacian.
    """
    pixels = images.astype(np.float32) / 255
    luma = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    high, low = pixels.max(-1), pixels.min(-1)
    saturation = (high - low) / np.maximum(high, 1 / 255)
    center = luma[:, 1:-1, 1:-1]
    laplacian = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:] - 4 * center
    area = (1, 2)
    columns = (luma.mean(area), luma.std(area), saturation.mean(area), _colorfulness(pixels), laplacian.var(area))
    return np.stack(columns, 1)


def _colorfulness(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(pixels * 255, -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    area = (1, 2)
    spread = np.hypot(red_green.std(area), yellow_blue.std(area))
    return spread + 0.3 * np.hypot(red_green.mean(area), yellow_blue.mean(area))
