"""`sakuga interpolate`: the way from one picture to another, as a GIF and a strip."""

from pathlib import Path
from typing import Literal


def interpolate(
    model: str,
    /,
    *,
    seeds: str,
    out: Path,
    strip: Path | None = None,
    frames: int = 60,
    fps: float = 20.0,
    loop: bool = True,
    kind: Literal["linear", "spherical", "smooth"] = "smooth",
    sigma: float | None = None,
    attributes: str | None = None,
    scale: int = 1,
    columns: int | None = None,
    overwrite: bool = False,
    batch_size: int = 64,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Draws the way through the pictures of several seeds.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder.
        seeds: The seeds on the way, in their order, for example 3,17,42.
        out: The file to write: a .gif moves, a .png shows the frames side by side.
        strip: Also write the frames side by side into this PNG.
        frames: How many pictures.
        fps: Frames a second of the GIF.
        loop: Lead back to the first seed, and let the GIF start over for ever.
        kind: Straight lines, arcs around the mean of z, or a spline without corners at the seeds.
        sigma: Replaces the standard deviation that z had in training; smaller: more alike, larger: bolder.
        attributes: What a model with attributes is told, for example hair=aqua,eyes=orange. The rest differs by seed.
        scale: Each pixel becomes a square of so many.
        columns: Pictures in a row of the strip. All in one row if not given.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or mps.
        threads: How many threads torch may use.
    """
    from sakuga.commands.options import check_positive, check_suffix, parse_attributes, refuse_existing, set_threads
    from sakuga.core.errors import UserError
    from sakuga.core.latents import parse_seeds

    check_positive(scale=scale, columns=columns, batch_size=batch_size)
    check_suffix(out, "--out", ".gif", ".png")
    check_suffix(strip, "--strip", ".png")
    if out == strip:
        raise UserError(f"--out and --strip are both {out}: give one of them another name.")
    refuse_existing([out, strip], overwrite)
    keys, told = parse_seeds(seeds), parse_attributes(attributes)
    set_threads(threads)

    from sakuga.generation.animation import check_fps, save_gif
    from sakuga.generation.interpolate import interpolate as draw_way
    from sakuga.generation.interpolate import moments

    check_fps(fps)
    moments(len(keys), frames, loop)

    from sakuga.core.images import grid, save_png
    from sakuga.generation.model import load
    from sakuga.generation.output import parameters

    loaded = load(model, device)
    drawn = draw_way(loaded, keys, frames, kind=kind, loop=loop, sigma=sigma, attributes=told, batch_size=batch_size)
    if out.suffix.lower() == ".gif":
        save_gif(out, drawn, fps, loop=loop, scale=scale, overwrite=overwrite)
    text = parameters(loaded, sigma) | told | {"seeds": ",".join(map(str, keys)), "kind": kind}
    large = drawn.repeat(scale, axis=1).repeat(scale, axis=2)
    for path in (out, strip):
        if path is not None and path.suffix.lower() == ".png":
            save_png(path, grid(large, columns or frames), text, overwrite=overwrite)
    print(f"{frames} frames by {loaded.describe()}: {', '.join(str(p) for p in (out, strip) if p)}")
