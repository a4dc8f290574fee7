"""`sakuga interpolate`: the way from one picture or condition to another, as a GIF, a WebP, an MP4 and a strip."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import tyro

from sakuga.commands.options import ANY_MACHINE, UNTOLD, Machine, Told
from sakuga.configs.sampling import USUAL, Sampling

if TYPE_CHECKING:
    from sakuga.configs.conditions import Condition
    from sakuga.generation.interpolate import Kind, Space
    from sakuga.generation.model import LoadedModel
    from sakuga.generation.starts import Key


def interpolate(
    model: str,
    /,
    *,
    out: Path,
    seeds: str | None = None,
    from_projection: tuple[Path, ...] = (),
    from_: Annotated[str | None, tyro.conf.arg(name="from")] = None,
    to: str | None = None,
    conditions: str | None = None,
    strip: Path | None = None,
    grid: str | None = None,
    frames: int | None = None,
    duration: float | None = None,
    fps: float = 20.0,
    loop: bool = True,
    kind: Literal["linear", "spherical", "smooth"] = "smooth",
    space: Literal["z", "w"] | None = None,
    scale: int = 1,
    columns: int | None = None,
    overwrite: bool = False,
    batch_size: int = 64,
    conditioning: Told = UNTOLD,
    sampling: Sampling = USUAL,
    machine: Machine = ANY_MACHINE,
) -> None:
    """Draws the way through the pictures of several seeds, or of one seed under several conditions.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder.
        out: The file to write: a .gif, .webp or .mp4 moves, a .png is a strip, frames side by side.
        seeds: The seeds on the way, in their order, for example 3,17,42. Between conditions one is enough, 0. Those of
            a grid are dealt out to its cells; 4 for each if not given.
        from_projection: Files that `sakuga project` wrote: the way leads through their pictures, in w, and then through
            those of --seeds.
        from_: The condition to begin with, for example hair=aqua,eyes=orange.
        to: The condition to go to; what it does not name stays.
        conditions: All conditions on the way, as in 'hair=aqua; hair=black; hair=pink', hair=all, or a preset.
        strip: Also write a strip into this PNG: the frames from the first picture to the last.
        grid: Rows and columns of ways side by side, each with its own seeds, for example 3x4.
        frames: How many pictures. If neither this nor --duration is given, 60, and 12 of a strip alone.
        duration: How many seconds it lasts, instead of --frames.
        fps: Frames a second of the GIF, WebP or MP4.
        loop: Lead an animation back to its beginning and on for ever; a strip ends at the last picture.
        kind: Straight lines, arcs around the mean, or a spline without corners at the seeds.
        space: Where the way leads through: z, or w, which the network made of it. z, or w with --from-projection.
        scale: Each pixel becomes a square of so many.
        columns: Pictures in a row of the strip. All in one row if not given.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        conditioning: What a model with attributes is told.
        sampling: How z becomes a picture.
        machine: Where to compute.
    """
    from sakuga.commands.drawing import check_keys
    from sakuga.commands.options import check_positive, check_suffix, refuse_existing
    from sakuga.configs.conditions import ALL
    from sakuga.core.errors import UserError

    check_positive(scale=scale, columns=columns, batch_size=batch_size)
    check_suffix(out, "--out", ".gif", ".webp", ".mp4", ".png")
    check_suffix(strip, "--strip", ".png")
    if out == strip:
        raise UserError(f"--out and --strip are both {out}: give one of them another name.")
    refuse_existing([out, strip], overwrite)
    cells = _grid(grid)
    count = _frames(frames, duration, fps, 12 if out.suffix.lower() == ".png" else 60)
    condition, conditioned = conditioning.condition(), _way(from_, to, conditions)
    if ALL in condition.values() and not conditioned:
        condition, conditioned = {}, [condition]
    keys = _keys(seeds, from_projection, conditioned, cells)
    machine.prepare()
    check_keys(keys, condition, sampling)

    from sakuga.generation.animation import check_animation
    from sakuga.generation.interpolate import cells_of, check_way, checked_space

    check_animation(out, fps)
    space = checked_space(space, keys, conditioned)
    own = cells_of(keys, cells)[0]
    if not conditioned:
        check_way(len(own), count)
    amount = f"--duration {duration:g}" if duration is not None else f"--frames {count}"
    job = _Job(out, strip, cells, count, amount, fps, loop, kind, space, scale, columns, overwrite, batch_size)
    _draw(job, model, machine.device, keys, sampling, condition, conditioned, conditions)


class _Job(NamedTuple):
    out: Path
    strip: Path | None
    cells: tuple[int, int] | None
    frames: int
    amount: str
    fps: float
    loop: bool
    kind: "Kind"
    space: "Space"
    scale: int
    columns: int | None
    overwrite: bool
    batch_size: int


def _draw(
    job: _Job,
    model: str,
    device: str,
    keys: list["Key"],
    sampling: "Sampling",
    told: dict[str, str],
    way: Sequence["Condition"],
    conditions: str | None,
) -> None:
    from sakuga.commands.drawing import check_amount, tell_foreign
    from sakuga.configs.conditions import written
    from sakuga.core.files import write_together
    from sakuga.core.images import grid_size, png_bytes
    from sakuga.generation.animation import animation_content, check_sides
    from sakuga.generation.interpolate import frames_there
    from sakuga.generation.interpolate import interpolate as draw_way
    from sakuga.generation.model import load
    from sakuga.generation.output import listed, parameters
    from sakuga.reporting.sheets import labeled_sheet

    loaded = load(model, device)
    rows, across = job.cells or (1, 1)
    check_amount(job.frames * rows * across, loaded.resolution, job.amount, job.scale)
    side = loaded.resolution
    sides = grid_size(rows * across, side, side, across) if job.cells else (side, side)
    check_sides(job.out, *(job.scale * pixels for pixels in sides))
    tell_foreign(loaded, keys)
    way = _known(loaded, way, conditions)
    loops = job.loop and job.out.suffix.lower() != ".png"
    told_ways = {"grid": job.cells, "attributes": told, "conditions": way}
    options = {"kind": job.kind, "loop": loops, "space": job.space, "sampling": sampling, "batch_size": job.batch_size}
    drawn = draw_way(loaded, keys, job.frames, **told_ways, **options)
    still = drawn[: frames_there(loaded, keys, job.frames, **told_ways)] if loops else drawn
    text = parameters(loaded, sampling) | told | {"seeds": listed(keys), "kind": job.kind}
    text |= {"conditions": written(way)} if way else {}
    text |= ({"space": job.space} if job.space != "z" else {}) | ({"grid": f"{rows}x{across}"} if job.cells else {})
    files = {}
    for path in (job.out, job.strip):
        if path is not None and path.suffix.lower() == ".png":
            files[path] = png_bytes(labeled_sheet(still, job.columns or len(still), scale=job.scale), text)
        elif path is not None:
            files[path] = animation_content(path, drawn, job.fps, loop=job.loop, scale=job.scale)
    write_together(files, overwrite=job.overwrite)
    print(f"{job.frames} frames by {loaded.describe()}: {', '.join(map(str, files))}")


def _way(from_: str | None, to: str | None, conditions: str | None) -> list[dict[str, str]]:
    """Returns the conditions on the way; none if it leads through seeds alone."""
    from sakuga.configs.conditions import parse_condition, parse_conditions
    from sakuga.core.errors import UserError

    if (from_ is None) != (to is None) or (from_ is not None and conditions is not None):
        raise UserError("A way has a --from and a --to, or a list of --conditions: give both of the one, or the other.")
    if conditions is not None:
        return parse_conditions(conditions, "--conditions")
    return [] if from_ is None else [parse_condition(from_, "--from"), parse_condition(to, "--to")]


def _known(loaded: "LoadedModel", way: Sequence["Condition"], conditions: str | None) -> Sequence["Condition"]:
    """Returns the way without what the model does not know of a preset."""
    from sakuga.commands.options import rows_of_preset
    from sakuga.configs.conditions import PRESETS

    return rows_of_preset(loaded, way) if (conditions or "").strip() in PRESETS else way


def _keys(
    seeds: str | None, projections: tuple[Path, ...], way: list[dict[str, str]], cells: tuple[int, int] | None
) -> list["Key"]:
    """Returns the pictures of all cells: those given, or a seed for each way through conditions, 4 for each other."""
    from sakuga.commands.drawing import keys_of
    from sakuga.core.errors import UserError

    if seeds is None and not projections and not way and not cells:
        raise UserError("`sakuga interpolate` needs --seeds 3,17, or conditions: --from hair=aqua --to hair=black.")
    count = (1 if way else 4) * (cells[0] * cells[1] if cells else 1)
    return keys_of(seeds, projections, f"0-{count - 1}" if count else "0")


def _grid(text: str | None) -> tuple[int, int] | None:
    import re

    from sakuga.core.errors import UserError

    if text is None:
        return None
    if not (match := re.fullmatch(r"(\d{1,3})x(\d{1,3})", text.strip())):
        raise UserError(f"--grid {text!r}: write rows and columns, for example 3x4.")
    return int(match[1]), int(match[2])


def _frames(frames: int | None, duration: float | None, fps: float, usual: int) -> int:
    """Returns how many pictures are to be drawn."""
    import math

    from sakuga.core.errors import UserError

    if duration is None:
        return usual if frames is None else frames
    if frames is not None:
        raise UserError("--frames and --duration say the same in two ways: give one of them.")
    if not (math.isfinite(duration * fps) and duration > 0):
        raise UserError(f"--duration {duration:g}: give a number of seconds above 0.")
    if duration * fps > 1e12:
        raise UserError(f"--duration {duration:g} with --fps {fps:g} is too much: give fewer seconds, or frames.")
    return round(duration * fps)
