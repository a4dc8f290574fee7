"""Moves pictures along directions in w: strips from one strength to another, and animations."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sakuga.configs.conditions import Condition
from sakuga.configs.directions import Move
from sakuga.configs.layers import parse_layers
from sakuga.configs.sampling import USUAL, Sampling
from sakuga.core import images
from sakuga.core.errors import UserError
from sakuga.generation.directions import Directions, directions_of
from sakuga.generation.starts import Key, checked_keys, starts_of
from sakuga.generation.truncation import check_sampling
from sakuga.models.base import Noise
from sakuga.reporting.sheets import labeled_sheet

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel


def apply(ws: Tensor, direction: Tensor, strength: float | Tensor) -> Tensor:
    """Returns `ws + strength * direction`.

    Args:
        ws: float `[N, num_ws, w_dim]`.
        direction: What strength 1 adds, float `[num_ws, w_dim]`.
        strength: One for all, or float `[N]`.
    """
    if isinstance(strength, Tensor):
        strength = strength.to(ws)[:, None, None]
    return ws + strength * direction.to(ws)


def edit(
    model: "LoadedModel",
    seeds: Sequence[Key],
    strengths: Mapping[str, float],
    directions: Directions | str | Path | None = None,
    *,
    layers: str = "all",
    sampling: Sampling = USUAL,
    attributes: Condition | None = None,
    batch_size: int = 64,
) -> np.ndarray:
    """Draws one picture for each seed, moved along directions.

    Args:
        model: Any model.
        seeds: Each in 0..2^32-1, or a projected picture.
        strengths: Name of a direction to how far, in standard deviations of w: `{"hair:aqua": 2}`.
        directions: Directions or their file; None for those beside the model's file.
        layers: Only these layers move, as in `configs.layers`.
        sampling: How z becomes a picture, before it is moved.
        attributes: What a model with attributes is told of the seeds.
        batch_size: Pictures a forward pass.

    Returns:
        uint8 `[len(seeds), H, W, 3]`.

    Raises:
        UserError: As `LoadedModel.generate` and `directions_of`, or if there is no direction of a name.
    """
    found = directions if isinstance(directions, Directions) else directions_of(model, directions)
    moves = [Move(name, strength, strength) for name, strength in strengths.items()]
    chosen = None if layers == "all" else parse_layers(layers, model.generator.num_ws)
    seeds = checked_keys(seeds, attributes, sampling)
    starts = starts_of(model, seeds, attributes, sampling)
    noise = starts.noise(model, sampling.noise)
    return edited(model, starts.ws, found, moves, [1.0], layers=chosen, noise_of=noise, batch_size=batch_size)[:, 0]


def edited(
    model: "LoadedModel",
    ws: Tensor,
    directions: Directions,
    moves: Sequence[Move],
    parts: Sequence[float],
    *,
    layers: Sequence[int] | None = None,
    noise_of: Callable[[slice], Noise] = lambda _: "const",
    batch_size: int = 64,
) -> np.ndarray:
    """Draws pictures at several moments of the way along several directions at once.

    Args:
        model: Any model.
        ws: Of the pictures, float `[N, num_ws, w_dim]`.
        directions: Where the moves have their names from.
        moves: How far to go along each.
        parts: The moments, each in 0..1: 0 is where the moves start, 1 where they end.
        layers: Only these layers move; all of the directions' own if None.
        noise_of: Gives the noise of a part of all pictures, moment after moment of the first, of the second, ...
        batch_size: Pictures a forward pass.

    Returns:
        uint8 `[N, len(parts), H, W, 3]`.

    Raises:
        UserError: If there is no direction of a name, it has none of the layers, or the pictures are not finite.
    """
    steps = [(directions.step(move.name, layers).to(ws), move) for move in moves]
    offsets = torch.zeros(len(parts), *ws.shape[1:]).to(ws)
    for step, move in steps:
        offsets = apply(offsets, step, torch.tensor([move.at(part) for part in parts]))

    def ws_of(part: slice) -> Tensor:
        numbers = torch.arange(part.start, part.stop, device=ws.device)
        return ws[numbers // len(parts)] + offsets[numbers % len(parts)]

    drawn = model.sample_ws(ws_of, len(ws) * len(parts), batch_size, noise_of)
    return drawn.reshape(len(ws), len(parts), *drawn.shape[1:])


def ws_of_seeds(
    model: "LoadedModel", seeds: Sequence[int], attributes: Condition | None = None, sampling: Sampling = USUAL
) -> Tensor:
    """Returns the ws of seeds, float32 `[N, num_ws, w_dim]`; errors as `LoadedModel.generate`."""
    check_sampling(model, sampling)
    return model.ws_of_seeds(seeds, model.labels_of(seeds, attributes), sampling)


class Look(NamedTuple):
    """How edited pictures are shown.

    Attributes:
        captions: Whether a sheet says what is what.
        fps: Frames a second of an animation.
        loop: Whether an animation starts over for ever.
        columns: Pictures in a row of an animation; as square as possible if None.
        scale: Each pixel becomes a square of so many.
    """

    captions: bool = True
    fps: float = 20.0
    loop: bool = True
    columns: int | None = None
    scale: int = 1


def strip(
    drawn: np.ndarray, names: Sequence[str], moves: Sequence[Move], parts: Sequence[float], look: Look
) -> np.ndarray:
    """Lays edited pictures out: a row for each picture, a column for each moment.

    Args:
        drawn: uint8 `[N, T, H, W, 3]`.
        names: What to call each row.
        moves: What was moved.
        parts: The moments.
        look: Whether there are captions, and the scale.

    Returns:
        uint8 `[H', W', 3]`.
    """
    flat = drawn.reshape(-1, *drawn.shape[2:])
    words = {"row_captions": names, "column_captions": captions(moves, parts), "title": described(moves)}
    return labeled_sheet(flat, drawn.shape[1], scale=look.scale, **(words if look.captions else {}))


def animated(drawn: np.ndarray, look: Look) -> np.ndarray:
    """Lays edited pictures out frame by frame: all of them in a grid, a single one as it is.

    Args:
        drawn: uint8 `[N, T, H, W, 3]`.
        look: The columns.

    Returns:
        uint8 `[T, H', W', 3]`.
    """
    return (
        drawn[0] if len(drawn) == 1 else np.stack([images.grid(frame, look.columns) for frame in drawn.swapaxes(0, 1)])
    )


def captions(moves: Sequence[Move], parts: Sequence[float]) -> list[str]:
    """Returns the strengths at each moment in words: of one range alone, or each with its name."""
    moving = [move for move in moves if not move.is_constant]
    if len({(move.start, move.end) for move in moving}) == 1:
        return [_signed(moving[0].at(part)) for part in parts]
    return [" ".join(f"{move.name} {_signed(move.at(part))}" for move in moving) for part in parts]


def described(moves: Sequence[Move]) -> str:
    """Returns moves as `parse_moves` reads them."""
    return ",".join(f"{m.name}={m.start:g}" + ("" if m.is_constant else f"..{m.end:g}") for m in moves)


def there_and_back(frames: int, loop: bool) -> list[float]:
    """Returns the moments of an animation, 0..1: there and back, resting at both ends, or there alone.

    Raises:
        UserError: If there are fewer than two frames.
    """
    if frames < 2:
        raise UserError(f"A way needs at least 2 frames: give, for example, 60 (found {frames}).")
    angles = np.linspace(0, 2 * np.pi, frames, endpoint=False) if loop else np.linspace(0, np.pi, frames)
    return (0.5 - 0.5 * np.cos(angles)).tolist()


def _signed(number: float) -> str:
    return f"{number:+.3g}" if abs(number) > 1e-9 else "0"
