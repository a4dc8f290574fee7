"""`sakuga train`: the recipe's own options are dotted names, read by `configs.patch` and not by tyro."""

import json
import shlex

from pydantic import BaseModel

from sakuga.commands.options import split_options
from sakuga.configs.choices import choices
from sakuga.configs.patch import option_names, patch
from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError
from sakuga.recipes import RECIPES, recipe

_OWN = ("data", "run_dir", "device", "labels")


def main(argv: list[str]) -> int | None:
    """Trains as the arguments say.

    Args:
        argv: What follows `sakuga train`.

    Returns:
        130 if a signal stopped the run (its state is saved), else None.

    Raises:
        UserError: As `training.start.train`, or if the arguments cannot be read.
    """
    if not argv or "--help" in argv or "-h" in argv:
        print(_help(argv))
        return None
    recipe_name, own, changes, resume = _read(argv)
    if "run_dir" not in own:
        folder = "the folder of the run to go on with" if resume else "a new folder for what the run writes"
        raise UserError(f"--run-dir is missing: name {folder}.")
    if recipe_name is not None:
        recipe(recipe_name)

    from sakuga.core import distributed
    from sakuga.training.start import train

    command = "" if resume else "sakuga train " + shlex.join(argv)
    try:
        finished = train(
            recipe_name,
            own.get("data"),
            own["run_dir"],
            changes=changes,
            resume=resume,
            device=own.get("device", "auto"),
            labels=own.get("labels"),
            command=command,
        )
        is_main = distributed.rank() == 0
        # A process that leaves while another is in its last collective may be aborted by gloo. Not after an error: the
        # others may never come.
        distributed.barrier()
    finally:
        distributed.stop()
    if is_main:
        if finished:
            print(f"{own['run_dir']}/report.html")
        else:
            print(f"Stopped and saved; go on with: sakuga train --resume --run-dir {shlex.quote(own['run_dir'])}")
    return None if finished else 130


def _read(argv: list[str]) -> tuple[str | None, dict[str, str], dict[str, str], bool]:
    if any(word.partition("=")[0] == "--overwrite" for word in argv):
        raise UserError("No option --overwrite: a run is never replaced, name a new folder with --run-dir.")
    words, options = split_options(argv, flags=("resume",), known=(*_OWN, *TrainConfig.model_fields))
    if len(words) > 1:
        raise UserError(f"{words[1]!r} is one word too many after recipe {words[0]}: options begin with --.")
    own = {name: options.pop(name) for name in _OWN if name in options}
    resume = options.pop("resume", None) is not None
    return words[0] if words else None, own, options, resume


def _help(argv: list[str]) -> str:
    given = [word for word in argv if word not in ("--help", "-h")]
    if given and given[-1].startswith("--") and "=" not in given[-1] and given[-1] != "--resume":
        given.pop()  # an option whose value is asked about
    named, _, changes, _ = _read(given)
    lines = [
        "usage: sakuga train RECIPE --data PATH --run-dir DIR [--OPTION VALUE ...]",
        "       sakuga train --resume --run-dir DIR [--duration LENGTH]",
        "",
        "Trains a recipe on a data set into a run folder; Ctrl-C saves and leaves.",
        "",
        "  --data PATH        folder, zip, or synthetic (built-in drawn faces)",
        "  --run-dir DIR      new folder for everything the run writes",
        "  --resume           go on with the run in --run-dir, exactly as if it had not stopped",
        "  --labels FILE      table file,attribute,... to use with the data",
        "  --device NAME      auto, cpu, cuda or mps",
        "",
        "Lengths are written '300k images', '50 epochs' or '2000 steps';",
        "schedules 'every 10 epochs', '1, 3, 10 epochs' or 'never'.",
        "",
    ]
    if named is None:
        lines += ["Recipes (sakuga train RECIPE --help lists a recipe's options and their values):", ""]
        for name, make in RECIPES.items():
            summary, *_ = (make.__doc__ or "").split("\n\n")
            lines.append(f"  {name:24s} {' '.join(summary.split())}")
        return "\n".join(lines)
    config = patch(recipe(named), changes)
    lines += [
        f"Options of {named}, their values, choices and meaning (another kind may have others: give it beside --help):",
        "",
    ]
    for name in option_names(config):
        value, meaning = _explained(config, name)
        if name != "recipe":
            lines.append(f"  --{name:34s} {value:18s} {meaning}".rstrip())
    return "\n".join(lines)


def _explained(config: BaseModel, name: str) -> tuple[str, str]:
    """Returns the value of a dotted name as it would be typed, and its choices and description."""
    *path, last = name.split(".")
    group = None
    for part in path:
        group, config = type(config).model_fields[part].annotation, getattr(config, part)
    value, field = config.model_dump(mode="json")[last], type(config).model_fields[last]
    # What kinds there are the group knows, and each of them only itself.
    known = choices(group if last == "kind" else field.annotation)
    listed = f"one of {', '.join(known)}" if len(known) > 1 and not isinstance(value, bool) else ""
    meaning = "; ".join(part for part in (listed, field.description) if part)
    return value if isinstance(value, str) else json.dumps(value), meaning
