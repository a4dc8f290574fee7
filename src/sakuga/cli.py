"""The command line: a table of verbs. A verb's function is imported when it is called, so that help is immediate."""

import contextlib
import errno
import functools
import importlib
import inspect
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, get_args

from sakuga import zoo
from sakuga.core.errors import UserError, nearest
from sakuga.core.memory import keep_freed_memory


class Verb(NamedTuple):
    """What a verb stands for.

    Attributes:
        module: Where its function is, below `sakuga.commands`.
        function: The function, whose signature and docstring become the options.
        help: One line.
        raw: Whether the function takes the list of arguments as it is and makes its own sense of it.
    """

    module: str
    function: str
    help: str
    raw: bool = False


VERBS = {
    "data pack": Verb("data", "pack", "write a folder or zip of pictures as one zip with its labels"),
    "data check": Verb("data", "check", "load a data set as training does and name every bad file"),
    "data info": Verb("data", "info", "describe a data set: size, pictures, labels"),
    "data preview": Verb("data", "preview", "draw pictures of a data set on one sheet"),
    "train": Verb("train", "main", "train a recipe on a data set, into a run folder", raw=True),
    "evaluate": Verb("evaluate", "evaluate", "measure a model against a data set"),
    "judge": Verb("judge", "judge", "train a classifier on labeled pictures, to measure attributes with"),
    "compare": Verb("compare", "compare", "train recipes on data sets at one budget and put them on one page"),
    "info": Verb("info", "info", "list the models of the zoo, or tell what a model is"),
    "generate": Verb("generate", "generate", "draw pictures with a model"),
    "interpolate": Verb(
        "interpolate", "interpolate", "draw the way from one picture to another, as a strip, a GIF, a WebP or an MP4"
    ),
    "mix": Verb("mix", "mix", "draw pictures with some layers of one seed and the others of another"),
    "noise": Verb("noise", "noise", "draw one picture with other noise, and what that changes"),
    "directions": Verb("directions", "directions", "find directions in w along which pictures change"),
    "edit": Verb("edit", "edit", "move pictures along directions, such as hair:aqua"),
    "project": Verb("project", "project", "find the w of a given picture"),
    "import": Verb("import_", "import_", "make a model file of another program's StyleGAN2"),
    "blend": Verb("blend", "blend", "make one model of two: coarse layers of one, fine layers of the other"),
    "export": Verb("export", "export", "write a generator as ONNX, for programs without torch"),
}

