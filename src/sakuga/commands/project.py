"""`sakuga project`: the w of a given picture, so that it can be edited, mixed and interpolated."""

from pathlib import Path
from typing import Literal

from sakuga.commands.options import ANY_MACHINE, UNTOLD, Machine, Told


def project(
    model: str,
    picture: Path,
    /,
    *,
    out: Path,
    steps: int = 500,
    space: Literal["w", "w+"] = "w",
    distance: Literal["auto", "lpips-vgg", "lpips-alex", "efficientnet"] = "auto",
    weights: Path | None = None,
    noise_maps: bool = True,
    seed: int = 0,
    video: bool = False,
    fps: float = 20.0,
    overwrite: bool = False,
    conditioning: Told = UNTOLD,
    machine: Machine = ANY_MACHINE,
) -> None:
    """Searches for the w whose picture is nearest to a given one (Karras et al. 2020, appendix D).

    Writes into a folder: projected.png; side-by-side.png (the picture, where the search began, the one found);
    projection.safetensors, from which other verbs go on; and, with --video, the search as search.mp4 or, without PyAV,
    search.gif.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder.
        picture: The picture. Its largest centered square is brought to the model's size.
        out: The folder to write into.
        steps: Of the search. With --space w+ half as many follow.
        space: w: one w for all layers. w+: in a second stage each layer has its own; nearer, and harder to edit.
        distance: What near means. auto: LPIPS on VGG16 if its weights are here (`make lpips`), else features of
            EfficientNet-Lite0 and pixels.
        weights: The weights file of the distance, if it is not to be looked for.
        noise_maps: Search for the noise maps of the layers too, where a model has some.
        seed: Names the noise of the search.
        video: Write the search as a video.
        fps: Frames a second of the video.
        overwrite: Replace files that exist.
        conditioning: What a model with attributes is told; what is not chosen is searched for.
        machine: Where to compute.
    """
    from sakuga.commands.options import check_folder, check_positive, refuse_existing
    from sakuga.configs.projection import ProjectionConfig
    from sakuga.core.errors import UserError
    from sakuga.core.latents import MAX_SEED

    check_positive(steps=steps)
    check_folder(out, "--out")
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"--seed {seed} is no seed: use a whole number from 0 to {MAX_SEED}.")
    condition = conditioning.condition()
    machine.prepare()

    from sakuga.core.picture import read_picture
    from sakuga.features.perceptual import load_perceptual
    from sakuga.generation.animation import check_fps
    from sakuga.generation.model import load
    from sakuga.generation.project import check_space
    from sakuga.generation.project import project as search
    from sakuga.generation.projection_files import paths_of, write_all

    paths = paths_of(out, video)
    if paths.search is not None:
        check_fps(fps, paths.search.suffix)
    refuse_existing(paths, overwrite)
    config = ProjectionConfig(steps=steps, space=space, noise_maps=noise_maps, seed=seed)
    loaded = load(model, machine.device)
    check_space(loaded, config)
    target = read_picture(picture, loaded.resolution)
    near = load_perceptual(distance, loaded.device, weights)
    found = search(loaded, target, near, config, condition, num_frames=100 if video else 0)
    write_all(paths, found, loaded, near, config, fps=fps, overwrite=overwrite)
    chosen = "".join(f", {name} {value}" for name, value in found.values(loaded.schema).items())
    print(
        f"{near.title}: {found.distance_start:.4f} where the search began, {found.distance:.4f} where it ended{chosen} "
        f"({found.seconds:.1f} s): {', '.join(str(path) for path in paths if path)}"
    )
