"""`sakuga interpolate`: the way from one picture or condition to another, as a GIF, a WebP, an MP4 and a strip."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from sakuga.configs.conditions import Condition
    from sakuga.generation.model import LoadedModel


def interpolate(
    model: str,
    /,
    *,
    out: Path,
    seeds: str | None = None,
    from_: Annotated[str | None, tyro.conf.arg(name="from")] = None,
    to: str | None = None,
    conditions: str | None = None,
    hair: str | None = None,
    eyes: str | None = None,
    attributes: str | None = None,
    strip: Path | None = None,
    grid: str | None = None,
    frames: int | None = None,
    duration: float | None = None,
    fps: float = 20.0,
    loop: bool = True,
    kind: Literal["linear", "spherical", "smooth"] = "smooth",
    space: Literal["z", "w"] = "z",
    sigma: float | None = None,
    psi: float | None = None,
    cutoff: int | None = None,
    truncation: Literal["interpolate", "resample"] = "interpolate",
    noise: Literal["const", "random", "none"] = "const",
    scale: int = 1,
    columns: int | None = None,
    overwrite: bool = False,
    batch_size: int = 64,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Draws the way through the pictures of several seeds, or of one seed under several conditions.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder.
        out: The file to write: a .gif, .webp or .mp4 moves, a .png shows the frames side by side.
        seeds: The seeds on the way, in their order, for example 3,17,42. Between conditions one is enough, 0. Those of
            a grid are dealt out to its cells; 4 for each if not given.
        from_: The condition to begin with, for example hair=aqua,eyes=orange.
        to: The condition to go to; what it does not name stays.
        conditions: All conditions on the way, as in 'hair=aqua; hair=black; hair=pink', hair=all, or a preset.
        hair: The hair color that a model with this attribute is told; all: a way through all.
        eyes: The eye color, likewise.
        attributes: Any attributes by name, for example class=3,hair=aqua. What is not chosen differs by seed.
        strip: Also write the frames side by side into this PNG.
        grid: Rows and columns of ways side by side, each with its own seeds, for example 3x4.
        frames: How many pictures. 60 if neither this nor --duration is given.
        duration: How many seconds it lasts, instead of --frames.
        fps: Frames a second of the GIF, WebP or MP4.
        loop: Lead back to the beginning, and let the GIF start over for ever.
        kind: Straight lines, arcs around the mean, or a spline without corners at the seeds.
        space: Where the way leads through: z, or w, which the network made of it.
        sigma: Replaces the standard deviation that z had in training; smaller: more alike, larger: bolder.
        psi: Truncates, for example 0.7: nearer the mean face, less varied, less often broken.
        cutoff: Truncate so many layers of w, from the coarsest; all if not given.
        truncation: Pull w to its mean, or draw the components of z again that are further than psi.
        noise: The network's own fixed noise, other noise in each frame, or none.
        scale: Each pixel becomes a square of so many.
        columns: Pictures in a row of the strip. All in one row if not given.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or mps.
        threads: How many threads torch may use.
    """
    from sakuga.commands.options import attributes_of, check_positive, check_suffix, refuse_existing, set_threads
    from sakuga.configs.conditions import written
    from sakuga.configs.sampling import Sampling
    from sakuga.core.errors import UserError

    check_positive(scale=scale, columns=columns, batch_size=batch_size)
    check_suffix(out, "--out", ".gif", ".webp", ".mp4", ".png")
    check_suffix(strip, "--strip", ".png")
    if out == strip:
        raise UserError(f"--out and --strip are both {out}: give one of them another name.")
    refuse_existing([out, strip], overwrite)
    sampling = Sampling(sigma=sigma, psi=psi, cutoff=cutoff, truncation=truncation, noise=noise)
    cells, frames = _grid(grid), _frames(frames, duration, fps)
    told, way = attributes_of(attributes, hair, eyes), _way(from_, to, conditions)
    if "all" in told.values() and not way:
        told, way = {}, [told]
    keys = _keys(seeds, way, cells)
    set_threads(threads)

    from sakuga.generation.animation import check_animation, save_animation
    from sakuga.generation.interpolate import cells_of, moments
    from sakuga.generation.interpolate import interpolate as draw_way

    check_animation(out, fps)
    own = cells_of(keys, cells)[0]
    if not way:
        moments(len(own), frames, loop)

    from sakuga.core.images import grid as laid_out
    from sakuga.core.images import save_png
    from sakuga.generation.model import load
    from sakuga.generation.output import parameters

    loaded = load(model, device)
    way = _known(loaded, way, conditions)
    options = {"sampling": sampling, "attributes": told, "conditions": way, "batch_size": batch_size}
    drawn = draw_way(loaded, keys, frames, kind=kind, loop=loop, space=space, grid=cells, **options)
    if out.suffix.lower() != ".png":
        save_animation(out, drawn, fps, loop=loop, scale=scale, overwrite=overwrite)
    text = parameters(loaded, sampling) | told | {"seeds": ",".join(map(str, keys)), "kind": kind}
    text |= {"conditions": written(way)} if way else {}
    text |= ({"space": space} if space != "z" else {}) | ({"grid": grid} if grid else {})
    for path in (out, strip):
        if path is not None and path.suffix.lower() == ".png":
            large = drawn.repeat(scale, axis=1).repeat(scale, axis=2)
            save_png(path, laid_out(large, columns or frames), text, overwrite=overwrite)
    print(f"{frames} frames by {loaded.describe()}: {', '.join(str(p) for p in (out, strip) if p)}")


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


def _keys(seeds: str | None, way: list[dict[str, str]], cells: tuple[int, int] | None) -> list[int]:
    """Returns the seeds of all cells: those given, or one for each way through conditions and 4 for each other."""
    from sakuga.core.errors import UserError
    from sakuga.core.latents import parse_seeds

    if seeds is not None:
        return parse_seeds(seeds)
    if not way and not cells:
        raise UserError("`sakuga interpolate` needs --seeds 3,17, or conditions: --from hair=aqua --to hair=black.")
    return list(range((1 if way else 4) * (cells[0] * cells[1] if cells else 1)))


def _grid(text: str | None) -> tuple[int, int] | None:
    import re

    from sakuga.core.errors import UserError

    if text is None:
        return None
    if not (match := re.fullmatch(r"(\d{1,3})x(\d{1,3})", text.strip())):
        raise UserError(f"--grid {text!r}: write rows and columns, for example 3x4.")
    return int(match[1]), int(match[2])


def _frames(frames: int | None, duration: float | None, fps: float) -> int:
    """Returns how many pictures are to be drawn."""
    import math

    from sakuga.core.errors import UserError

    if duration is None:
        return 60 if frames is None else frames
    if frames is not None:
        raise UserError("--frames and --duration say the same in two ways: give one of them.")
    if not (math.isfinite(duration * fps) and duration > 0):
        raise UserError(f"--duration {duration:g}: give a number of seconds above 0.")
    return round(duration * fps)
