"""Two generators in one: coarse layers of the one, fine layers of the other (Pinkney and Adler 2020, arXiv:2010.05334).

It takes relatives: of two StyleGAN2 one was trained from the other, or both from a third. The layers of strangers do
not understand each other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from sakuga import zoo
from sakuga.configs.modelfile import GeneratorRole, Header, Roles
from sakuga.configs.models import Stylegan2GeneratorConfig
from sakuga.core.errors import UserError
from sakuga.core.tensorfile import read_tensors
from sakuga.generation.model import LoadedModel, load
from sakuga.models.file import save_model
from sakuga.models.registry import build

Donor = Literal["a", "b"]


@dataclass(frozen=True)
class Blending:
    """What is taken from which of two models.

    Attributes:
        at: Layers up to this side are those of the first.
        ramp: So many sizes above `at` are mixed, more and more of the second.
        mapping: Whose mapping network, mean w, and attributes.
    """

    at: int
    ramp: int = 0
    mapping: Donor = "a"

    def share(self, side: int) -> float:
        """Returns how much of the second model a layer of this side has, in [0, 1]."""
        steps = (side // self.at).bit_length() - 1  # doublings above `at`
        return min(1.0, steps / (self.ramp + 1)) if side > self.at else 0.0


class Blended(NamedTuple):
    """What a blend wrote.

    Attributes:
        path: The model file.
        shares: Side of a layer to how much of the second model it has, in [0, 1].
        likeness: The cosine between the kernels of the two, as `likeness`.
    """

    path: Path
    shares: dict[int, float]
    likeness: float


def blended(a: Mapping[str, Tensor], b: Mapping[str, Tensor], how: Blending) -> dict[str, Tensor]:
    """Returns the state dict of a generator that has layers of two others.

    Args:
        a: The state dict of a StyleGAN2 generator.
        b: That of another of the same names and shapes in its synthesis network.
        how: What is taken from which.
    """
    donor = {"a": a, "b": b}[how.mapping]
    mixed = {name: tensor for name, tensor in donor.items() if name.startswith("mapping_network.")}
    for name in a:
        if match := re.match(r"synthesis_network\.b(\d+)\.", name):
            share = how.share(int(match[1]))
            # The mean of two noise maps would be a weaker one.
            share = round(share) if name.endswith("noise_const") else share
            mixed[name] = torch.lerp(a[name], b[name], share)
    return mixed


def likeness(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Returns the cosine between the synthesis networks' kernels, in [-1, 1]; near 0 for strangers."""
    names = [name for name in a if name.startswith("synthesis_network.") and a[name].ndim == 4]
    one, other = (torch.cat([side[name].flatten() for name in names]) for side in (a, b))
    return float(nn.functional.cosine_similarity(one, other, dim=0))


def blend(
    a: str | Path,
    b: str | Path,
    at: int,
    out: str | Path,
    *,
    ramp: int = 0,
    mapping: Donor = "a",
    name: str | None = None,
    overwrite: bool = False,
) -> Blended:
    """Makes one model file of two: layers up to the side `at` from A (pose, shape), finer ones from B (colors, line).

    It is written in full precision if one of the two is.

    Args:
        a: The model of the coarse layers: of the zoo, a `.safetensors` file, or a run folder.
        b: The model of the fine layers.
        at: The largest side of A's layers: 4, 8, 16, ...
        out: The `.safetensors` file to write.
        ramp: So many sizes above `at` are mixed, more and more of B.
        mapping: Whose mapping network, mean w, and attributes.
        name: What the model is called; as its file if None.
        overwrite: Whether `out` may be replaced.

    Raises:
        UserError: If they are one model, or as `load`, `blended_network` and `files.writing`.
    """
    out, how = Path(out), Blending(at, ramp, mapping)
    one, other = load(a, "cpu"), load(b, "cpu")
    if one.sha256 == other.sha256:
        raise UserError(
            f"{_called(one)} and {_called(other)} are one model: give two, of which one was trained from the other."
        )
    config, network = blended_network(one, other, how)
    donor = (one if mapping == "a" else other).header
    header = Header(
        name=name or out.stem,
        roles=Roles(generator=GeneratorRole(architecture=config)),
        labels=donor.labels,
        label_counts=donor.label_counts,
        latent=donor.latent,
        licence=_both(one.header.licence, other.header.licence),
        data=_both(one.header.data, other.header.data),
        images_seen=max(one.header.images_seen, other.header.images_seen),
        provenance={"blended": {"a": _origin(one), "b": _origin(other), **vars(how)}},
    )
    save_model(out, header, {"generator": network}, half=_is_half(one) and _is_half(other), overwrite=overwrite)
    shares = {2**i: how.share(2**i) for i in range(2, one.resolution.bit_length())}
    return Blended(out, shares, likeness(one.generator.state_dict(), other.generator.state_dict()))


