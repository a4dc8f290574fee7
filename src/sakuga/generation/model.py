"""A model file, loaded and ready to draw."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from sakuga import zoo
from sakuga.configs.conditions import Condition
from sakuga.configs.sampling import NoiseKind, Sampling, Truncation
from sakuga.core.device import pick_device
from sakuga.core.errors import UserError
from sakuga.core.images import to_pil
from sakuga.generation.interpolate import Kind, Space, interpolate
from sakuga.generation.mixing import mix, sheet_of_mixed
from sakuga.generation.network import LoadedNetworks
from sakuga.generation.noise import noise_draws, sheet_of_draws
from sakuga.generation.sample import best_of, draw


def load(name_or_path: str | Path, device: str = "auto") -> "LoadedModel":
    """Loads a model for drawing.

    Args:
        name_or_path: A model of the zoo, a `.safetensors` file, or a run folder.
        device: auto, cpu, cuda or mps.

    Raises:
        UserError: If there is no such model, the file is damaged, foreign or holds no generator, or there is no such
            device.
    """
    return LoadedModel(find_model(name_or_path), pick_device(device))


def generate(
    model: str | Path,
    seeds: Sequence[int] = range(16),
    sigma: float | None = None,
    device: str = "auto",
    psi: float | None = None,
    cutoff: int | None = None,
    truncation: Truncation = "interpolate",
    noise: NoiseKind = "const",
    **attributes: str,
) -> list[Image.Image]:
    """Loads a model and draws one picture for each seed; as `load` and `LoadedModel.generate`."""
    return load(model, device).generate(seeds, sigma, psi, cutoff, truncation, noise, **attributes)


def find_model(name_or_path: str | Path) -> Path:
    """Returns the file of a model of the zoo, of a run folder, or the path itself; errors as `load`."""
    text = str(name_or_path)
    if text in zoo.names():
        return zoo.path(text)
    given = Path(name_or_path)
    if given.is_dir():
        if not (given / "model.safetensors").is_file():
            raise UserError(f"The folder {given} holds no model.safetensors: give a model file, or a run that has one.")
        return given / "model.safetensors"
    if given.is_file() or given.suffix == ".safetensors" or len(given.parts) > 1:
        return given  # what is wrong with it, its reader tells best
    return zoo.path(text)


class LoadedModel(LoadedNetworks):
    """A model file for people: seeds and names in, PIL images out; for arrays see `LoadedNetworks`."""

    def generate(
        self,
        seeds: Sequence[int] = range(16),
        sigma: float | None = None,
        psi: float | None = None,
        cutoff: int | None = None,
        truncation: Truncation = "interpolate",
        noise: NoiseKind = "const",
        **attributes: str,
    ) -> list[Image.Image]:
        """Draws one picture for each seed.

        Args:
            seeds: Each in 0..2^32-1.
            sigma: As in `z_of_seeds`.
            psi: How far to truncate, as `configs.sampling.Sampling`; not at all if None.
            cutoff: How many layers are truncated, from the coarsest; all if None.
            truncation: `interpolate` or `resample`.
            noise: `const`, `random` or `none`.
            **attributes: As in `labels_of`, for example `hair="aqua"`.

        Raises:
            UserError: As `z_of_seeds` and `labels_of`, or if psi, cutoff or noise do not fit the model.
        """
        sampling = Sampling(sigma=sigma, psi=psi, cutoff=cutoff, truncation=truncation, noise=noise)
        return [p for part in draw(self, seeds, sampling=sampling, attributes=attributes) for p in to_pil(part.images)]

    def best_of(
        self,
        seeds: Sequence[int] = range(512),
        keep: int = 64,
        sigma: float | None = None,
        psi: float | None = None,
        cutoff: int | None = None,
        truncation: Truncation = "interpolate",
        noise: NoiseKind = "const",
        **attributes: str,
    ) -> list[Image.Image]:
        """Draws one picture for each seed and returns the `keep` that D finds most real, best first.

        Args:
            seeds: As in `generate`.
            keep: How many.
            sigma: As in `generate`.
            psi: As in `generate`.
            cutoff: As in `generate`.
            truncation: As in `generate`.
            noise: As in `generate`.
            **attributes: As in `generate`.

        Raises:
            UserError: As `generate` and `score`, or if there are fewer seeds than pictures to keep.
        """
        sampling = Sampling(sigma=sigma, psi=psi, cutoff=cutoff, truncation=truncation, noise=noise)
        return list(to_pil(best_of(self, seeds, keep, sampling=sampling, attributes=attributes).images))

    def interpolate(
        self,
        seeds: Sequence[int],
        frames: int = 60,
        kind: Kind = "smooth",
        loop: bool = True,
        sigma: float | None = None,
        conditions: Sequence[Condition] = (),
        space: Space = "z",
        grid: tuple[int, int] | None = None,
        psi: float | None = None,
        cutoff: int | None = None,
        truncation: Truncation = "interpolate",
        noise: NoiseKind = "const",
        **attributes: str,
    ) -> list[Image.Image]:
        """Draws a way through the pictures of several seeds, of several conditions, or both; or a grid of such ways.

        Args:
            seeds: At least two, or one for all conditions; of a grid so many for each cell.
            frames: How many pictures.
            kind: As in `interpolate.z_path`.
            loop: Whether the way leads back to the first seed.
            sigma: As in `generate`.
            conditions: As in `interpolate.interpolate`, for example `[{"hair": "aqua"}, {"hair": "black"}]`.
            space: Where the way leads through, `z` or `w`.
            grid: Rows and columns of a moving grid, each of whose cells goes its own way.
            psi: As in `generate`.
            cutoff: As in `generate`.
            truncation: As in `generate`.
            noise: As in `generate`.
            **attributes: As in `generate`.

        Raises:
            UserError: As `generate`, or if there are too few seeds or frames.
        """
        sampling = Sampling(sigma=sigma, psi=psi, cutoff=cutoff, truncation=truncation, noise=noise)
        options = {"attributes": attributes, "conditions": conditions}
        drawn = interpolate(
            self, seeds, frames, kind=kind, loop=loop, space=space, grid=grid, sampling=sampling, **options
        )
        return list(to_pil(drawn))

    def mix_sheet(
        self,
        rows: Sequence[int] = range(4),
        columns: Sequence[int] = range(10, 18),
        layers: str = "coarse",
        sigma: float | None = None,
        psi: float | None = None,
        cutoff: int | None = None,
        truncation: Truncation = "interpolate",
        noise: NoiseKind = "const",
        **attributes: str,
    ) -> Image.Image:
        """Draws the pictures of the rows' seeds with some layers of the columns' seeds, on a sheet with the sources.

        Args:
            rows: Seeds.
            columns: Seeds.
            layers: Those that come from the columns: `coarse`, `middle`, `fine`, or numbers such as `0-3`.
            sigma: As in `generate`.
            psi: As in `generate`.
            cutoff: As in `generate`.
            truncation: As in `generate`.
            noise: As in `generate`.
            **attributes: As in `generate`.

        Raises:
            UserError: As `generate`, or if the model has one layer or no such layers.
        """
        sampling = Sampling(sigma=sigma, psi=psi, cutoff=cutoff, truncation=truncation, noise=noise)
        return Image.fromarray(
            sheet_of_mixed(mix(self, rows, columns, layers, sampling=sampling, attributes=attributes))
        )

    def noise_sheet(
        self,
        seed: int = 0,
        draws: int = 8,
        sigma: float | None = None,
        psi: float | None = None,
        cutoff: int | None = None,
        truncation: Truncation = "interpolate",
        **attributes: str,
    ) -> Image.Image:
        """Draws one picture with other noise, in all, coarse and fine levels, and what it changes, on a sheet.

        Args:
            seed: In 0..2^32-1.
            draws: How many in each row, at least 2.
            sigma: As in `generate`.
            psi: As in `generate`.
            cutoff: As in `generate`.
            truncation: As in `generate`.
            **attributes: As in `generate`.

        Raises:
            UserError: As `generate`, or if the model has no noise.
        """
        sampling = Sampling(sigma=sigma, psi=psi, cutoff=cutoff, truncation=truncation)
        return Image.fromarray(sheet_of_draws(noise_draws(self, seed, draws, sampling=sampling, attributes=attributes)))
