"""Pickles of NVIDIA's TensorFlow repositories stylegan2 and stylegan2-ada (Karras et al. 2020).

Three networks, G, D and Gs (the moving average of G), each with the source code that builds it, which is not read, and
a list of variables. Kernels are stored [height, width, in, out], fully connected layers [in, out]; the kernels of
layers that double the side are stored for a transposed convolution, turned by half a turn; the biases of styles are
stored less 1.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sakuga.core.unpickle import Budget, Inert
from sakuga.models.adapters.foreign import (
    Foreign,
    Found,
    UnfitError,
    as_it_is,
    check_count,
    checked_group,
    checked_lr,
    entries_of,
    fact,
    name_of,
    number,
    only_one,
    plane,
    renamed,
)

LAYOUT = "TensorFlow StyleGAN2"
_DEEPEST = 4
_MOST_NETWORKS = 64

# What a network was built with, and the only value that ours has; where nothing is said it has that value.
_FIXED = {"num_channels": 3, "nonlinearity": "lrelu", "resample_kernel": [1, 3, 3, 1]}
_G_FIXED = {**_FIXED, "mapping_nonlinearity": "lrelu", "normalize_latents": True}
_D_FIXED = {**_FIXED, "mbstd_num_features": 1}


def _dense(tensor: Tensor) -> Tensor:
    return tensor.t()


def _kernel(tensor: Tensor) -> Tensor:
    return tensor.permute(3, 2, 0, 1)


def _turned(tensor: Tensor) -> Tensor:
    return tensor.permute(3, 2, 0, 1).flip(2, 3)


def _plus_one(tensor: Tensor) -> Tensor:
    return tensor + 1


_STYLED = r"synthesis/(\d{1,4})x\1/(Conv0_up|Conv1|Conv|ToRGB)/"
_OURS = r"synthesis_network.b\1.\2."
_G_RULES = [
    (r"dlatent_avg", r"mapping_network.w_avg", as_it_is),
    (r"mapping/Dense(\d{1,3})/weight", r"mapping_network.fc\1.weight", _dense),
    (r"mapping/Dense(\d{1,3})/bias", r"mapping_network.fc\1.bias", as_it_is),
    (r"mapping/LabelEmbed/weight", r"mapping_network.embed.weight", _dense),
    (r"mapping/LabelEmbed/bias", r"mapping_network.embed.bias", as_it_is),
    (r"synthesis/4x4/Const/const", r"synthesis_network.b4.const", only_one),
    (r"synthesis/noise(\d{1,2})", r"noise\1", plane),
    (r"synthesis/(\d{1,4})x\1/(Conv0_up)/weight", f"{_OURS}weight", _turned),
    (r"synthesis/(\d{1,4})x\1/Skip/weight", r"synthesis_network.b\1.skip.weight", _turned),
    (f"{_STYLED}weight", f"{_OURS}weight", _kernel),
    (f"{_STYLED}mod_weight", f"{_OURS}affine.weight", _dense),
    (f"{_STYLED}mod_bias", f"{_OURS}affine.bias", _plus_one),
    (f"{_STYLED}noise_strength", f"{_OURS}noise_strength", number),
    (f"{_STYLED}bias", f"{_OURS}bias", as_it_is),
]
_D_RULES = [
    (r"(\d{1,4})x\1/(FromRGB|Conv0|Conv1_down|Conv|Skip)/weight", r"b\1.\2.weight", _kernel),
    (r"(\d{1,4})x\1/(FromRGB|Conv0|Conv1_down|Conv)/bias", r"b\1.\2.bias", as_it_is),
    (r"4x4/Dense0/weight", r"b4.fc.weight", _dense),
    (r"4x4/Dense0/bias", r"b4.fc.bias", as_it_is),
    (r"Output/weight", r"b4.out.weight", _dense),
    (r"Output/bias", r"b4.out.bias", as_it_is),
    (r"LabelEmbed/weight", r"mapping.embed.weight", _dense),
    (r"LabelEmbed/bias", r"mapping.embed.bias", as_it_is),
    (r"Mapping(\d{1,3})/weight", r"mapping.fc\1.weight", _dense),
    (r"Mapping(\d{1,3})/bias", r"mapping.fc\1.bias", as_it_is),
]


def matches(value: Any) -> bool:
    """Tells whether a pickle has this layout: one network, or a tuple of them."""
    networks = value if isinstance(value, tuple | list) else (value,)
    return len(networks) > 0 and all(_state(network) is not None for network in networks)


def read(value: Any, budget: Budget) -> Foreign:
    """Returns Gs (G where there is none) and D.

    Raises:
        UnfitError: If G is no StyleGAN2.
        BrokenError: If its tensors are larger than the budget.
    """
    networks = list(value) if isinstance(value, tuple | list) else [value]
    variables, built = _network(networks[-1])
    generator = _generator(variables, built, budget)
    if len(networks) != 3:
        return Foreign(LAYOUT, generator)
    return Foreign(LAYOUT, generator, lambda: _discriminator(*_network(networks[1]), budget))


def _generator(variables: dict[str, Any], built: Mapping[str, Any], budget: Budget) -> Found:
    names = variables.keys()
    if any("StyleMod" in name for name in names):
        raise UnfitError("it is a StyleGAN1, which sakuga does not have: import a StyleGAN2")
    if not any(name.startswith("synthesis/") for name in names):
        raise UnfitError("it has no synthesis network: it is older than StyleGAN, import a StyleGAN2")
    if any("LabelConcat" in name for name in names):
        raise UnfitError("its labels are joined with z before both are normalized, which sakuga's are not")
    _check_built(built, _G_FIXED)
    top = max((int(m[1]) for name in names if (m := re.match(r"synthesis/(\d{1,5})x\1/", name))), default=0)
    tensors = renamed(_one_size(variables, "ToRGB", "synthesis/", top), _G_RULES, budget, _place)
    return Found(tensors, checked_lr(built.get("mapping_lrmul", 0.01)))


def _discriminator(variables: dict[str, Any], built: Mapping[str, Any], budget: Budget) -> Found:
    _check_built(built, _D_FIXED)
    top = max((int(m[1]) for name in variables if (m := re.match(r"(\d{1,5})x\1/", name))), default=0)
    tensors = renamed(_one_size(variables, "FromRGB", "", top), _D_RULES, budget, _place)
    lr = checked_lr(built.get("mapping_lrmul", 0.1))
    return Found(tensors, lr, checked_group(built.get("mbstd_group_size", 4)))


def _place(name: str) -> str:
    """Returns our name of a layer; noise 0 is that of 4 pixels, 1 and 2 are those of 8, and so on."""
    if match := re.fullmatch(r"noise(\d{1,2})", name):
        index = int(match[1])
        side = 4 * 2 ** ((index + 1) // 2)
        return f"synthesis_network.b{side}.conv{0 if index % 2 else 1}.noise_const"
    in_generator = name.startswith("synthesis_network.")
    layers = {"Conv0_up": "conv0", "Conv1": "conv1", "Conv1_down": "conv1", "Conv0": "conv0", "Skip": "skip"}
    layers |= {"ToRGB": "torgb", "FromRGB": "fromrgb", "Conv": "conv1" if in_generator else "conv"}
    return ".".join(layers.get(part, part) for part in name.split("."))


def _one_size(variables: Mapping[str, Any], layer: str, prefix: str, top: int) -> list[tuple[str, Any]]:
    """Returns the variables of a finished network; one that grew has layers for smaller pictures, no longer used."""
    found = []
    for name, value in variables.items():
        if name in ("lod", "synthesis/lod"):
            continue
        if match := re.fullmatch(rf"{prefix}{layer}_lod(\d{{1,2}})/(.+)", name):
            if int(match[1]):
                continue
            name = f"{prefix}{top}x{top}/{layer}/{match[2]}"
        found.append((name, value))
    return found


def _check_built(built: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    for name, only in fixed.items():
        value = fact(built.get(name, only))
        if value != only:
            raise UnfitError(f"its {name} is {value!r:.40}, sakuga has {only} alone")


def _network(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the variables of a network and those within it, with their paths, and what all were built with."""
    variables: dict[str, Any] = {}
    built: dict[str, Any] = {}
    waiting, networks, count = [("", value)], 0, 0
    while waiting:
        path, network = waiting.pop()
        state = _state(network)
        if state is None or path.count("/") > _DEEPEST:
            raise UnfitError(f"its {path.rstrip('/')[:60] or 'network'} is no network")
        inner = entries_of(state.get("components")) or {}
        networks += 1
        if networks + len(waiting) + len(inner) > _MOST_NETWORKS:
            raise UnfitError("it holds too many networks")
        count += len(state["variables"])
        check_count(count)
        said = {name_of(key): value for key, value in (entries_of(state["static_kwargs"]) or {}).items()}
        built = said | built
        for pair in state["variables"]:
            if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[0], str):
                raise UnfitError("its variables have no names")
            variables[path + name_of(pair[0])] = pair[1]
        waiting += [(f"{path}{name_of(name).removeprefix('G_')}/", network) for name, network in inner.items()]
    return variables, built


def _state(value: Any) -> Mapping[Any, Any] | None:
    state = entries_of(value.state) if isinstance(value, Inert) and value.name == "Network" else None
    if state is None or not isinstance(state.get("variables"), list) or "static_kwargs" not in state:
        return None
    return state
