"""The model files that ship with the package, each with its card: `<name>.safetensors` and `<name>.md`.

Beside a model may lie directions in its w, `<name>.directions.safetensors`.
"""

from pathlib import Path

from sakuga.core.errors import UserError, nearest

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Returns the names of the shipped models."""
    return sorted(path.stem for path in _FOLDER.glob("*.safetensors") if "." not in path.stem)


def path(name: str) -> Path:
    """Returns the model file of that name.

    Raises:
        UserError: If there is none.
    """
    known = names()
    if name not in known:
        hint = nearest(name, known) if known else "none ships with this installation, give the path of a model file."
        raise UserError(f"No model {name!r}: {hint}")
    return _FOLDER / f"{name}.safetensors"
