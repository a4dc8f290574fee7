"""Two failures of GANs in two dimensions, where they can be seen and counted: `python examples/toy2d.py`.

Takes less than a minute on one thread; prints two tables, writes one picture, and ends with a line of JSON.

1. The vanishing gradient (Arjovsky and Bottou, "Towards Principled Methods for Training Generative Adversarial
   Networks", 2017). Real points lie on a line, fake ones on a line beside it; the distance is G's only parameter, and
   stays. The better D, the less G learns from the original loss, the wilder its steps by the non-saturating one, and
   the closer to 1 by the Wasserstein loss: the slope of the distance itself.
2. The collapse. Real points lie around eight places on a ring. How many of them does G reach, by which loss?
"""

import argparse
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from sakuga.configs.losses import (
    BceLossConfig,
    LossConfig,
    NoPenaltyConfig,
    PenaltyConfig,
    R1R2PenaltyConfig,
    RelativisticLossConfig,
    WassersteinLossConfig,
    WganGpPenaltyConfig,
)
from sakuga.core import images
from sakuga.core.random import random_scope
from sakuga.losses.adversarial import Adversarial, adversarial
from sakuga.losses.penalties import Penalty, penalty
from sakuga.reporting.curves import draw_curves
from sakuga.reporting.sheets import labeled_sheet

BATCH = 256
Z_DIM = 8
MODES, RADIUS, SIGMA = 8, 2.0, 0.05
LR = 1e-3
NO_PENALTY = NoPenaltyConfig()


@dataclass(frozen=True)
class Game:
    """What D and G play.

    Attributes:
        loss: For both.
        penalty: On D.
        d_per_g: Updates of D for one of G.
        lr_g: G's learning rate.
        lr_d: D's learning rate.
    """

    loss: LossConfig
    penalty: PenaltyConfig = NO_PENALTY
    d_per_g: int = 1
    lr_g: float = LR
    lr_d: float = LR


GAMES = {
    # The ratio of Metz et al., "Unrolled Generative Adversarial Networks", 2017: G gathers where D is mistaken, and is
    # gone before D has learned it.
    "bce, D 10 times slower": Game(BceLossConfig(), lr_g=3 * LR, lr_d=0.3 * LR),
    "bce": Game(BceLossConfig()),
    "relativistic, R1 + R2": Game(RelativisticLossConfig(), R1R2PenaltyConfig(weight=0.5, every=1)),
    "wasserstein, WGAN-GP": Game(WassersteinLossConfig(), WganGpPenaltyConfig(weight=1.0), d_per_g=3),
}


def network(inputs: int, outputs: int, width: int = 64) -> nn.Sequential:
    """Returns a network of two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )


def d_loss(game: Adversarial, on_slope: Penalty | None, d: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Returns D's loss with its penalty, a scalar.

    Args:
        game: The losses.
        on_slope: The penalty, if there is one.
        d: From points to logits `[N, 1]`.
        real: float `[N, 2]`.
        fake: float `[N, 2]`, without a graph.
    """
    of_real, of_fake = d(real), d(fake)
    if game.paired:
        loss = game.paired(of_real - of_fake).mean()
    else:
        loss = game.real(of_real).mean() + game.fake(of_fake).mean()
    if on_slope:
        loss = loss + torch.stack([on_slope.value(at, d(at)).mean() for at in on_slope.points(real, fake)]).sum()
    return loss


