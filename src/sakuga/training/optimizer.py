"""An optimizer of one side of the game."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sakuga.configs.training import AdamConfig


class Optimizer:
    """Adam over a list of parameters, with a learning rate that can be scaled from step to step.

    Args:
        parameters: What it moves.
        config: Learning rate and betas.
        lazy_every: Interval of a lazy penalty that is a phase of this optimizer, None without one. With a penalty every
            k rounds there are k + 1 steps in k rounds, so that the learning rate is multiplied by c = k / (k + 1) and
            the betas are raised to the power c (Karras et al., "Analyzing and Improving the Image Quality of StyleGAN",
            2020, appendix B).
    """

    def __init__(self, parameters: Sequence[nn.Parameter], config: AdamConfig, lazy_every: int | None = None):
        correction = lazy_every / (lazy_every + 1) if lazy_every else 1.0
        self.parameters = list(parameters)
        self.lr = config.lr * correction
        betas = config.beta1**correction, config.beta2**correction
        fused = {p.device.type for p in self.parameters} <= {"cpu", "cuda"}
        self.adam = torch.optim.Adam(self.parameters, self.lr, betas, fused=fused)

    def gradients(self) -> list[Tensor]:
        """Returns the gradients that a phase made: the same parameters' in every process.

        One that a phase does not reach stays as it is. Zeros instead would let Adam count steps that it did not take:
        noise that joins late would begin without bias correction, and move several times too far.
        """
        return [p.grad for p in self.parameters if p.grad is not None]

    def step(self, scale: float = 1.0) -> None:
        """Moves the parameters, with the learning rate times `scale`, and drops the gradients."""
        for group in self.adam.param_groups:
            group["lr"] = self.lr * scale
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """Returns Adam's moments and counters as live tensors, made if they are not there yet."""
        named: dict[str, Tensor] = {}
        for i, parameter in enumerate(self.parameters):
            state = self.adam.state[parameter]
            if not state:  # the layout that torch's Adam makes at its first step
                device = parameter.device if self.adam.defaults["fused"] else "cpu"
                state["step"] = torch.zeros((), dtype=torch.float32, device=device)
                state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            named |= {f"{i}.{name}": state[name] for name in ("step", "exp_avg", "exp_avg_sq")}
        return named
