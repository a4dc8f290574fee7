"""Which perceptual distance: LPIPS where its weights are, a named fallback where not."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from sakuga.core.device import pick_device
from sakuga.core.errors import UserError, nearest
from sakuga.features.efficientnet import EfficientNetLite0, load_efficientnet
from sakuga.features.extractor import is_here
from sakuga.features.find import KNOWN
from sakuga.features.lpips import NETWORKS, Perceptual, load_lpips, unit

FALLBACK = "efficientnet"
LARGEST = 256
"""Larger pictures are averaged down to this side before they are compared, as Karras et al. (2019, 2020) do."""


class FeaturesAndPixels(Perceptual):
    """Half the mean squared difference of EfficientNet-Lite0's unit feature vectors, half that of pixels.

    Features alone leave colors and small things open; pixels are compared at full size and averaged down to a half, a
    quarter and an eighth. No number of it may be compared with one of LPIPS.

    Args:
        network: Gives the feature maps.
    """

    name, title, sha256 = FALLBACK, "EfficientNet-Lite0 features and pixels at four scales", KNOWN[FALLBACK].sha256
    scales = (1, 2, 4, 8)

    def __init__(self, network: EfficientNetLite0) -> None:
        super().__init__()
        self.network = network

    def embed(self, images: Tensor) -> list[Tensor]:
        """As `Perceptual.embed`."""
        maps = [unit(x) for x in self.network.feature_maps(images)]
        pixels = [F.avg_pool2d(images.float(), scale, ceil_mode=True) for scale in self.scales]
        # Over places for maps, over places and colors for pixels.
        places = [x[0, 0].numel() for x in maps] + [x[0].numel() for x in pixels]
        weights = [0.5 / len(maps)] * len(maps) + [0.5 / len(pixels)] * len(pixels)
        parts = zip([*maps, *pixels], weights, places, strict=True)
        return [x * (weight / count) ** 0.5 for x, weight, count in parts]


def load_perceptual(
    name: str = "auto", device: str | torch.device = "auto", path: str | Path | None = None
) -> Perceptual:
    """Returns a perceptual distance.

    Args:
        name: `lpips-vgg`, `lpips-alex`, `efficientnet`, or `auto`: LPIPS on VGG16 if its weights are on this machine,
            else the fallback on EfficientNet-Lite0 if its are, else LPIPS, downloaded.
        device: auto, cpu, cuda or mps, or a device.
        path: The weights file, if the user says where it is.

    Raises:
        UserError: If the name is unknown or the weights are not to be had.
    """
    known = [*NETWORKS, FALLBACK]
    if name == "auto":
        if path is not None:
            raise UserError(f"--weights needs a name beside it: --distance {' or '.join(known)}.")
        name = next((candidate for candidate in ("lpips-vgg", FALLBACK) if is_here(candidate)), "lpips-vgg")
    if name not in known:
        raise UserError(f"Unknown distance {name!r}: {nearest(name, ['auto', *known])}")
    where = device if isinstance(device, torch.device) else pick_device(device)
    distance = FeaturesAndPixels(load_efficientnet(path)) if name == FALLBACK else load_lpips(name, path)
    # A third faster than contiguous planes, on CPUs too.
    return distance.to(device=where, memory_format=torch.channels_last)  # type: ignore[call-overload]


def at_most(images: Tensor, side: int = LARGEST) -> Tensor:
    """Averages float `[N, 3, H, W]` down to `side` if it is larger."""
    return F.adaptive_avg_pool2d(images, side) if images.shape[2] > side else images
