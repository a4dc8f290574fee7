"""The game of a generator and a discriminator."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.augment.registry import augmentation
from sakuga.configs.labels import LabelSchema
from sakuga.configs.training import TrainConfig
from sakuga.core import distributed
from sakuga.core.device import autocast
from sakuga.core.random import generator as random_stream
from sakuga.core.random import random_scope
from sakuga.losses.adversarial import adversarial
from sakuga.losses.penalties import penalty
from sakuga.models.base import Discriminator, Generator
from sakuga.models.registry import build_discriminator, build_generator
from sakuga.training.controller import Controller
from sakuga.training.metrics_log import Meters
from sakuga.training.phases import Phase, Round


class GanStep:
    """D learns to tell real from fake, G to deceive it.

    Phases: `d`, every `ratio.d_every` rounds; `d_penalty`, lazily; `g`, every `ratio.g_every` rounds. The fakes of a
    round are made once and shared.

    Args:
        config: A complete config.
        schema: The attributes of the data set.
        device: Where the networks live.
        meters: Takes what is worth logging.
    """

    def __init__(self, config: TrainConfig, schema: LabelSchema, device: torch.device, meters: Meters):
        self.config, self.device, self.meters = config, device, meters
        with random_scope(config.seed, "weights", "generator"):
            self.generator: Generator = build_generator(config.generator, LabelSchema())
        with random_scope(config.seed, "weights", "discriminator"):
            self.discriminator: Discriminator = build_discriminator(config.discriminator, schema)
        self.networks = nn.ModuleDict({"generator": self.generator, "discriminator": self.discriminator})
        self.networks.to(device)
        if config.channels_last:
            self.networks.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.optimized = {"g": self.generator, "d": self.discriminator}
        self.game = adversarial(config.loss)
        self.penalty = penalty(config.penalty)
        self.augment = augmentation(config.augment)
        self.controller = Controller(config.controller, config.batch_size) if config.controller.enabled else None
        self.dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32
        self.lazy = config.penalty.every if config.penalty.kind != "none" else None
        penalties = [Phase("d_penalty", "d", self.lazy * config.ratio.d_every)] if self.lazy else []
        self.phases = (Phase("d", "d", config.ratio.d_every), *penalties, Phase("g", "g", config.ratio.g_every))

    def lazy_every(self, optimizer: str) -> int | None:
        """Returns the interval, in updates of the optimizer, of its lazy penalty; None where it has none."""
        return self.lazy if optimizer == "d" else None

    def wants(self, phase: Phase, number: int) -> bool:
        """As `Step.wants`: all phases take place unless the controller skips one."""
        return self.controller is None or self.controller.wants(phase.optimizer, number)

    def lr_scale(self, optimizer: str) -> float:
        """As `Step.lr_scale`."""
        return 1.0 if self.controller is None else self.controller.lr_scale(optimizer)

    def losses(self, phase: Phase, round: Round) -> Iterator[tuple[str, Tensor]]:
        """As `Step.losses`."""
        return {"d": self._d, "d_penalty": self._d_penalty, "g": self._g}[phase.name](round)

    def end_round(self, round: Round) -> None:
        """As `Step.end_round`."""
        self.augment.end_round(self.config.batch_size)
        if self.controller is not None:
            self.controller.update()

    def state(self) -> dict[str, Any]:
        """As `Step.state`."""
        parts = {"controller": self.controller.state() if self.controller else {}, "augment": self.augment.state()}
        return {name: state for name, state in parts.items() if state}

    def load_state(self, state: dict[str, Any]) -> None:
        """As `Step.load_state`."""
        if self.controller is not None and "controller" in state:
            self.controller.load_state(state["controller"])
        if "augment" in state:
            self.augment.load_state(state["augment"])

    def _d(self, round: Round) -> Iterator[tuple[str, Tensor]]:
        real, fake = self.augment(round.batch.images), self.augment(self._fake(round).detach())
        if self.config.real_fake_batches == "joint":
            real_logits, fake_logits = self._logits(torch.cat([real, fake])).split([len(real), len(fake)])
            yield "loss_d", self.game.real(real_logits).mean() + self.game.fake(fake_logits).mean()
        else:
            real_logits = self._logits(real)
            yield "loss_d_real", self.game.real(real_logits).mean()
            fake_logits = self._logits(fake)
            yield "loss_d_fake", self.game.fake(fake_logits).mean()
        self._note(real_logits.detach(), fake_logits.detach())

    def _d_penalty(self, round: Round) -> Iterator[tuple[str, Tensor]]:
        assert self.penalty is not None and self.lazy is not None
        real = self.augment(round.batch.images)
        fake = self.augment(self._fake(round).detach()) if self.penalty.needs_fake else None
        # In float32: the square of a slope is beyond bfloat16's eight bits.
        points = self.penalty.points(real, fake)
        value = torch.stack([self.penalty.value(at, self.discriminator(at).logits).mean() for at in points]).sum()
        self.meters.add("penalty", value.detach())
        yield "loss_d_penalty", value * self.lazy

    def _g(self, round: Round) -> Iterator[tuple[str, Tensor]]:
        yield "loss_g", self.game.generator(self._logits(self.augment(self._fake(round)))).mean()

    def _fake(self, round: Round) -> Tensor:
        def make() -> Tensor:
            z = self.z(round.images, self.config.batch_size)
            with autocast(self.device, self.dtype):
                return self.generator(z).float()

        return round.share("fake", "g", make)

    def z(self, images: int, count: int) -> Tensor:
        """Draws z for the global batch that follows `images` images and returns this process's part, `[n, z_dim]`."""
        z = torch.randn(count, self.generator.z_dim, generator=random_stream(self.config.seed, "z", images))
        mine = np.array_split(np.arange(count), distributed.world_size())[distributed.rank()]
        z = z[mine[0] : mine[-1] + 1].to(self.device)
        return z * self.config.latent.sigma + self.config.latent.mean

    def _logits(self, images: Tensor) -> Tensor:
        if self.config.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        with autocast(self.device, self.dtype):
            return self.discriminator(images).logits.float()

    def _note(self, real: Tensor, fake: Tensor) -> None:
        zero = self.game.zero or 0.0
        self.meters.add("d_real", torch.sigmoid(real - zero).mean())
        self.meters.add("d_fake", torch.sigmoid(fake - zero).mean())
        advantage = ((real - zero).sign().mean() - (fake - zero).sign().mean()) / 2
        self.meters.add("d_advantage", advantage)
        self.augment.see(real - zero)
        if self.controller is not None:
            self.controller.see(advantage)
