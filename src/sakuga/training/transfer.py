"""The weights of a finished network, for one that differs in what it is told or in how fast its layers learn."""

import math

import torch
from torch import Tensor, nn

from sakuga.models.sngan import ConditionalNorm
from sakuga.models.stylegan2_layers import FullyConnected


def transferred(theirs: nn.Module, ours: nn.Module, *, gains_labels: bool = False) -> dict[str, Tensor]:
    """Returns weights with which `ours` computes what `theirs` computes.

    Layers with an equalized learning rate are rescaled where the rates differ. A network that is told labels where
    `theirs` was not starts with weights of 0 for them: it draws what it drew, whatever it is told, and learns from
    there what the labels mean. Told from the beginning, a GAN with few pictures draws one picture for each condition
    (Shahbazi et al., "Collapse by Conditioning: Training Class-conditional GANs with Limited Data", ICLR 2022).

    Args:
        theirs: The finished network.
        ours: A network of the same family.
        gains_labels: Whether `ours` is told labels, or has a head that names them, and `theirs` is not.

    Returns:
        The state of `theirs`, name to tensor; with `gains_labels` also what only `ours` has, as it is there or, where
        it would change what is drawn, 0. What does not fit shows in the names and shapes.
    """
    found, own = dict(theirs.state_dict()), ours.state_dict()
    mine = dict(ours.named_modules())
    for name, layer in theirs.named_modules():
        same = mine.get(name)
        if isinstance(layer, FullyConnected) and isinstance(same, FullyConnected):
            factor = layer.lr / same.lr
            wider = same.weight.shape[1] / layer.weight.shape[1] if gains_labels else 1.0
            found[f"{name}.weight"] = found[f"{name}.weight"] * (factor * math.sqrt(wider))
            found[f"{name}.bias"] = found[f"{name}.bias"] * factor
    if not gains_labels:
        return found
    fitting = {name: _padded(tensor, own[name].shape) for name, tensor in found.items() if name in own}
    gained = {name: own[name] for name in own.keys() - found.keys()}
    shifts = [f"{name}.shift.weight" for name, layer in mine.items() if isinstance(layer, ConditionalNorm)]
    return found | gained | {name: torch.zeros_like(gained[name]) for name in shifts if name in gained} | fitting


def _padded(tensor: Tensor, shape: torch.Size) -> Tensor:
    """Returns a tensor with zeros at the end of the one dimension in which `shape` is larger; as it is otherwise."""
    pairs = list(zip(tensor.shape, shape, strict=True)) if tensor.dim() == len(shape) else []
    wider = [i for i, (before, after) in enumerate(pairs) if before != after]
    if len(wider) != 1 or pairs[wider[0]][0] > pairs[wider[0]][1]:
        return tensor
    padded = tensor.new_zeros(shape)
    padded.narrow(wider[0], 0, tensor.shape[wider[0]]).copy_(tensor)
    return padded
