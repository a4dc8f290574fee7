"""Keeping the first layers of a finished discriminator."""

from torch import nn

from sakuga.core.errors import UserError


def freeze(network: nn.Module, layers: int) -> None:
    """Keeps the weights of D's first layers, from the picture inwards, as they are (Mo, Cho and Shin, "Freeze the
    Discriminator: a Simple Baseline for Fine-Tuning GANs", 2020).

    Args:
        network: D, whose layers were made in this order.
        layers: How many; a layer is a module with weights of its own.

    Raises:
        UserError: If D has no more layers than that, so that it could learn nothing.
    """
    groups: dict[str, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        # Under spectral normalization the weight lies one level deeper.
        layer = name.partition(".parametrizations.")[0] if ".parametrizations." in name else name.rpartition(".")[0]
        groups.setdefault(layer, []).append(parameter)
    if layers >= len(groups):
        raise UserError(f"--freeze_d {layers} leaves D nothing to learn: it has {len(groups)} layers, give fewer.")
    for parameters in list(groups.values())[:layers]:
        for parameter in parameters:
            parameter.requires_grad_(False)
