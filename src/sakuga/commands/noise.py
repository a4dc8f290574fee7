"""`sakuga noise`: one picture with other noise in its layers, and what that changes."""

from pathlib import Path

from sakuga.commands.options import ANY_MACHINE, UNTOLD, Machine, Told
from sakuga.configs.sampling import USUAL, Sampling


def noise(
    model: str,
    /,
    *,
    out: Path,
    seed: int | None = None,
    from_projection: Path | None = None,
    draws: int = 8,
    scale: int = 1,
    overwrite: bool = False,
    batch_size: int = 64,
    conditioning: Told = UNTOLD,
    sampling: Sampling = USUAL,
    machine: Machine = ANY_MACHINE,
) -> None:
    """Draws one character several times with other noise: in all levels, the coarse ones alone, the fine ones alone.

    Args:
        model: A StyleGAN2 of the zoo, a .safetensors file, or a run folder.
        out: The PNG to write; the last picture of each row is the standard deviation over its draws.
        seed: The seed of the character; 0 if not given.
        from_projection: The character is this picture instead: a file that `sakuga project` wrote.
        draws: How many draws in each row, at least 2.
        scale: Each pixel becomes a square of so many.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        conditioning: What a model with attributes is told.
        sampling: How z becomes a picture.
        machine: Where to compute.
    """
    from sakuga.commands.drawing import check_amount, check_keys, tell_foreign
    from sakuga.commands.options import check_positive, check_suffix, refuse_existing
    from sakuga.core.errors import UserError

    check_positive(scale=scale, batch_size=batch_size)
    check_suffix(out, "--out", ".png")
    if not 2 <= draws <= 1000:
        raise UserError(f"--draws {draws} is out of range: give 2 to 1000.")
    if sampling.noise != USUAL.noise:
        raise UserError(f"--noise {sampling.noise}: this verb draws the noise itself: leave the option out.")
    if from_projection is not None and seed is not None:
        raise UserError("--seed and --from-projection name two characters: leave one of them out.")
    key = from_projection if from_projection is not None else seed or 0
    condition = conditioning.condition()
    refuse_existing([out], overwrite)
    machine.prepare()
    check_keys([key], condition, sampling)

    from sakuga.core.images import save_png
    from sakuga.generation.model import load
    from sakuga.generation.noise import noise_draws, sheet_of_draws
    from sakuga.generation.output import parameters
    from sakuga.generation.starts import name_of

    loaded = load(model, machine.device)
    check_amount(3 * (draws + 1), loaded.resolution, f"--draws {draws}", scale)
    tell_foreign(loaded, [key])
    drawn = noise_draws(loaded, key, draws, sampling=sampling, attributes=condition, batch_size=batch_size)
    what = "seed" if isinstance(key, int) else "projection"
    text = parameters(loaded, sampling) | condition | {what: name_of(key), "draws": str(draws)}
    save_png(out, sheet_of_draws(drawn, scale), text, overwrite=overwrite)
    print(f"{draws} draws of {what} {name_of(key)} by {loaded.describe()}: {out}")