def g_loss(game: Adversarial, d: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Returns G's loss, a scalar; arguments as in `d_loss`, but that `fake` has its graph."""
    return (game.paired(d(fake) - d(real)) if game.paired else game.generator(d(fake))).mean()


def line(x: Tensor) -> Tensor:
    """Returns points on the upright line at `x`, a scalar: float `[N, 2]`."""
    return torch.stack([x.expand(BATCH), torch.rand(BATCH)], 1)


def gradients(moments: Sequence[int], seed: int) -> dict[str, list[float]]:
    """Trains D against a G that stands still and measures how steep G's loss is for G.

    Args:
        moments: Updates of D after which to measure, ascending.
        seed: Names the random stream.

    Returns:
        Loss to |d loss / d x| at each moment, x being where G's line stands (1; the real one stands at 0).
    """
    trained = {"bce": Game(BceLossConfig()), "wasserstein": Game(WassersteinLossConfig(), WganGpPenaltyConfig())}
    measured = {
        "saturating": ("bce", BceLossConfig(saturating=True)),
        "non-saturating": ("bce", BceLossConfig()),
        "wasserstein": ("wasserstein", WassersteinLossConfig()),
    }
    found: dict[str, list[float]] = {name: [] for name in measured}
    for trained_by, game in trained.items():
        with random_scope(seed, "gradient", trained_by):
            d = network(2, 1)
            adam = torch.optim.Adam(d.parameters(), LR, (0.5, 0.9))
            zero, one = torch.zeros(()), torch.ones((), requires_grad=True)
            losses, on_slope = adversarial(game.loss), penalty(game.penalty)
            for step in range(max(moments) + 1):
                if step in moments:
                    for name, (by, loss) in measured.items():
                        if by == trained_by:
                            value = g_loss(adversarial(loss), d, line(zero), line(one))
                            found[name].append(abs(torch.autograd.grad(value, one)[0].item()))
                adam.zero_grad()
                d_loss(losses, on_slope, d, line(zero), line(one).detach()).backward()
                adam.step()
    return found


def ring(count: int) -> Tensor:
    """Returns real points around eight places on a circle, float `[count, 2]`."""
    angle = torch.randint(MODES, (count,)) * (2 * torch.pi / MODES)
    return torch.stack([angle.cos(), angle.sin()], 1) * RADIUS + torch.randn(count, 2) * SIGMA


def coverage(points: Tensor) -> tuple[int, float]:
    """Counts the places that are reached.

    Args:
        points: float `[N, 2]`.

    Returns:
        The places that have at least a quarter of their share of the points within four sigma, and the share of points
        that are so near to any place.
    """
    angle = torch.arange(MODES) * (2 * torch.pi / MODES)
    distance = torch.cdist(points, torch.stack([angle.cos(), angle.sin()], 1) * RADIUS)
    near = distance < 4 * SIGMA
    return int((near.float().mean(0) > 1 / (4 * MODES)).sum()), near.any(1).float().mean().item()


def play(game: Game, steps: int, seed: int, watch: Callable[[int, Tensor], None]) -> None:
    """Trains G and D on the ring.

    Args:
        game: What they play.
        steps: Updates of G.
        seed: Names the random stream.
        watch: Is called after 0, 1, 2, ... updates with G's points from always the same z, float `[2048, 2]`.
    """
    losses, on_slope = adversarial(game.loss), penalty(game.penalty)
    with random_scope(seed, "ring"):
        g, d = network(Z_DIM, 2), network(2, 1)
        adam_g = torch.optim.Adam(g.parameters(), game.lr_g, (0.5, 0.9))
        adam_d = torch.optim.Adam(d.parameters(), game.lr_d, (0.5, 0.9))
        always = torch.randn(2048, Z_DIM)
        for step in range(steps + 1):
            with torch.no_grad():
                watch(step, g(always))
            for _ in range(game.d_per_g):
                with torch.no_grad():
                    fake = g(torch.randn(BATCH, Z_DIM))
                adam_d.zero_grad()
                d_loss(losses, on_slope, d, ring(BATCH), fake).backward()
                adam_d.step()
            value = g_loss(losses, d, ring(BATCH), g(torch.randn(BATCH, Z_DIM)))
            value.backward(inputs=list(g.parameters()))
            adam_g.step()
            adam_g.zero_grad()


def density(points: Tensor, side: int = 96, reach: float = 2.6) -> np.ndarray:
    """Draws points as a picture, uint8 `[side, side, 3]`: the more, the darker, and a ring around each place."""
    x, y = points.numpy().T
    counts = np.histogram2d(-y, x, bins=side, range=[[-reach, reach]] * 2)[0]
    dark = np.minimum(counts / 4, 1)[:, :, None] ** 0.5
    picture = 255 - dark * (255 - np.array([53, 103, 176]))
    places = torch.arange(MODES) * (2 * torch.pi / MODES)
    pixels = (np.arange(side) + 0.5) * (2 * reach / side) - reach
    for angle in places.tolist():
        distance = np.hypot(pixels[None] - RADIUS * np.cos(angle), -pixels[:, None] - RADIUS * np.sin(angle))
        picture[np.abs(distance - 5 * SIGMA) < reach / side] = (210, 80, 63)
    return picture.astype(np.uint8)


def write_picture(path: Path, moments: Sequence[int], slopes: dict[str, list[float]], sheet: np.ndarray) -> None:
    """Writes the curves of the gradients above the sheet of densities."""
    title = "|gradient of G's loss| over D's updates, G standing still"
    curves = draw_curves(
        {title: {name: (moments, y) for name, y in slopes.items()}}, x_label="D's updates", log={title}
    )
    upper, lower = Image.open(io.BytesIO(curves)).convert("RGB"), Image.fromarray(sheet)
    page = Image.new("RGB", (max(upper.width, lower.width), upper.height + lower.height), "white")
    page.paste(upper, (0, 0))
    page.paste(lower, (0, upper.height))
    images.save_png(path, np.asarray(page))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs both experiments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("toy2d.png"), help="the picture to write")
    parser.add_argument("--d-steps", type=int, default=1000, help="updates of D in the first experiment")
    parser.add_argument("--steps", type=int, default=1500, help="updates of G in the second")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)

    moments = sorted({round(options.d_steps * part) for part in (0.01, 0.03, 0.1, 0.3, 1.0)})
    slopes = gradients(moments, options.seed)
    print("|gradient of G's loss| after so many updates of D, G standing still")
    print(f"{'':26}" + "".join(f"{moment:>10,}" for moment in moments))
    for name, values in slopes.items():
        print(f"{name:26}" + "".join(f"{value:>10.2g}" for value in values))

    times = [round(options.steps * i / 4) for i in range(5)]
    print(f"\nplaces reached, of {MODES}, after so many updates of G (and the share of its points that are at one)")
    print(f"{'':26}" + "".join(f"{step:>10,}" for step in times))
    pictures, reached = [], {}
    for name, game in GAMES.items():
        found = []

        def watch(step: int, points: Tensor, found: list[tuple[int, float]] = found) -> None:
            if step in times:
                found.append(coverage(points))
                pictures.append(density(points))

        play(game, options.steps, options.seed, watch)
        reached[name] = found
        print(f"{name:26}" + "".join(f"{f'{places} ({share:.0%})':>10}" for places, share in found))
    captions = [f"{step:,} updates" for step in times]
    sheet = labeled_sheet(np.stack(pictures), len(times), row_captions=list(GAMES), column_captions=captions)
    write_picture(options.out, moments, slopes, sheet)
    print(f"\n{options.out}")
    print(json.dumps({"d_updates": moments, "gradients": slopes, "g_updates": times, "places": reached}))


if __name__ == "__main__":
    main()
