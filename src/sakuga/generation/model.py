"""A model file, loaded and ready to draw."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from sakuga.configs.conditions import Condition
from sakuga.configs.sampling import split
from sakuga.core.device import pick_device
from sakuga.core.images import to_pil
from sakuga.features.perceptual import load_perceptual
from sakuga.generation.directions import Directions
from sakuga.generation.edit import edit
from sakuga.generation.interpolate import Kind, Space, interpolate
from sakuga.generation.mixing import mix, sheet_of_mixed
from sakuga.generation.network import LoadedNetworks
from sakuga.generation.noise import noise_draws, sheet_of_draws
from sakuga.generation.projection import Projection
from sakuga.generation.sample import best_of, draw
from sakuga.generation.starts import Key
from sakuga.zoo import find_model


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
    model: str | Path, seeds: Sequence[Key] = range(16), device: str = "auto", **told: Any
) -> list[Image.Image]:
    """Loads a model and draws one picture for each seed; as `load` and `LoadedModel.generate`."""
    return load(model, device).generate(seeds, **told)


class LoadedModel(LoadedNetworks):
    """A model file for people: seeds and names in, PIL images out; for arrays see `LoadedNetworks`.

    Wherever a method takes seeds, each in 0..2^32-1, it also takes projected pictures: the path of a
    `projection.safetensors`, or what `project` returned. And it takes by name (`**told`) the fields of
    `configs.sampling.Sampling`, for example `psi=0.7`, and attributes of the model, for example `hair="aqua"`; what is
    not named differs by seed, as in `labels_of`.
    """

    def generate(self, seeds: Sequence[Key] = range(16), **told: Any) -> list[Image.Image]:
        """Draws one picture for each seed.

        Args:
            seeds: As the class says.
            **told: As the class says.

        Raises:
            UserError: As `z_of_seeds` and `labels_of`, or if psi, cutoff or noise do not fit the model.
        """
        sampling, attributes = split(told)
        return [p for part in draw(self, seeds, sampling=sampling, attributes=attributes) for p in to_pil(part.images)]

    def best_of(self, seeds: Sequence[Key] = range(512), keep: int = 64, **told: Any) -> list[Image.Image]:
        """Draws one picture for each seed and returns the `keep` that D finds most real, best first.

        Args:
            seeds: As in `generate`.
            keep: How many.
            **told: As in `generate`.

        Raises:
            UserError: As `generate` and `score`, or if there are fewer seeds than pictures to keep.
        """
        sampling, attributes = split(told)
        return list(to_pil(best_of(self, seeds, keep, sampling=sampling, attributes=attributes).images))

    def interpolate(
        self,
        seeds: Sequence[Key],
        frames: int = 60,
        kind: Kind = "smooth",
        loop: bool = True,
        conditions: Sequence[Condition] = (),
        space: Space | None = None,
        grid: tuple[int, int] | None = None,
        **told: Any,
    ) -> list[Image.Image]:
        """Draws a way through the pictures of several seeds, of several conditions, or both; or a grid of such ways.

        Args:
            seeds: At least two, or one for all conditions; of a grid so many for each cell.
            frames: How many pictures.
            kind: As in `interpolate.z_path`.
            loop: Whether the way leads back to the first seed.
            conditions: As in `interpolate.interpolate`, for example `[{"hair": "aqua"}, {"hair": "black"}]`.
            space: Where the way leads through, `z` or `w`; None: z for seeds, w with projected pictures.
            grid: Rows and columns of a moving grid, each of whose cells goes its own way.
            **told: As in `generate`.

        Raises:
            UserError: As `generate`, or if there are too few seeds or frames.
        """
        sampling, attributes = split(told)
        options = {"attributes": attributes, "conditions": conditions}
        drawn = interpolate(
            self, seeds, frames, kind=kind, loop=loop, space=space, grid=grid, sampling=sampling, **options
        )
        return list(to_pil(drawn))

    def mix_sheet(
        self,
        rows: Sequence[Key] = range(4),
        columns: Sequence[Key] = range(10, 18),
        layers: str = "coarse",
        **told: Any,
    ) -> Image.Image:
        """Draws the pictures of the rows' seeds with some layers of the columns' seeds, on a sheet with the sources.

        Args:
            rows: As the seeds of `generate`.
            columns: Likewise.
            layers: Those that come from the columns: `coarse`, `middle`, `fine`, or numbers such as `0-3`.
            **told: As in `generate`.

        Raises:
            UserError: As `generate`, or if the model has one layer or no such layers.
        """
        sampling, attributes = split(told)
        mixed = mix(self, rows, columns, layers, sampling=sampling, attributes=attributes)
        return Image.fromarray(sheet_of_mixed(mixed))

    def noise_sheet(self, seed: Key = 0, draws: int = 8, **told: Any) -> Image.Image:
        """Draws one picture with other noise, in all, coarse and fine levels, and what it changes, on a sheet.

        Args:
            seed: As one of `generate`.
            draws: How many in each row, at least 2.
            **told: As in `generate`; its `noise` does not matter.

        Raises:
            UserError: As `generate`, or if the model has no noise.
        """
        sampling, attributes = split(told)
        return Image.fromarray(sheet_of_draws(noise_draws(self, seed, draws, sampling=sampling, attributes=attributes)))

    def edit(
        self,
        seeds: Sequence[Key],
        strengths: Mapping[str, float],
        directions: Directions | str | Path | None = None,
        layers: str = "all",
        **told: Any,
    ) -> list[Image.Image]:
        """Draws one picture for each seed, moved along directions.

        Args:
            seeds: As in `generate`.
            strengths: Name of a direction to how far, in standard deviations of w: `{"hair:aqua": 2}`.
            directions: Directions or their file; None for those beside the model's file.
            layers: Only these layers move.
            **told: As in `generate`.

        Raises:
            UserError: As `generate` and `directions_of`, or if there is no direction of a name.
        """
        sampling, attributes = split(told)
        options = {"layers": layers, "sampling": sampling, "attributes": attributes}
        return list(to_pil(edit(self, seeds, strengths, directions, **options)))

    def project(
        self, picture: Image.Image | str | Path, distance: str = "auto", weights: str | Path | None = None, **told: Any
    ) -> Projection:
        """Searches for the w of a picture; what it returns goes where seeds go.

        Args:
            picture: A picture or its file. Its largest centered square is brought to the model's size; transparency
                lies over white.
            distance: What near means, as in `features.perceptual.load_perceptual`.
            weights: The weights file of the distance, if it is not to be looked for.
            **told: Fields of `configs.projection.ProjectionConfig`, for example `steps=250`, and attributes.

        Raises:
            UserError: If the picture is too small or cannot be read, or as `load_perceptual` and
                `generation.project.project`.
        """
        from sakuga.generation.project import project_picture  # it needs this class

        return project_picture(self, picture, load_perceptual(distance, self.device, weights), told)