def blended_network(a: LoadedModel, b: LoadedModel, how: Blending) -> tuple[Stylegan2GeneratorConfig, nn.Module]:
    """Returns the config of the blended generator, and the network, in eval mode.

    Args:
        a: The model of the coarse layers.
        b: The model of the fine layers.
        how: What is taken from which.

    Raises:
        UserError: If one is no StyleGAN2, their architectures differ, or `how` does not fit them.
    """
    configs = {"a": _config(a), "b": _config(b)}
    _check(configs, a, b, how)
    config = configs[how.mapping]
    network = build(config, (a if how.mapping == "a" else b).schema)
    network.load_state_dict(blended(a.generator.state_dict(), b.generator.state_dict(), how))
    return config, network.requires_grad_(False).eval()


def _config(model: LoadedModel) -> Stylegan2GeneratorConfig:
    role = model.header.roles.generator
    config = role.architecture if role is not None else None
    if not isinstance(config, Stylegan2GeneratorConfig):
        kind = "none" if config is None else config.kind
        raise UserError(f"{_called(model)} has a generator of the kind {kind}: only two StyleGAN2 can be blended.")
    return config


def _called(model: LoadedModel) -> str:
    """Returns a model as `find_model` takes it: a name of the zoo, a run folder, or a file."""
    if model.path.stem in zoo.names() and zoo.path(model.path.stem) == model.path:
        return model.path.stem
    return str(model.path.parent if model.path.name == "model.safetensors" else model.path)


def _check(configs: Mapping[str, Stylegan2GeneratorConfig], a: LoadedModel, b: LoadedModel, how: Blending) -> None:
    facts = [_facts(config) for config in configs.values()]
    for name, one in facts[0].items():
        if one != facts[1][name]:
            raise UserError(
                f"{_called(a)} and {_called(b)} differ in {name} ({one} and {facts[1][name]}): blend two models of one "
                "architecture, of which one was trained from the other."
            )
    sides = [2**i for i in range(2, a.resolution.bit_length() - 1)]
    if how.at not in sides:
        raise UserError(f"--at {how.at} is no side of a layer before the last: choose {', '.join(map(str, sides))}.")
    if not 0 <= how.ramp <= len(sides):
        raise UserError(f"--ramp {how.ramp} is no number of sizes: choose 0 to {len(sides)}.")


def _facts(config: Stylegan2GeneratorConfig) -> dict[str, Any]:
    resolution = int(config.resolution)
    channels = [config.channels_at(2**i) for i in range(2, resolution.bit_length())]
    return {
        "resolution": resolution,
        "form": config.form,
        "w_dim": config.w_dim,
        "channels": ", ".join(map(str, channels)),
    }


def _is_half(model: LoadedModel) -> bool:
    tensors = read_tensors(model.path, "model file", "generator.")
    return any(tensor.dtype == torch.float16 for tensor in tensors.values())


def _origin(model: LoadedModel) -> dict[str, str]:
    return {"name": model.name, "file": model.path.name, "sha256": model.sha256}


def _both(one: str, other: str) -> str:
    return one if one == other else "; ".join(text for text in (one, other) if text)
