"""The judge's network: a residual trunk (He et al. 2016), and for each attribute a look at its own places."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sakuga.configs.classifier import ClassifierConfig


class Classifier(nn.Module):
    """Picture -> maps at a quarter and an eighth of the side -> weighted mean over places -> logits, per attribute.

    Eyes are a few pixels of a small picture: the trunk keeps a quarter of the side, and each attribute's head learns
    where to look (attention pooling) instead of averaging over the whole picture.

    Args:
        config: The architecture.
        attribute_sizes: The number of values of each attribute.
    """

    def __init__(self, config: ClassifierConfig, attribute_sizes: tuple[int, ...]):
        super().__init__()
        width = config.channels
        self.resolution = config.resolution
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(True), _Residual(width, width)
        )
        self.fine = nn.Sequential(_Residual(width, 2 * width, 2), _Residual(2 * width, 2 * width))
        self.coarse = nn.Sequential(_Residual(2 * width, 4 * width, 2), _Residual(4 * width, 4 * width))
        self.heads = nn.ModuleList(_Head(6 * width, size) for size in attribute_sizes)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Classifies pictures.

        Args:
            images: float `[N, 3, H, W]` in [-1, 1], of any size.

        Returns:
            For each attribute, the logits of its values, float32 `[N, K]`.
        """
        size = (self.resolution, self.resolution)
        if tuple(images.shape[2:]) != size:
            images = functional.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
        fine = self.fine(self.stem(images))
        coarse = functional.interpolate(self.coarse(fine), fine.shape[2:], mode="nearest")
        maps = torch.cat([fine, coarse], 1)
        return tuple(head(maps) for head in self.heads)


class _Residual(nn.Module):
    def __init__(self, before: int, after: int, stride: int = 1):
        super().__init__()
        last = nn.BatchNorm2d(after)
        nn.init.zeros_(last.weight)  # at first the block passes its input on
        self.way = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            last,
        )
        shrink = [nn.AvgPool2d(stride)] if stride > 1 else []
        widen = [nn.Conv2d(before, after, 1, bias=False)] if before != after else []
        self.skip = nn.Sequential(*shrink, *widen)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.skip(x) + self.way(x))


class _Head(nn.Module):
    def __init__(self, channels: int, size: int):
        super().__init__()
        self.places = nn.Conv2d(channels, 1, 1)
        self.values = nn.Linear(channels, size)
        nn.init.zeros_(self.places.weight)  # at first all places count alike

    def forward(self, maps: Tensor) -> Tensor:
        weights = self.places(maps).float().flatten(2).softmax(2)  # [N, 1, H * W]
        return self.values((maps.float().flatten(2) * weights).sum(2)).float()
