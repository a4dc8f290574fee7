"""`sakuga noise`: one picture with other noise in its layers, and what that changes."""

from pathlib import Path
from typing import Literal


def noise(
    model: str,
    /,
    *,
    out: Path,
    seed: int = 0,
    draws: int = 8,
    sigma: float | None = None,
    psi: float | None = None,
    cutoff: int | None = None,
    truncation: Literal["interpolate", "resample"] = "interpolate",
    hair: str | None = None,
    eyes: str | None = None,
    attributes: str | None = None,
    scale: int = 1,
    overwrite: bool = False,
    batch_size: int = 64,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Draws one character several times with other noise: in all levels, the coarse ones alone, the fine ones alone.

    Args:
        model: A StyleGAN2 of the zoo, a .safetensors file, or a run folder.
        out: The PNG to write; the last picture of each row is the standard deviation over its draws.
        seed: The seed of the character.
        draws: How many draws in each row, at least 2.
        sigma: Replaces the standard deviation that z had in training; smaller: more alike, larger: bolder.
        psi: Truncates, for example 0.7: nearer the mean face, less varied, less often broken.
        cutoff: Truncate so many layers of w, from the coarsest; all if not given.
        truncation: Pull w to its mean, or draw the components of z again that are further than psi.
        hair: The hair color that a model with this attribute is told.
        eyes: The eye color, likewise.
        attributes: Any attributes by name, for example class=3,hair=aqua. What is not chosen follows the seed.
        scale: Each pixel becomes a square of so many.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or mps.
        threads: How many threads torch may use.
    """
    from sakuga.commands.options import attributes_of, check_positive, check_suffix, refuse_existing, set_threads
    from sakuga.configs.sampling import Sampling
    from sakuga.core.errors import UserError

    check_positive(scale=scale, batch_size=batch_size)
    check_suffix(out, "--out", ".png")
    if not 2 <= draws <= 1000:
        raise UserError(f"--draws {draws} is out of range: give 2 to 1000.")
    sampling = Sampling(sigma=sigma, psi=psi, cutoff=cutoff, truncation=truncation)
    refuse_existing([out], overwrite)
    told = attributes_of(attributes, hair, eyes)
    set_threads(threads)

    from sakuga.core.images import save_png
    from sakuga.generation.model import load
    from sakuga.generation.noise import noise_draws, sheet_of_draws
    from sakuga.generation.output import parameters

    loaded = load(model, device)
    drawn = noise_draws(loaded, seed, draws, sampling=sampling, attributes=told, batch_size=batch_size)
    text = parameters(loaded, sampling) | told | {"seed": str(seed), "draws": str(draws)}
    save_png(out, sheet_of_draws(drawn, scale), text, overwrite=overwrite)
    print(f"{draws} draws of seed {seed} by {loaded.describe()}: {out}")
