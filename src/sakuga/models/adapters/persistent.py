"""Pickles of stylegan2-ada-pytorch and of the stylegan3 repository (Karras et al., 2020 and 2021).

They hold whole objects. Each was to be made by a function that is given the source code of its class and its state:
parameters, buffers, and modules within it. The state is read here, the source code is not.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from sakuga.core.unpickle import Budget, Inert
from sakuga.models.adapters.foreign import (
    Foreign,
    Found,
    UnfitError,
    check_count,
    check_filter,
    checked_group,
    checked_lr,
    entries_of,
    fact,
    name_of,
    tensor_of,
)

LAYOUT = "stylegan2-ada-pytorch"
_MOST_MODULES = 10_000


class _Module(NamedTuple):
    path: str
    kind: str
    state: Mapping[Any, Any]


def matches(value: Any) -> bool:
    """Tells whether a pickle has this layout: a dict with G_ema, or a generator by itself."""
    entries = entries_of(value)
    if entries is not None:
        return any(_state(entries.get(name)) is not None for name in ("G_ema", "G"))
    return _state(value) is not None


def read(value: Any, budget: Budget) -> Foreign:
    """Returns G_ema (G where there is none) and D.

    Raises:
        UnfitError: If G is no StyleGAN2.
        BrokenError: If its tensors are larger than the budget.
    """
    entries = entries_of(value) or {"G_ema": value}
    network = next(entries[name] for name in ("G_ema", "G") if _state(entries.get(name)) is not None)
    generator = _found(network, "G", budget)
    has_discriminator = _state(entries.get("D")) is not None
    return Foreign(LAYOUT, generator, (lambda: _found(entries["D"], "D", budget)) if has_discriminator else None)


def _found(network: Any, role: str, budget: Budget) -> Found:
    modules = list(_modules(network))
    _refuse_others(modules)
    tensors: dict[str, Tensor] = {}
    count = 0
    for module in modules:
        for kind in ("_parameters", "_buffers"):
            entries = entries_of(module.state.get(kind)) or {}
            count += len(entries)
            check_count(count)
            for key, value in entries.items():
                name = f"{module.path}{name_of(key)}"
                if name_of(key) == "resample_filter":
                    check_filter(name, value, budget)
                elif value is not None:
                    tensors[_our_name(name, role)] = tensor_of(name, value, budget)
        activation = fact(module.state.get("activation", "lrelu"))
        if activation not in ("lrelu", "linear"):
            raise UnfitError(f"its {module.path[:60]}activation is {str(activation)[:20]!r}, sakuga has lrelu alone")
    if not tensors:
        raise UnfitError(f"its {modules[0].kind[:60]} has no tensors")
    states = {module.path: module.state for module in modules}
    lr = checked_lr(states.get("mapping.fc0.", {}).get("bias_gain", 0.01))
    return Found(tensors, lr, checked_group(states.get("b4.mbstd.", {}).get("group_size", 4)))


def _our_name(name: str, role: str) -> str:
    if role == "G":
        for part in ("mapping", "synthesis"):
            if name.startswith(f"{part}."):
                return f"{part}_network.{name.removeprefix(f'{part}.')}"
    return name


def _refuse_others(modules: list[_Module]) -> None:
    if any(module.path.startswith(("synthesis.L", "synthesis.input")) for module in modules):
        raise UnfitError("it is a StyleGAN3, which sakuga does not have: import a StyleGAN2")
    channels = fact(modules[0].state.get("img_channels", 3))
    if channels != 3:
        raise UnfitError(f"its pictures have {str(channels)[:20]} channels, those of sakuga have 3")


def _modules(network: Any) -> Iterator[_Module]:
    """Yields a module and all within it, without recursion, since a pickle may hold a circle."""
    waiting, count = [("", network)], 0
    while waiting:
        path, value = waiting.pop()
        found = _state(value)
        if found is None:
            raise UnfitError(f"its {path.rstrip('.')[:60] or 'generator'} is no module")
        inner = entries_of(found[1].get("_modules")) or {}
        count += 1
        # Modules still to be visited count too: a cycle through a wide module would let the list grow without end.
        if count + len(waiting) + len(inner) > _MOST_MODULES or path.count(".") > 16:
            raise UnfitError("it holds too many modules")
        yield _Module(path, *found)
        waiting += [(f"{path}{name_of(name)}.", module) for name, module in inner.items() if module is not None]


def _state(value: Any) -> tuple[str, Mapping[Any, Any]] | None:
    """Returns a module's class name and its state; None for what is no module."""
    if not isinstance(value, Inert):
        return None
    if value.name == "_reconstruct_persistent_obj":
        meta = (entries_of(value.args[0]) if value.args else None) or {}
        kind, state = str(fact(meta.get("class_name"))), meta.get("state")
    else:
        kind, state = value.path, value.state
    state = entries_of(state)
    return (kind, state) if state is not None and "_modules" in state else None
