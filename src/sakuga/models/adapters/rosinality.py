"""Files of the PyTorch repository rosinality/stylegan2-pytorch: state dicts of G and D, and the mean w."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sakuga.core.unpickle import Budget
from sakuga.models.adapters.foreign import (
    Foreign,
    Found,
    as_it_is,
    check_filter,
    entries_of,
    name_of,
    number,
    only_one,
    plane,
    renamed,
    tensor_of,
)

LAYOUT = "rosinality/stylegan2-pytorch"


def _three(tensor: Tensor) -> Tensor:
    return tensor.reshape(3)


# Layers are numbered: `_place` makes blocks of the numbers.
_G_RULES = [
    (r"style\.(\d{1,2})\.(weight|bias)", r"style \1 \2", as_it_is),
    (r"input\.input", r"synthesis_network.b4.const", only_one),
    (r"noises\.noise_(\d{1,2})", r"conv \1 noise_const", plane),
    (r"conv(1)\.conv\.weight", r"conv 0 weight", only_one),
    (r"conv(1)\.conv\.modulation\.(weight|bias)", r"conv 0 affine.\2", as_it_is),
    (r"conv(1)\.noise\.weight", r"conv 0 noise_strength", number),
    (r"conv(1)\.activate\.bias", r"conv 0 bias", as_it_is),
    (r"convs\.(\d{1,2})\.conv\.weight", r"convs \1 weight", only_one),
    (r"convs\.(\d{1,2})\.conv\.modulation\.(weight|bias)", r"convs \1 affine.\2", as_it_is),
    (r"convs\.(\d{1,2})\.noise\.weight", r"convs \1 noise_strength", number),
    (r"convs\.(\d{1,2})\.activate\.bias", r"convs \1 bias", as_it_is),
    (r"to_rgb(1)\.conv\.weight", r"rgb 0 weight", only_one),
    (r"to_rgb(1)\.conv\.modulation\.(weight|bias)", r"rgb 0 affine.\2", as_it_is),
    (r"to_rgb(1)\.bias", r"rgb 0 bias", _three),
    (r"to_rgbs\.(\d{1,2})\.conv\.weight", r"rgbs \1 weight", only_one),
    (r"to_rgbs\.(\d{1,2})\.conv\.modulation\.(weight|bias)", r"rgbs \1 affine.\2", as_it_is),
    (r"to_rgbs\.(\d{1,2})\.bias", r"rgbs \1 bias", _three),
]
_D_RULES = [
    (r"convs\.0\.0\.weight", r"from weight", as_it_is),
    (r"convs\.0\.1\.bias", r"from bias", as_it_is),
    (r"convs\.(\d{1,2})\.conv1\.0\.weight", r"block \1 conv0.weight", as_it_is),
    (r"convs\.(\d{1,2})\.conv1\.1\.bias", r"block \1 conv0.bias", as_it_is),
    (r"convs\.(\d{1,2})\.conv2\.1\.weight", r"block \1 conv1.weight", as_it_is),
    (r"convs\.(\d{1,2})\.conv2\.2\.bias", r"block \1 conv1.bias", as_it_is),
    (r"convs\.(\d{1,2})\.skip\.1\.weight", r"block \1 skip.weight", as_it_is),
    (r"final_conv\.0\.weight", r"b4.conv.weight", as_it_is),
    (r"final_conv\.1\.bias", r"b4.conv.bias", as_it_is),
    (r"final_linear\.0\.(weight|bias)", r"b4.fc.\1", as_it_is),
    (r"final_linear\.1\.(weight|bias)", r"b4.out.\1", as_it_is),
]


def matches(value: Any) -> bool:
    """Tells whether a file has this layout: a dict with g_ema or g, or the state dict of a generator by itself."""
    return _generator_of(value) is not None


def read(value: Any, budget: Budget) -> Foreign:
    """Returns g_ema (g where there is none) and d.

    Raises:
        UnfitError: If G is no StyleGAN2.
        BrokenError: If its tensors are larger than the budget.
    """
    entries = entries_of(value) or {}
    tensors = renamed(_weights(_generator_of(value) or {}, budget), _G_RULES, budget, _place)
    if entries.get("latent_avg") is not None:
        tensors["mapping_network.w_avg"] = tensor_of("latent_avg", entries["latent_avg"], budget).flatten()
    state = entries_of(entries.get("d"))
    if state is None:
        return Foreign(LAYOUT, Found(tensors))
    return Foreign(LAYOUT, Found(tensors), lambda: Found(_discriminator(state, budget)))


def _generator_of(value: Any) -> Mapping[Any, Any] | None:
    entries = entries_of(value) or {}
    for found in (entries.get("g_ema"), entries.get("g"), entries):
        state = entries_of(found) or {}
        if any(name_of(name).removeprefix("module.") == "input.input" for name in state):
            return state
    return None


def _weights(state: Mapping[Any, Any], budget: Budget) -> list[tuple[str, Any]]:
    found = []
    for key, value in state.items():
        name = name_of(key).removeprefix("module.")
        if name.endswith("kernel"):
            check_filter(name, value, budget)
        else:
            found.append((name, value))
    return found


def _discriminator(state: Mapping[Any, Any], budget: Budget) -> dict[str, Tensor]:
    weights = _weights(state, budget)
    # Blocks are counted from the full size down to 8 pixels.
    numbers = [int(match[1]) for name, _ in weights if (match := re.match(r"convs\.(\d{1,2})\.", name))]
    count = max(numbers, default=0)

    def place(name: str) -> str:
        if name.startswith("from "):
            return f"b{4 * 2**count}.fromrgb.{name.removeprefix('from ')}"
        if name.startswith("block "):
            _, number, rest = name.split(" ")
            return f"b{4 * 2 ** (count + 1 - int(number))}.{rest}"
        return name

    return renamed(weights, _D_RULES, budget, place)


def _place(name: str) -> str:
    """Returns our name of a numbered layer; `conv` counts all layers with noise, `convs` those after the first."""
    if name.count(" ") != 2:
        return name
    kind, text, rest = name.split(" ")
    index = int(text)
    if kind == "style":
        return f"mapping_network.fc{index - 1}.{rest}"
    if kind in ("rgb", "rgbs"):
        return f"synthesis_network.b{4 * 2 ** (index + (kind == 'rgbs'))}.torgb.{rest}"
    index += kind == "convs"
    side = 4 * 2 ** ((index + 1) // 2)
    return f"synthesis_network.b{side}.conv{0 if index % 2 else 1}.{rest}"
