"""The game of a generator and a discriminator."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.augment.registry import augmentation
from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.configs.losses import WassersteinLossConfig
from sakuga.configs.training import TrainConfig
from sakuga.core.device import autocast
from sakuga.core.random import random_scope
from sakuga.core.second_order import SlopeOfInput
from sakuga.data.dataset import Dataset
from sakuga.data.labels import translated
from sakuga.data.sampling import balanced_weights, columns_to_balance
from sakuga.losses.adversarial import adversarial
from sakuga.losses.conditional import class_losses
from sakuga.losses.path_length import path_lengths
from sakuga.losses.penalties import penalty
from sakuga.models.base import Discriminator, Generator, Judgement
from sakuga.models.registry import build_discriminator, build_generator
from sakuga.training.controller import Controller
from sakuga.training.fake_labels import FakeLabels
from sakuga.training.fakes import Fakes
from sakuga.training.freeze import freeze
from sakuga.training.metrics_log import Meters
from sakuga.training.path_length import PathLength
from sakuga.training.phases import Phase, Round
from sakuga.training.transfer import transferred


class GanStep:
    """D learns to tell real from fake, G to deceive it, and, where G is told attributes, to keep to them.

    Phases: `d`, every `ratio.d_every` rounds; `d_penalty`, if the penalty is lazy; `c`, with D, for a classifier of its
    own; `g`, every `ratio.g_every` rounds; `g_path`, lazily, if path lengths are regularized. The fakes of a round are
    made once and shared.

    Args:
        config: A complete config.
        dataset: The real pictures, for their labels.
        device: Where the networks live.
        meters: Takes what is worth logging.

    Attributes:
        schema: The attributes that G is told.
        labels: Of the real pictures in that schema, int64 `[N, num_attributes]`, -1 where unknown.
    """

    def __init__(self, config: TrainConfig, dataset: Dataset, device: torch.device, meters: Meters):
        self.config, self.device, self.meters = config, device, meters
        told = config.conditioning.attributes
        self.schema = dataset.schema if told == "all" else dataset.schema.restricted(told)
        labels = translated(dataset.labels, dataset.schema, self.schema)
        weights, balance = None, config.data.balance
        if balance:
            columns = columns_to_balance(dataset.labels, dataset.schema, balance)
            weights = balanced_weights(dataset.labels, columns)
        fake_labels = FakeLabels(labels, self.schema, config.conditioning.label_prior, config.seed, weights)
        self.labels = labels
        self._build()
        self.fakes = Fakes(config, self.generator, fake_labels, len(dataset), device)
        self.game = adversarial(config.loss)
        self.penalty = penalty(config.penalty)
        self.classes = class_losses(config.conditioning, config.discriminator.head.kind == "discriminative")
        self.augment = augmentation(config.augment)
        self.controller = Controller(config.controller, config.batch_size) if config.controller.enabled else None
        self.path_length = PathLength(config.path_length, device) if config.path_length.weight else None
        self.dtype = self.fakes.dtype
        every = config.penalty.every if config.penalty.kind != "none" else 1
        # A penalty of every update belongs to D's own loss; a rarer one is a phase.
        self.lazy = every if every > 1 else None
        d_every, g_every = config.ratio.d_every, config.ratio.g_every
        penalties = [Phase("d_penalty", "d", every * d_every)] if self.lazy else []
        classifiers = [Phase("c", "c", d_every)] if self.classifier else []
        paths = [Phase("g_path", "g", config.path_length.every * g_every)] if self.path_length else []
        self.phases = (Phase("d", "d", d_every), *penalties, *classifiers, Phase("g", "g", g_every), *paths)

    def _build(self) -> None:
        config = self.config
        with random_scope(config.seed, "weights", "generator"):
            self.generator: Generator = build_generator(config.generator, self.schema)
        if config.conditioning.start.amount:
            with random_scope(config.seed, "weights", "generator"):
                untold = build_generator(config.generator, LabelSchema())
            self.generator.load_state_dict(transferred(untold, self.generator, gains_labels=True))
        with random_scope(config.seed, "weights", "discriminator"):
            self.discriminator: Discriminator = build_discriminator(config.discriminator, self.schema)
        freeze(self.discriminator, config.freeze_d)
        self.optimized: dict[str, nn.Module] = {"g": self.generator, "d": self.discriminator}
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.classifier: Discriminator | None = None
        if config.classifier.kind != "none":
            with random_scope(config.seed, "weights", "classifier"):
                self.classifier = build_discriminator(config.classifier, self.schema)
            self.optimized["c"] = networks["classifier"] = self.classifier
        self.networks = nn.ModuleDict(networks)
        self.networks.to(self.device)
        if config.channels_last:
            self.networks.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def lazy_every(self, optimizer: str) -> int | None:
        """Returns the interval, in updates of the optimizer, of its lazy penalty; None where it has none."""
        if optimizer == "g" and self.path_length:
            return self.config.path_length.every
        return self.lazy if optimizer == "d" else None

    def due(self, number: int) -> list[Phase]:
        """Returns the phases of round `number`, where the controller may stretch the intervals of a side."""

        def stretch(phase: Phase) -> int:
            return 1 if self.controller is None else self.controller.stretch(phase.optimizer)

        return [phase for phase in self.phases if phase.due(number, stretch(phase))]

    def lr_scale(self, optimizer: str) -> float:
        """Returns what an optimizer's learning rate is multiplied with now."""
        return 1.0 if self.controller is None else self.controller.lr_scale(optimizer)

    def losses(self, phase: Phase, round: Round) -> Iterator[tuple[str, Tensor]]:
        """Yields named scalar losses of a phase; each is back-propagated at once and its graph freed."""
        of_phase = {"d": self._d, "d_penalty": self._d_penalty, "c": self._c, "g": self._g, "g_path": self._g_path}
        return of_phase[phase.name](round)

    def after(self, phase: Phase) -> None:
        """Clips what D learned in a phase, where the loss asks for it (Arjovsky et al. 2017, algorithm 1)."""
        loss = self.config.loss
        if phase.optimizer == "d" and isinstance(loss, WassersteinLossConfig) and loss.clip is not None:
            with torch.no_grad():
                for parameter in self.discriminator.parameters():
                    if parameter.requires_grad:
                        parameter.clamp_(-loss.clip, loss.clip)

    def end_round(self) -> None:
        """Does what follows the last phase of a round."""
        self.augment.end_round(self.config.batch_size)
        if self.controller is not None:
            self.controller.update()

    def state(self) -> dict[str, Any]:
        """Returns what the step remembers beside its networks, as JSON."""
        parts = {"controller": self.controller, "augment": self.augment, "path_length": self.path_length}
        states = {name: part.state() for name, part in parts.items() if part is not None}
        return {name: state for name, state in states.items() if state}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned."""
        if self.controller is not None and "controller" in state:
            self.controller.load_state(state["controller"])
        if "augment" in state:
            self.augment.load_state(state["augment"])
        if self.path_length is not None and "path_length" in state:
            self.path_length.load_state(state["path_length"])

    def _d(self, round: Round) -> Iterator[tuple[str, Tensor]]:
        real, fake = self.augment(round.batch.images), self.augment(self._fake(round).detach())
        of_real, of_fake = self._real_labels(round), self._labels_of_fakes(round)
        if self.config.real_fake_batches == "joint" or self.game.paired is not None:
            judged = self._joint if self.config.real_fake_batches == "joint" else self._apart
            on_real, on_fake = judged(real, fake, of_real, of_fake)
            value = self._realness(on_real.logits, on_fake.logits)
            yield "loss_d", value + self._d_classes(on_real, of_real, True) + self._d_classes(on_fake, of_fake, False)
        else:
            weight = self.config.conditioning.adversarial_weight
            on_real = self._judge(self.discriminator, real, of_real)
            value = weight * self.game.real(on_real.logits).mean()
            yield "loss_d_real", value + self._d_classes(on_real, of_real, True)
            on_fake = self._judge(self.discriminator, fake, of_fake)
            value = weight * self.game.fake(on_fake.logits).mean()
            yield "loss_d_fake", value + self._d_classes(on_fake, of_fake, False)
        self._note(on_real.logits.detach(), on_fake.logits.detach())
        if self.penalty is not None and self.lazy is None:
            yield "loss_d_penalty", self._penalty_value(round)

    def _d_penalty(self, round: Round) -> Iterator[tuple[str, Tensor]]:
        assert self.lazy is not None
        yield "loss_d_penalty", self._penalty_value(round) * self.lazy

    def _c(self, round: Round) -> Iterator[tuple[str, Tensor]]:
        assert self.classifier is not None
        labels = self._real_labels(round)
        named = self._judge(self.classifier, self.augment(round.batch.images), labels).attributes
        assert named is not None
        yield "loss_c", self.classes.real(named, labels)

    def _g(self, round: Round) -> Iterator[tuple[str, Tensor]]:
        labels = self._labels_of_fakes(round)
        fake = self.augment(self._fake(round))
        verdict = self._judge(self.discriminator, fake, labels)
        weight = self.config.conditioning.adversarial_weight
        if self.game.paired is None:
            value = weight * self.game.generator(verdict.logits).mean()
        else:
            with torch.no_grad():
                real = self._judge(self.discriminator, self.augment(round.batch.images), self._real_labels(round))
            value = weight * self.game.paired(verdict.logits - real.logits).mean()
        named = (verdict if self.classifier is None else self._judge(self.classifier, fake, labels)).attributes
        if named is not None:
            classes = self.classes.generator(named, labels)
            self.meters.add("loss_g_class", classes.detach())
            value = value + classes
        yield "loss_g", value

    def _realness(self, real: Tensor, fake: Tensor) -> Tensor:
        game, weight = self.game, self.config.conditioning.adversarial_weight
        if game.paired is not None:
            return weight * game.paired(real - fake).mean()
        return weight * (game.real(real).mean() + game.fake(fake).mean())

    def _d_classes(self, judgement: Judgement, labels: Tensor, is_real: bool) -> Tensor | float:
        """Returns D's class loss on real or on fake pictures, 0 where D does not classify them."""
        loss = self.classes.real if is_real else self.classes.fake
        if judgement.attributes is None or loss is None:
            return 0.0
        value = loss(judgement.attributes, labels)
        self.meters.add("loss_d_class_real" if is_real else "loss_d_class_fake", value.detach())
        return value

    def _penalty_value(self, round: Round) -> Tensor:
        """Returns the penalty, its slopes taken at the augmented pictures.

        The programs of Karras et al. (2020, limited data) differentiate through the augmentation to the pictures before
        it; torch has no second derivative of `grid_sample`.
        """
        assert self.penalty is not None
        real = self.augment(round.batch.images)
        fake = self.augment(self._fake(round).detach()) if self.penalty.needs_fake else None
        labels = {"real": self._real_labels(round), "fake": self._labels_of_fakes(round)}
        # In float32: the square of a slope is beyond bfloat16's eight bits.
        with SlopeOfInput():
            value = torch.stack(
                [
                    self.penalty.value(at, self.discriminator(at, labels[side]).logits).mean()
                    for at, side in zip(self.penalty.points(real, fake), self.penalty.sides, strict=True)
                ]
            ).sum()
        self.meters.add("penalty", value.detach())
        return value

    def _g_path(self, round: Round) -> Iterator[tuple[str, Tensor]]:
        assert self.path_length is not None
        config = self.config.path_length
        ws = self.fakes.ws(round.images, max(1, self.config.batch_size // config.shrink), "path z")
        if not ws.requires_grad:  # a G whose w is z itself
            ws.requires_grad_(True)
        # In float32, as all slopes.
        lengths = path_lengths(self.generator.synthesis(ws, self.fakes.noise(round.images)), ws)
        value = self.path_length.loss(lengths)
        self.meters.add("path_length", lengths.detach().mean())
        yield "loss_g_path", value * config.every

    def _fake(self, round: Round) -> Tensor:
        return round.share("fake", "g", lambda: self.fakes.images(round.images, self._labels_of_fakes(round)))

    def _labels_of_fakes(self, round: Round) -> Tensor:
        def draw() -> Tensor:
            drawn = self._told(round, self.fakes.labels(round.images, self.config.batch_size))
            if not self.config.labels_in_pairs:
                return drawn
            real = self._real_labels(round)
            return torch.where(real == UNKNOWN, drawn, real)

        return round.share("labels of fakes", "g", draw)

    def _real_labels(self, round: Round) -> Tensor:
        def look_up() -> Tensor:
            return self._told(round, torch.from_numpy(self.labels[round.batch.indices]).to(self.device))

        return round.share("labels of reals", "d", look_up)

    def _told(self, round: Round, labels: Tensor) -> Tensor:
        return labels if self.fakes.tells_labels(round.images) else torch.full_like(labels, UNKNOWN)

    def _joint(self, real: Tensor, fake: Tensor, of_real: Tensor, of_fake: Tensor) -> tuple[Judgement, Judgement]:
        both = self._judge(self.discriminator, torch.cat([real, fake]), torch.cat([of_real, of_fake]))
        return _part(both, lambda t: t[: len(real)]), _part(both, lambda t: t[len(real) :])

    def _apart(self, real: Tensor, fake: Tensor, of_real: Tensor, of_fake: Tensor) -> tuple[Judgement, Judgement]:
        return self._judge(self.discriminator, real, of_real), self._judge(self.discriminator, fake, of_fake)

    def _judge(self, network: Discriminator, images: Tensor, labels: Tensor) -> Judgement:
        if self.config.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        with autocast(self.device, self.dtype):
            judgement = network(images, labels)
        return judgement._replace(logits=judgement.logits.float())

    def _note(self, real: Tensor, fake: Tensor) -> None:
        if isinstance(self.config.loss, WassersteinLossConfig):
            self.meters.add("wasserstein", real.mean() - fake.mean())
        zero = self.game.zero
        if zero is not None:
            self.augment.see(real - zero)
            self.meters.add("d_real", torch.sigmoid(real - zero).mean())
            self.meters.add("d_fake", torch.sigmoid(fake - zero).mean())
            advantage = ((real - zero).sign().mean() - (fake - zero).sign().mean()) / 2
        elif self.game.paired is not None:
            advantage = (real - fake).sign().mean()
        else:
            return
        self.meters.add("d_advantage", advantage)
        if self.augment.state():
            self.meters.add("augment_strength", torch.tensor(self.augment.strength, device=self.device))
        if self.controller is not None:
            self.controller.see(advantage)


def _part(judgement: Judgement, take: Callable[[Tensor], Tensor]) -> Judgement:
    attributes = judgement.attributes
    return Judgement(take(judgement.logits), attributes and tuple(take(a) for a in attributes))
