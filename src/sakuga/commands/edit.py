"""`sakuga edit`: pictures moved along directions, as strips and animations."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sakuga.commands.options import ANY_MACHINE, UNTOLD, Machine, Told
from sakuga.configs.sampling import USUAL, Sampling

if TYPE_CHECKING:
    from sakuga.configs.conditions import Condition
    from sakuga.configs.directions import Move
    from sakuga.generation.directions import Directions
    from sakuga.generation.edit import Look
    from sakuga.generation.model import LoadedModel
    from sakuga.generation.starts import Key

_COLUMNS, _FRAMES = 7, 60
_MAX_STEPS = 1000
_MOVING = (".gif", ".webp", ".mp4")


def edit(
    model: str,
    /,
    *,
    direction: str,
    out: Path | None = None,
    seeds: str | None = None,
    from_projection: tuple[Path, ...] = (),
    directions: Path | None = None,
    strength: str = "-3..3",
    steps: int | None = None,
    layers: str = "all",
    captions: bool = True,
    fps: float = 20.0,
    loop: bool = True,
    columns: int | None = None,
    scale: int = 1,
    measure: int | None = None,
    judge: str | None = None,
    overwrite: bool = False,
    batch_size: int = 64,
    conditioning: Told = UNTOLD,
    sampling: Sampling = USUAL,
    machine: Machine = ANY_MACHINE,
) -> None:
    """Moves pictures along directions in w: a strip for each seed, or an animation of all.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder.
        direction: Which, as hair:aqua; several, each with its own strength or range: hair:aqua=2,eyes:red=0..3.
        out: The file to write: a .png has a row for each picture and a column for each strength; a .gif, .webp or .mp4
            moves.
        seeds: Which seeds, for example 0-7. 0-7 if nothing is given.
        from_projection: Files that `sakuga project` wrote: edit their pictures, before those of --seeds.
        directions: A file that `sakuga directions` wrote; the one beside the model if not given.
        strength: Of directions that have none of their own: from..to, or one number. In standard deviations of w.
        steps: How many strengths on the way: 7 columns, or 60 frames, if not given.
        layers: Move only these layers, for example 0-5 or coarse, of those that the direction has.
        captions: Write seeds and strengths beside the pictures of a .png.
        fps: Frames a second of an animation.
        loop: Lead an animation back to its beginning and on for ever.
        columns: Pictures in a row of an animation. As square as possible if not given.
        scale: Each pixel becomes a square of so many.
        measure: Print what each direction does to so many samples, as `sakuga directions --measure`.
        judge: A file that `sakuga judge` wrote, for --measure.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        conditioning: What a model with attributes is told.
        sampling: How z becomes a picture.
        machine: Where to compute.
    """
    from sakuga.commands.drawing import check_keys, keys_of, once
    from sakuga.commands.identity import check_measure, load_ruler, show_cost
    from sakuga.commands.options import check_positive, check_suffix, refuse_existing
    from sakuga.configs.layers import parse_layers
    from sakuga.core.errors import UserError

    check_positive(steps=steps, columns=columns, scale=scale, batch_size=batch_size)
    check_suffix(out, "--out", ".png", *_MOVING)
    check_measure(measure, judge)
    if out is None and measure is None:
        raise UserError("Say what to do: --out FILE.png for a strip, FILE.gif to move, --measure 64 for numbers.")
    moves = _moves(direction, strength)
    condition = conditioning.condition()
    parts = _parts(out, steps, loop, fps)
    keys = once(keys_of(seeds, from_projection, "0-7"))
    refuse_existing([out], overwrite)
    machine.prepare()
    check_keys(keys, condition, sampling)

    from sakuga.generation.directions import beside, directions_of
    from sakuga.generation.edit import Look
    from sakuga.generation.model import load

    loaded = load(model, machine.device)
    ruler = None if measure is None else load_ruler(judge, machine.device)
    names = [move.name for move in moves]
    if directions is None and not beside(loaded).is_file():
        _check_told(loaded, names)
    found = directions_of(loaded, directions)
    _check_told(loaded, [name for name in names if name not in found.steps])
    if found.header.model_sha256 != loaded.sha256:
        print(f"The directions belong to another model, {found.header.model}: they may do less here.", file=sys.stderr)
    chosen = None if layers.strip() == "all" else parse_layers(layers, loaded.generator.num_ws)
    if out is not None:
        job = _Job(out, keys, condition, sampling, moves, parts, chosen, overwrite, batch_size)
        _draw(job, loaded, found, Look(captions, fps, loop, columns, scale))
    if ruler is not None and measure is not None:
        show_cost(loaded, found, names, ruler, measure, batch_size)


class _Job(NamedTuple):
    out: Path
    keys: "list[Key]"
    told: "Condition"
    sampling: "Sampling"
    moves: "list[Move]"
    parts: list[float]
    layers: tuple[int, ...] | None
    overwrite: bool
    batch_size: int


def _draw(job: _Job, model: "LoadedModel", directions: "Directions", look: "Look") -> None:
    from sakuga.commands.drawing import check_amount, tell_foreign
    from sakuga.core.images import grid_size, save_png
    from sakuga.generation.animation import check_sides, save_animation
    from sakuga.generation.edit import animated, described, edited, strip
    from sakuga.generation.output import parameters
    from sakuga.generation.starts import starts_of

    count, steps = len(job.keys), len(job.parts)
    check_amount(count * steps, model.resolution, f"{count:,} seeds by --steps {steps}", look.scale)
    side = model.resolution
    sides = (side, side) if count == 1 else grid_size(count, side, side, look.columns)
    check_sides(job.out, *(look.scale * pixels for pixels in sides))
    tell_foreign(model, job.keys)
    start = starts_of(model, job.keys, job.told, job.sampling)
    noise = start.noise(model, job.sampling.noise, [row for row in range(count) for _ in job.parts])
    drawn = edited(
        model,
        start.ws,
        directions,
        job.moves,
        job.parts,
        layers=job.layers,
        noise_of=noise,
        batch_size=job.batch_size,
    )
    if job.out.suffix.lower() in _MOVING:
        frames = animated(drawn, look)
        save_animation(job.out, frames, look.fps, loop=look.loop, scale=look.scale, overwrite=job.overwrite)
    else:
        text = parameters(model, job.sampling) | {"directions": described(job.moves)}
        text |= {"pictures": ",".join(start.names)}
        save_png(job.out, strip(drawn, start.names, job.moves, job.parts, look), text, overwrite=job.overwrite)
    _report(count, steps, model, job.out)


def _report(pictures: int, strengths: int, model: "LoadedModel", out: Path) -> None:
    from sakuga.core.words import counted

    print(f"{counted(pictures, 'picture')} by {model.describe()}, {counted(strengths, 'strength')} each: {out}")


def _moves(direction: str, strength: str) -> "list[Move]":
    from sakuga.configs.directions import FAR_STRENGTH, parse_moves

    moves = parse_moves(direction, strength)
    if far := [move.name for move in moves if max(abs(move.start), abs(move.end)) > FAR_STRENGTH]:
        print(f"Faces break beyond a strength of {FAR_STRENGTH:g}: {', '.join(far)}.", file=sys.stderr)
    return moves


def _parts(out: Path | None, steps: int | None, loop: bool, fps: float) -> list[float]:
    """Returns the moments of the way to draw, 0..1."""
    from sakuga.core.errors import UserError

    if steps is not None and steps > _MAX_STEPS:
        raise UserError(f"--steps {steps} is too large: give {_MAX_STEPS:,} at most; 7 make a strip, 60 an animation.")
    if out is None or out.suffix.lower() not in _MOVING:
        count = steps or _COLUMNS
        return [1.0] if count == 1 else [i / (count - 1) for i in range(count)]

    from sakuga.generation.animation import check_animation
    from sakuga.generation.edit import there_and_back

    check_animation(out, fps)
    return there_and_back(steps or _FRAMES, loop)


def _check_told(model: "LoadedModel", missing: list[str]) -> None:
    """Says of directions that are not there what the model is told instead, if it is."""
    from sakuga.core.errors import UserError

    told = {attribute.name for attribute in model.schema.attributes}
    for name in missing:
        attribute, _, value = name.partition(":")
        if attribute in told:
            raise UserError(
                f"{model.name} is told {attribute}, so that it needs no direction {name}: choose with "
                f"--attributes {attribute}={value or '...'}."
            )
