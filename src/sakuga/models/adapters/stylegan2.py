"""From the named tensors of a foreign StyleGAN2 to our config and our network."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.configs.labels import LabelSchema
from sakuga.configs.models import STYLEGAN2_SIZES, Stylegan2DiscriminatorConfig, Stylegan2GeneratorConfig
from sakuga.core.latents import z_of_seeds
from sakuga.core.random import generator as stream
from sakuga.core.tensorfile import first_misfit
from sakuga.models.adapters.foreign import Found, UnfitError
from sakuga.models.registry import build
from sakuga.models.stylegan2 import LABEL_LR, Stylegan2Generator

_MEAN_OF = 4096  # draws of w, where a file holds no mean
_AT_ONCE = 2**22  # numbers in these draws, or in their labels
_MOST_CLASSES = 100_000
_G_EMBED, _D_EMBED = "mapping_network.embed.weight", "mapping.embed.weight"


def num_classes(found: Found) -> int:
    """Returns how many classes a generator is told, 0 for none.

    Raises:
        UnfitError: If the embedding of its classes is no matrix, or there are too many to be named.
    """
    count = _shape(found.tensors, _G_EMBED, 2)[1] if _G_EMBED in found.tensors else 0
    if count > _MOST_CLASSES:
        raise UnfitError(f"it has {count:,} classes, sakuga {_MOST_CLASSES:,} at most")
    return count


def build_generator(found: Found, schema: LabelSchema) -> tuple[Stylegan2GeneratorConfig, nn.Module]:
    """Returns the config that the shapes tell, and the network, in eval mode.

    Where the file holds no noise maps, or no mean w, they are drawn from streams of their own.

    Raises:
        UnfitError: If no config of ours has these tensors.
    """
    tensors, config = dict(found.tensors), _generator_config(found)
    network = _meta(config, schema)
    expected = network.state_dict()
    tensors |= _noise(expected, tensors)
    has_mean = "mapping_network.w_avg" in tensors
    if not has_mean:
        tensors["mapping_network.w_avg"] = torch.zeros(config.w_dim)
    _fill(network, expected, tensors)
    if not has_mean:
        network.w_avg.copy_(_mean_w(network, schema))
    return config, network


def build_discriminator(found: Found, schema: LabelSchema) -> tuple[Stylegan2DiscriminatorConfig, nn.Module]:
    """As `build_generator`, for D.

    Raises:
        UnfitError: If no config of ours has these tensors.
    """
    tensors = dict(found.tensors)
    sides, channels = _sides(tensors, "", "conv0.weight")
    channels[4] = _shape(tensors, "b4.conv.weight", 4)[0]
    layers = len(_numbers(tensors, "mapping.fc"))
    skips = [side for side in sides if f"b{side}.skip.weight" in tensors]
    pictures = [side for side in (4, *sides) if f"b{side}.fromrgb.weight" in tensors]
    base, most = _channel_rule(channels)
    has_labels = _D_EMBED in tensors
    if has_labels and not layers:
        raise UnfitError("it maps labels by no layers")
    config = Stylegan2DiscriminatorConfig.model_validate(
        {
            "resolution": _size((4, *sides)),
            "channels": base,
            "max_channels": most,
            "form": "residual" if skips else "skip" if len(pictures) > 1 else "original",
            "minibatch_group": found.minibatch_group,
            "mapping_layers": layers or 8,
            "head": {"kind": "projection" if has_labels else "none"},
        }
    )
    if has_labels and _shape(tensors, _D_EMBED, 2)[1] != sum(schema.sizes):
        raise UnfitError("it knows other labels than the generator")
    for name in tensors:
        if re.fullmatch(r"mapping\.fc\d+\.(weight|bias)", name):
            # Ours has one learning rate; what counts is its product with the weights.
            tensors[name] = tensors[name] * (found.mapping_lr / LABEL_LR)
    network = _meta(config, schema)
    _fill(network, network.state_dict(), tensors)
    return config, network


def _generator_config(found: Found) -> Stylegan2GeneratorConfig:
    tensors, prefix = found.tensors, "synthesis_network."
    sides, channels = _sides(tensors, prefix, "conv1.weight")
    skips = [side for side in sides if f"{prefix}b{side}.skip.weight" in tensors]
    pictures = [side for side in sides if f"{prefix}b{side}.torgb.weight" in tensors]
    base, most = _channel_rule(channels)
    last = max(_numbers(tensors, "mapping_network.fc"), default=0)
    embedded = _shape(tensors, _G_EMBED, 2)[0] if _G_EMBED in tensors else 0
    z_dim = _shape(tensors, "mapping_network.fc0.weight", 2)[1] - embedded
    if z_dim < 1:
        raise UnfitError("its z has no length")
    return Stylegan2GeneratorConfig(
        resolution=_size(sides),
        z_dim=z_dim,
        w_dim=_shape(tensors, f"mapping_network.fc{last}.weight", 2)[0],
        mapping_layers=last + 1,
        mapping_lr=found.mapping_lr,
        form="residual" if skips else "skip" if len(pictures) > 1 else "original",
        channels=base,
        max_channels=most,
    )


def _meta(config: Any, schema: LabelSchema) -> Any:
    try:
        with torch.device("meta"):
            return build(config, schema)
    except RuntimeError as error:
        raise UnfitError("its layers are larger than a network can be") from error


def _fill(network: nn.Module, expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    if wrong := first_misfit(expected, tensors):
        shapes = [tuple(side[wrong].shape) if wrong in side else "none" for side in (tensors, expected)]
        raise UnfitError(f"its {wrong[:80]} is {shapes[0]} where a StyleGAN2 of its size has {shapes[1]}")
    network.load_state_dict(dict(tensors), assign=True)
    network.requires_grad_(False).eval()


def _noise(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the noise that a file does not hold: silent where it has no strength either."""
    missing = {}
    for name, tensor in expected.items():
        if name in tensors:
            continue
        if name.endswith("noise_strength"):
            missing[name] = torch.zeros(())
        elif name.endswith("noise_const"):
            missing[name] = torch.randn(tensor.shape, generator=stream("noise of an imported model", name))
    return missing