_HELP = {"-h", "--help"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit status: 0, 2 for a mistake of the user's, 130 for Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name or a bar may hold what the terminal's encoding lacks
            stream.reconfigure(errors="replace")
    try:
        status = _run(words)
        sys.stdout.flush()
        return status
    except UserError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has left; what is still buffered must not be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (MemoryError, OSError, RuntimeError) as error:
        if sentence := _told(error, words):
            return _refuse(sentence)
        raise


def _run(argv: list[str]) -> int:
    if argv == ["--version"]:
        from importlib.metadata import version

        print(f"sakuga {version('sakuga')}")
        return 0
    in_group = any(verb.startswith(f"{argv[0]} ") for verb in VERBS) if argv else False
    length = 2 if in_group else 1
    name, arguments = " ".join(argv[:length]), argv[length:]
    if name in VERBS:
        return _call(name, arguments)
    group, rest = (argv[0], argv[1:]) if in_group else ("", argv)
    if rest and rest[0] not in _HELP:
        raise UserError(f"No verb {name!r}: {nearest(name, VERBS)}")
    print(_overview(group), file=sys.stdout if rest else sys.stderr)
    return 0 if rest else 2


def _call(name: str, arguments: list[str]) -> int:
    keep_freed_memory()
    verb = VERBS[name]
    function = getattr(importlib.import_module(f"sakuga.commands.{verb.module}"), verb.function)
    status = function(arguments) if verb.raw else bind(name, function, arguments)()
    return int(status or 0)


def _overview(group: str) -> str:
    chosen = {name: verb.help for name, verb in VERBS.items() if not group or name.startswith(f"{group} ")}
    lines = [f"  {name:<14}{text}" for name, text in chosen.items()]
    usage = f"usage: sakuga {group + ' ' if group else ''}VERB ..."
    footer = "`sakuga VERB --help` tells the options of a verb, `sakuga --version` the version."
    return "\n".join([usage, "", *lines, "", footer])


def bind(name: str, function: Callable[..., Any], arguments: list[str]) -> Callable[[], Any]:
    """Returns a verb's function with the options of the command line bound to it.

    Raises:
        UserError: If they do not fit.
    """
    import tyro

    _check_options(name, function, arguments)
    arguments = _gathered(function, arguments)

    @functools.wraps(function)
    def later(*args: Any, **kwargs: Any) -> Callable[[], Any]:
        return functools.partial(function, *args, **kwargs)

    config = (tyro.conf.DisallowNone, tyro.conf.PositionalMetavarFromFieldName, tyro.conf.OmitArgPrefixes)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(later, prog=f"sakuga {name}", args=arguments, config=config)
    except SystemExit as end:
        if not end.code:  # help was asked for and given
            return lambda: 0
        told = _plain(name, function, arguments, _words_of_box(said.getvalue()))
        raise UserError(f"{told}; `sakuga {name} --help` lists the options.") from None


def _words_of_box(text: str) -> str:
    """Returns the words between the first two rules that tyro draws, in whatever characters the terminal has."""
    parts: list[list[str]] = [[]]
    for line in text.splitlines():
        inside = line.strip(" │")
        if re.match(r"[╭─╰-]{2}|Got errors", inside):
            parts.append([])
        else:
            parts[-1] += inside.split()
    return " ".join(parts[1] if len(parts) > 1 else parts[0]).rstrip(".:")


def _plain(name: str, function: Callable[..., Any], arguments: list[str], words: str) -> str:
    """Returns what tyro says of arguments that do not fit, in words for users; as it is if it says something else."""
    number = (
        r"(?:Error parsing )?(--\S+): (?:no type matching (INT|FLOAT)\S* could be instantiated from \['(.*?)'"
        r"|invalid literal for (int)\(\) with base 10: '(.*?)'|could not convert string to (float): '(.*?)')"
    )
    if match := re.match(number, words):
        option, kind, value = (part for part in match.groups() if part is not None)
        # A long line is broken at a comma, too.
        value = next((a for a in arguments if "".join(a.split()) == "".join(value.split())), value)
        return f"{option} {value!r} is no {'whole ' if kind.lower() == 'int' else ''}number"
    if match := re.match(r"Missing from \S+.*?: ([A-Z]+) (.*?)\.? ?\(required\)", words):
        article = "a " if len(match[1]) > 1 else ""
        hint = f" (in the zoo: {', '.join(zoo.names())})" if match[1] == "MODEL" else ""
        return f"`sakuga {name}` needs {article}{match[1]}: {match[2]}{hint}"
    if match := re.match(r"Unrecognized options: (\S+)", words):
        word = match[1]
        if flag := next((a for a in arguments if a.startswith("--") and a.endswith(f"={word}")), None):
            return f"{flag}: {flag.partition('=')[0]} takes no value"
        if word.startswith("-"):
            return f"`sakuga {name}` has no option {word}"
        parameters = inspect.signature(function).parameters.values()
        taken = " ".join(p.name.upper() for p in parameters if p.kind is p.POSITIONAL_ONLY)
        return (
            f"{word!r} is one word too many: `sakuga {name}` takes {taken or 'no words'} and options that begin with --"
        )
    if match := re.match(r"Missing value for argument '(--\S+?)'\. Expected (\d+)", words):
        return f"{match[1]} has no value: write {' '.join([match[1], *['VALUE'] * int(match[2])])}"
    if match := re.match(r"invalid choice (.*?) for argument '(--\S+?)'\. Expected one of \((.*?),?\)", words):
        return f"{match[2]} {match[1]} is none of its values: choose {match[3].replace(chr(39), '')}"
    return words


def _check_options(name: str, function: Callable[..., Any], arguments: list[str]) -> None:
    # Before tyro, which would first miss a required option whose name was mistyped.
    options = _options(function)
    written = {a.partition("=")[0].replace("_", "-") for a in arguments if a.startswith("--")}
    for option in sorted(written - {"--help"}):
        if option not in options and option.replace("--no-", "--", 1) not in options:
            is_told = "--attributes" in options and not _is_of_another(option)
            other = f" A model's own attributes: --attributes {option[2:]}=..." if is_told else ""
            near = nearest(option[2:], [known[2:] for known in options], "--")
            raise UserError(f"`sakuga {name}` has no option {option}: {near}{other}")
    missing = [option for option, required in options.items() if required and option not in written]
    if missing and not _HELP.intersection(arguments):
        raise UserError(f"`sakuga {name}` needs {missing[0]}: `sakuga {name} --help` tells what it is.")


def _gathered(function: Callable[..., Any], arguments: list[str]) -> list[str]:
    """Returns the arguments with all the values of an option behind its first mention: tyro keeps the last ones only.

    Raises:
        UserError: If an option that takes one value is given twice.
    """
    parameters = inspect.signature(function).parameters.values()
    several = {_written(p.name) for p in parameters if ... in get_args(p.annotation)}
    last: list[str] = []
    groups = {"": last}  # by option, what it was written as and its values; before them the words of none
    for word in arguments:
        if not word.startswith("--"):
            last.append(word)
            continue
        written, equals, value = word.partition("=")
        option = re.sub("^--no-", "--", _written(written[2:]))
        if option not in groups:
            last = groups[option] = [word]
        elif option in several:
            last = groups[option]
            last += [value] if equals else []
        else:
            raise UserError(f"{option} is given twice: give it once.")
    return [word for group in groups.values() for word in group]


def _options(function: Callable[..., Any]) -> dict[str, bool]:
    """Returns the options of a verb, and whether each is required; a config among its parameters has one a field."""
    from sakuga.configs.base import Config

    found: dict[str, bool] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        kind = parameter.annotation
        if isinstance(kind, type) and issubclass(kind, Config):
            found |= dict.fromkeys(kind.model_fields, False)
        else:
            found[parameter.name] = parameter.default is parameter.empty
    return {_written(name): required for name, required in found.items()}


def _written(name: str) -> str:
    # An option such as --from is a word of Python's and has an underscore behind it there.
    return "--" + name.rstrip("_").replace("_", "-")


def _is_of_another(option: str) -> bool:
    """Tells whether some verb has an option of this name."""
    verbs = [verb for verb in VERBS.values() if not verb.raw]
    functions = [getattr(importlib.import_module(f"sakuga.commands.{v.module}"), v.function) for v in verbs]
    return any(option in _options(function) for function in functions)


def _told(error: Exception, argv: list[str]) -> str | None:
    """Returns a sentence for what is no mistake of ours though it is no `UserError`; None for anything else."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" to write {error.filename}" if error.filename else ""
        return f"No space left{where}: free some space and run the command again."
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.filename} may not be read or written: change its permissions or choose another place."
    # torch has messages, which name the kind of device: CUDA, MPS, a CPU.
    if isinstance(error, MemoryError) or re.search(r"out of memory|can't allocate memory", str(error)):
        return f"Out of memory: {_smaller_batch(argv)}close other programs."
    return None


def _smaller_batch(argv: list[str]) -> str:
    """Returns the advice to choose smaller batches, or fewer pictures, for a verb that has options for it."""
    verb = VERBS.get(" ".join(argv[:1]))
    if verb is None:
        return ""
    if verb.raw:
        return "choose a smaller --batch_size, or "
    function = getattr(importlib.import_module(f"sakuga.commands.{verb.module}"), verb.function)
    found = [option for option in ("--batch-size", "--num-images") if option in _options(function)]
    return f"choose a smaller {' or '.join(found)}, or " if found else ""


def _refuse(sentence: str) -> int:
    print(f"sakuga: {' '.join(sentence.split())}", file=sys.stderr)
    return 2
