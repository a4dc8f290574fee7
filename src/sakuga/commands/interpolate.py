"""`sakuga interpolate`: the way from one picture or condition to another, as a GIF, an MP4 and a strip."""

from pathlib import Path
from typing import Annotated, Literal

import tyro


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
    frames: int = 60,
    fps: float = 20.0,
    loop: bool = True,
    kind: Literal["linear", "spherical", "smooth"] = "smooth",
    sigma: float | None = None,
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
        out: The file to write: a .gif or .mp4 moves, a .png shows the frames side by side.
        seeds: The seeds on the way, in their order, for example 3,17,42. Between conditions one is enough, 0.
        from_: The condition to begin with, for example hair=aqua,eyes=orange.
        to: The condition to go to; what it does not name stays.
        conditions: All conditions on the way, as in 'hair=aqua; hair=black; hair=pink', hair=all, or a preset.
        hair: The hair color that a model with this attribute is told; all: a way through all.
        eyes: The eye color, likewise.
        attributes: Any attributes by name, for example class=3,hair=aqua. What is not chosen differs by seed.
        strip: Also write the frames side by side into this PNG.
        frames: How many pictures.
        fps: Frames a second of the GIF or MP4.
        loop: Lead back to the beginning, and let the GIF start over for ever.
        kind: Straight lines, arcs around the mean of z, or a spline without corners at the seeds.
        sigma: Replaces the standard deviation that z had in training; smaller: more alike, larger: bolder.
        scale: Each pixel becomes a square of so many.
        columns: Pictures in a row of the strip. All in one row if not given.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or mps.
        threads: How many threads torch may use.
    """
    from sakuga.commands.options import attributes_of, check_positive, check_suffix, refuse_existing, set_threads
    from sakuga.configs.conditions import written
    from sakuga.core.errors import UserError
    from sakuga.core.latents import parse_seeds

    check_positive(scale=scale, columns=columns, batch_size=batch_size)
    check_suffix(out, "--out", ".gif", ".mp4", ".png")
    check_suffix(strip, "--strip", ".png")
    if out == strip:
        raise UserError(f"--out and --strip are both {out}: give one of them another name.")
    refuse_existing([out, strip], overwrite)
    told, way = attributes_of(attributes, hair, eyes), _way(from_, to, conditions)
    if "all" in told.values() and not way:
        told, way = {}, [told]
    if seeds is None and not way:
        raise UserError("`sakuga interpolate` needs --seeds 3,17, or conditions: --from hair=aqua --to hair=black.")
    keys = parse_seeds(seeds or "0")
    set_threads(threads)

    from sakuga.generation.animation import check_fps, check_video, save_gif, save_mp4
    from sakuga.generation.interpolate import interpolate as draw_way
    from sakuga.generation.interpolate import moments

    suffix = out.suffix.lower()
    if suffix != ".png":
        check_fps(fps, suffix)
    if suffix == ".mp4":
        check_video()
    if not way:
        moments(len(keys), frames, loop)

    from sakuga.core.images import grid, save_png
    from sakuga.generation.model import load
    from sakuga.generation.output import parameters

    loaded = load(model, device)
    options = {"sigma": sigma, "attributes": told, "conditions": way, "batch_size": batch_size}
    drawn = draw_way(loaded, keys, frames, kind=kind, loop=loop, **options)
    if suffix == ".gif":
        save_gif(out, drawn, fps, loop=loop, scale=scale, overwrite=overwrite)
    if suffix == ".mp4":
        save_mp4(out, drawn, fps, scale=scale, overwrite=overwrite)
    text = parameters(loaded, sigma) | told | {"seeds": ",".join(map(str, keys)), "kind": kind}
    text |= {"conditions": written(way)} if way else {}
    large = drawn.repeat(scale, axis=1).repeat(scale, axis=2)
    for path in (out, strip):
        if path is not None and path.suffix.lower() == ".png":
            save_png(path, grid(large, columns or frames), text, overwrite=overwrite)
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
