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


def introduction(name: str) -> str:
    """Returns the first paragraph of the card of a shipped model, on one line; empty if it has none."""
    card = _FOLDER / f"{name}.md"
    paragraphs = card.read_text(encoding="utf-8").split("\n\n") if card.is_file() else []
    return next((" ".join(text.split()) for text in paragraphs if not text.startswith("#")), "")


def find_model(name_or_path: str | Path) -> Path:
    """Returns the file of a model of the zoo, of a run folder, or the path itself.

    Raises:
        UserError: If there is no such folder, it holds no model, or the zoo has none of that name.
    """
    text = str(name_or_path)
    given = Path(name_or_path)
    if text in names():
        if (given / "model.safetensors").is_file():
            raise UserError(
                f"{text} is a model of the zoo and a folder here that holds one: write ./{text} for the folder."
            )
        return path(text)
    if given.is_dir():
        if not (given / "model.safetensors").is_file():
            if (given / "comparison.json").is_file():
                one = next(
                    (path.parent for path in sorted(given.glob("cells/*/model.safetensors"))), given / "cells/NAME"
                )
                raise UserError(f"{given} is a comparison, whose models lie in its cells: give one, for example {one}.")
            raise UserError(f"The folder {given} holds no model.safetensors: give a model file, or a run that has one.")
        return given / "model.safetensors"
    if len(given.parts) > 1 and not given.suffix and not given.exists():
        raise UserError(f"There is no {given}: give a run folder, a model file, or a model of the zoo.")
    if given.is_file() or given.suffix == ".safetensors" or len(given.parts) > 1:
        return given  # what is wrong with it, its reader tells best
    return path(text)
