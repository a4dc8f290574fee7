"""The loop: the same for every way of training."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.configs.training import TrainConfig
from sakuga.core import distributed
from sakuga.core.device import autocast
from sakuga.core.latents import z_of_seeds
from sakuga.core.random import random_scope
from sakuga.data.dataset import Dataset
from sakuga.training.batches import Batches
from sakuga.training.ema import Ema
from sakuga.training.gan_step import GanStep
from sakuga.training.health import NotFinite
from sakuga.training.metrics_log import Meters
from sakuga.training.optimizer import Optimizer
from sakuga.training.phases import Phase, Round

_NORM_IMAGES, _NORM_BATCH = 1024, 64


class Loop:
    """Networks in training: rounds of phases, and the state that a checkpoint holds.

    Args:
        config: A complete config.
        dataset: The real pictures.
        device: Where the networks live.

    Attributes:
        images: Images seen, over all processes: the clock.
        data_seconds: Time spent on waiting for data.
    """

    def __init__(self, config: TrainConfig, dataset: Dataset, device: torch.device):
        self.config, self.dataset, self.device = config, dataset, device
        self.meters = Meters()
        self.batches = Batches(config, dataset, device, ahead=device.type != "cpu")
        self.step = GanStep(config, dataset, device, self.meters)
        self.optimizers = {
            name: Optimizer(
                [p for p in network.parameters() if p.requires_grad],
                getattr(config.optimizer, name),
                self.step.lazy_every(name),
            )
            for name, network in self.step.optimized.items()
        }
        half_life = config.ema.half_life.images(len(dataset), config.batch_size)
        self.ema = Ema(self.step.generator, half_life, config.ema)
        self.images = 0
        self.data_seconds = 0.0
        self._averaged: tuple[int, nn.Module] | None = None

    def run_round(self, stop: bool = False) -> bool:
        """Trains on one batch of real pictures.

        Args:
            stop: Whether this process wishes to stop.

        Returns:
            Whether any process wishes to.

        Raises:
            NotFinite: If the gradient of a phase is not finite. Its optimizer has not moved; phases before it in the
                round have, and norms and meters have seen the batch: the loop can only be restored.
        """
        started = time.perf_counter()
        batch = self.batches.at(self.images)
        self.data_seconds += time.perf_counter() - started
        number = self.images // self.config.batch_size
        round = Round(self.images, batch, self.step.due(number))
        for phase in round.due:
            self._run_phase(phase, round)
        self.step.end_round()
        if distributed.world_size() > 1:
            # Every round, not only before a save: what is trained is what is saved. And a round may have no phase: the
            # wish to stop travels with what each round has.
            wish = torch.tensor(float(stop), device=self.device)
            distributed.average_([*(b for b in self.step.networks.buffers() if b.is_floating_point()), wish])
            stop = bool(wish > 0)
        self.images += self.config.batch_size
        self.ema.update(self.images, self.config.batch_size)
        return stop

    def averaged(self) -> nn.Module:
        """Returns the averaged G as it is shown, saved and measured: with norm statistics of its own."""
        if self._averaged is None or self._averaged[0] != self.images:
            self._averaged = self.images, self.ema.with_measured_norms(self._measure_norms)
        return self._averaged[1]

    def _measure_norms(self, network: nn.Module) -> None:
        latent = self.config.latent
        z = torch.from_numpy(z_of_seeds(range(_NORM_IMAGES), self.step.generator.z_dim, latent.mean, latent.sigma))
        labels = torch.from_numpy(self.step.fakes.draw_labels(np.arange(_NORM_IMAGES)))
        with autocast(self.device, self.step.dtype):
            for part, of_part in zip(z.split(_NORM_BATCH), labels.split(_NORM_BATCH), strict=True):
                network(part.to(self.device), of_part.to(self.device))

    def tensors(self) -> dict[str, Tensor]:
        """Returns everything that a checkpoint holds, as live tensors."""
        groups: dict[str, Mapping[str, Tensor]] = {}
        groups |= {
            "networks": self.step.networks.state_dict(),
            "ema": self.ema.network.state_dict(),
        } | {f"optimizer.{name}": optimizer.tensors() for name, optimizer in self.optimizers.items()}
        return {f"{group}.{name}": tensor for group, tensors in groups.items() for name, tensor in tensors.items()}

    def state(self) -> dict[str, Any]:
        """Returns the rest of a checkpoint, as JSON."""
        return {"images": self.images, "step": self.step.state(), "meters": self.meters.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned."""
        self.images, self._averaged = int(state["images"]), None
        self.step.load_state(state["step"])
        self.meters.load_state(state["meters"], self.device)

    def _run_phase(self, phase: Phase, round: Round) -> None:
        optimizer = self.optimizers[phase.optimizer]
        with random_scope(self.config.seed, round.images, phase.name, distributed.rank(), device=self.device):
            for name, value in self.step.losses(phase, round):
                self.meters.add(name, value)
                value.backward(inputs=optimizer.parameters)
        gradients = optimizer.gradients()
        distributed.average_(gradients)
        norm = torch.nn.utils.get_total_norm(gradients)
        if not torch.isfinite(norm):
            found = f"phase {phase.name} gave a loss or a gradient that is not finite"
            raise NotFinite(found, round.images, self.config)
        self.meters.add(f"grad_norm_{phase.name}", norm)
        optimizer.step(self.step.lr_scale(phase.optimizer))
        self.step.after(phase)
        round.stepped(phase)
