"""`sakuga noise`: one picture with other noise in its layers, and what that changes."""

from pathlib import Path
from typing import Any

from sakuga.commands.drawing import takes_sampling


@takes_sampling("noise")
def noise(
    model: str,
    /,
    *,
    out: Path,
    seed: int | None = None,
    from_projection: Path | None = None,
    draws: int = 8,
    hair: str | None = None,
    eyes: str | None = None,
    attributes: str | None = None,
    scale: int = 1,
    overwrite: bool = False,
    batch_size: int = 64,
    device: str = "auto",
    threads: int | None = None,
    **sampling: Any,
) -> None:
    """Draws one character several times with other noise: in all levels, the coarse ones alone, the fine ones alone.

    Args:
        model: A StyleGAN2 of the zoo, a .safetensors file, or a run folder.
        out: The PNG to write; the last picture of each row is the standard deviation over its draws.
        seed: The seed of the character; 0 if not given.
        from_projection: The character is this picture instead: a file that `sakuga project` wrote.
        draws: How many draws in each row, at least 2.
        hair: The hair color that a model with this attribute is told.
        eyes: The eye color, likewise.
        attributes: Any attributes by name, for example class=3,hair=aqua. What is not chosen follows the seed.
        scale: Each pixel becomes a square of so many.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or mps.
        threads: How many threads torch may use.
        **sampling: The fields of `Sampling`.
    """
    from sakuga.commands.drawing import check_amount, check_choice, tell_foreign
    from sakuga.commands.options import attributes_of, check_positive, check_suffix, refuse_existing, set_threads
    from sakuga.configs.sampling import Sampling
    from sakuga.core.errors import UserError

    check_positive(scale=scale, batch_size=batch_size)
    check_suffix(out, "--out", ".png")
    if not 2 <= draws <= 1000:
        raise UserError(f"--draws {draws} is out of range: give 2 to 1000.")
    if from_projection is not None and seed is not None:
        raise UserError("--seed and --from-projection name two characters: leave one of them out.")
    key = from_projection if from_projection is not None else seed or 0
    way, told = Sampling(**sampling), attributes_of(attributes, hair, eyes)
    refuse_existing([out], overwrite)
    set_threads(threads)
    check_choice([key], told, way)

    from sakuga.core.images import save_png
    from sakuga.generation.model import load
    from sakuga.generation.noise import noise_draws, sheet_of_draws
    from sakuga.generation.output import parameters
    from sakuga.generation.starts import name_of

    loaded = load(model, device)
    check_amount(3 * (draws + 1), loaded.resolution, f"--draws {draws}", scale)
    tell_foreign(loaded, [key])
    drawn = noise_draws(loaded, key, draws, sampling=way, attributes=told, batch_size=batch_size)
    what = "seed" if isinstance(key, int) else "projection"
    text = parameters(loaded, way) | told | {what: name_of(key), "draws": str(draws)}
    save_png(out, sheet_of_draws(drawn, scale), text, overwrite=overwrite)
    print(f"{draws} draws of {what} {name_of(key)} by {loaded.describe()}: {out}")