def _mean_w(network: Stylegan2Generator, schema: LabelSchema) -> Tensor:
    total = torch.zeros(network.w_avg.shape)
    count = max(1, min(_MEAN_OF, _AT_ONCE // max(network.z_dim, len(total), sum(schema.sizes))))
    for first in range(0, _MEAN_OF, count):
        seeds = torch.arange(first, min(first + count, _MEAN_OF))
        z = torch.from_numpy(z_of_seeds(seeds.tolist(), network.z_dim))
        labels = torch.stack([seeds % size for size in schema.sizes], 1) if schema.sizes else None
        with torch.no_grad():
            total += network.mapping(z, labels)[:, 0].sum(0)
    return total / _MEAN_OF


def _sides(tensors: Mapping[str, Tensor], prefix: str, layer: str) -> tuple[list[int], dict[int, int]]:
    """Returns the sides of the maps, in order, and the channels of each."""
    pattern = re.compile(rf"{re.escape(prefix)}b(\d{{1,5}})\.{re.escape(layer)}")
    sides = sorted(int(match[1]) for name in tensors if (match := pattern.fullmatch(name)))
    return sides, {side: _shape(tensors, f"{prefix}b{side}.{layer}", 4)[0] for side in sides}


def _size(sides: Any) -> Any:
    top = max(sides, default=0)
    if list(sides) != [2**i for i in range(2, top.bit_length())] or top not in STYLEGAN2_SIZES:
        shown = ", ".join(map(str, STYLEGAN2_SIZES))
        raise UnfitError(
            f"its maps have the sides {', '.join(map(str, sides)) or 'none'}; sakuga has pictures of {shown}"
        )
    return top


def _channel_rule(channels: Mapping[int, int]) -> tuple[int, int]:
    """Returns `channels` and `max_channels` of a config: `min(channels // side, max_channels)` at each side."""
    if not channels:
        raise UnfitError("it has no layers of a StyleGAN2")
    most = max(channels.values())
    base = max(count * side for side, count in channels.items())
    if any(min(base // side, most) != count for side, count in channels.items()):
        shown = ", ".join(f"{count} at {side}" for side, count in sorted(channels.items()))
        raise UnfitError(
            f"its channels ({shown}) are not the quotients of one number by the side, up to a largest number"
        )
    return base, most


def _numbers(tensors: Mapping[str, Tensor], prefix: str) -> list[int]:
    pattern = re.compile(rf"{re.escape(prefix)}(\d{{1,3}})\.weight")
    return sorted(int(match[1]) for name in tensors if (match := pattern.fullmatch(name)))


def _shape(tensors: Mapping[str, Tensor], name: str, axes: int) -> torch.Size:
    if name not in tensors or tensors[name].ndim != axes:
        raise UnfitError(f"its {name[:80]} is missing, or has not {axes} axes")
    return tensors[name].shape
