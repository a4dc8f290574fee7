"""Generated pictures as files that say how to draw them again."""

from collections.abc import Iterable
from importlib import metadata
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

from sakuga.configs.labels import UNKNOWN
from sakuga.configs.sampling import Sampling
from sakuga.core.images import save_png
from sakuga.generation.starts import Key, name_of

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel
    from sakuga.generation.sample import Drawn


def file_name(key: Key) -> str:
    """Returns the name of a picture's file; ten digits hold every seed, so that names sort as seeds do."""
    return f"seed{key:010d}.png" if isinstance(key, Integral) else f"{name_of(key)}.png"


def listed(keys: Iterable[Key]) -> str:
    """Returns seeds and projections as one text, seeds in a row as a range, for example `0-63,77,mine`."""
    runs: list[list[Key]] = []
    for key in keys:
        if (
            runs
            and isinstance(key, Integral)
            and isinstance(last := runs[-1][-1], Integral)
            and int(key) == int(last) + 1
        ):
            runs[-1].append(key)
        else:
            runs.append([key])
    return ",".join(name_of(run[0]) + (f"-{name_of(run[-1])}" if len(run) > 1 else "") for run in runs)


def write_pictures(folder: Path, model: "LoadedModel", drawn: "Drawn", sampling: Sampling, overwrite: bool) -> None:
    """Writes each picture as a PNG with its parameters and, where there is one, its score; errors as `save_png`."""
    for i, (key, image) in enumerate(zip(drawn.seeds, drawn.images, strict=True)):
        labels = zip(model.schema.attributes, drawn.labels[i].tolist(), strict=True)
        text = parameters(model, sampling) | {"seed" if isinstance(key, int) else "projection": name_of(key)}
        text |= {a.name: a.values[value] for a, value in labels if value != UNKNOWN}
        if drawn.scores is not None:
            text["score"] = f"{drawn.scores[i]:.4f}"
        # They can be drawn again: to wait for the disk would take longer than to draw them.
        save_png(folder / file_name(key), image, text, overwrite=overwrite, durable=False)


def parameters(model: "LoadedModel", sampling: Sampling) -> dict[str, str]:
    """Returns what all pictures of one call share, as PNG text: program, model and its hash, sampling, licence."""
    entries = {
        "Software": f"sakuga {_version()}",
        "model": model.name,
        "model sha256": model.sha256,
        "sigma": f"{model.checked_sigma(sampling.sigma):g}",
    }
    return entries | sampling.entries() | ({"Copyright": model.header.licence} if model.header.licence else {})


def _version() -> str:
    try:
        return metadata.version("sakuga")
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
