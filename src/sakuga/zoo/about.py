"""What a model file says of itself, in words for people; read without torch."""

import re
from pathlib import Path

from sakuga import zoo
from sakuga.configs.modelfile import Header, read_header
from sakuga.core.errors import printable
from sakuga.core.tensorfile import count_numbers


def listed() -> list[tuple[str, ...]]:
    """Returns a row for each model of the zoo: name, what it draws, pixels, attributes, size of the file."""
    rows = []
    for name in zoo.names():
        path = zoo.path(name)
        header = read_header(path)
        draws = re.split(r"[:;.] ", zoo.introduction(name))[0] or header.data
        told = ", ".join(f"{len(attribute.values)} {attribute.name}" for attribute in header.labels.attributes)
        side = header.roles.generator.architecture.resolution if header.roles.generator else "-"
        rows.append((name, draws, str(side), told or "none", _size(path)))
    return rows


def introduction(path: Path) -> str:
    """Returns the first paragraph of a model's card; empty if it is not of the zoo."""
    return zoo.introduction(path.stem) if path.stem in zoo.names() and path == zoo.path(path.stem) else ""


def facts(path: Path, header: Header) -> dict[str, str]:
    """Returns what a model file says of itself, by the name of each fact; what it does not say is left out."""
    found = {}
    for name, role in header.roles:
        if role is not None:
            config, count = role.architecture, count_numbers(path, "model file", f"{name}.")
            kind = getattr(role, "purpose", config.kind)
            found[name] = f"{kind}, {config.resolution}x{config.resolution}, {count:,} weights"
    if header.roles.generator is not None:
        latent, length = header.latent, header.roles.generator.architecture.z_dim
        found["z"] = f"{length} numbers, normal, mean {latent.mean:g}, sigma {latent.sigma:g}"
    found |= {f"attribute {attribute.name}": ", ".join(attribute.values) for attribute in header.labels.attributes}
    found |= {"data": header.data, "images seen": f"{header.images_seen:,}", "licence": header.licence}
    found |= _scores(header)
    found["file"] = f"{path}, {_size(path)}, format {header.format_version}"
    return {printable(name): printable(fact) for name, fact in found.items() if fact}


def _scores(header: Header) -> dict[str, str]:
    if header.roles.classifier is None:
        return {"scores": ", ".join(f"{name} {value:.4g}" for name, value in header.scores.items())}
    # By `evaluation.attributes.score_name`; those of single values would fill the screen.
    names = [attribute.name for attribute in header.labels.attributes if attribute.name in header.scores]
    return {"held-out accuracy": ", ".join(f"{name} {100 * header.scores[name]:.1f}%" for name in names)}


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:,.1f} MB"
