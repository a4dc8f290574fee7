"""What the pages tell people to type and to open is there."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from sakuga.cli import VERBS, bind
from sakuga.configs.patch import patch
from sakuga.core.errors import UserError
from sakuga.recipes import recipe

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
TRAIN_OPTIONS = {"--data", "--run-dir", "--labels", "--device"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def code_lines(page: Path) -> list[str]:
    """Returns the lines of the page's code blocks, fenced or indented, continued lines joined."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    blocks += re.findall(
        r"(?:^ {4}\S.*\n)+", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip().removeprefix("$ ") for line in lines]


def commands(page: Path) -> list[list[str]]:
    """Returns what follows `sakuga` in each command of the page."""
    found = []
    for line in code_lines(page):
        if match := re.match(r"(?:\S*/)?sakuga |.* -m sakuga ", line):
            found.append(shlex.split(line[match.end() :], comments=True))
    return found


def check(words: list[str]) -> None:
    if words[0] in ("--help", "--version"):
        return
    name = next((verb for verb in VERBS if words[: verb.count(" ") + 1] == verb.split()), None)
    assert name, f"{' '.join(words)}: no such verb"
    arguments = words[name.count(" ") + 1 :]
    if name == "train":
        check_train(arguments)
    elif "--help" not in arguments:
        verb = VERBS[name]
        bind(name, getattr(import_module(f"sakuga.commands.{verb.module}"), verb.function), arguments)


def check_train(arguments: list[str]) -> None:
    is_named = bool(arguments) and not arguments[0].startswith("--")
    config = recipe(arguments[0] if is_named and not arguments[0].isupper() else "dcgan64")
    rest = [a for a in arguments[is_named:] if a not in ("--resume", "--help")]
    pairs = dict(zip(rest[::2], rest[1::2], strict=True))
    changes = {key.removeprefix("--").replace("-", "_"): v for key, v in pairs.items() if key not in TRAIN_OPTIONS}
    patch(config, {key: value for key, value in changes.items() if not value.isupper()})


def test_there_are_pages():
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "architecture.md"} <= {page.name for page in PAGES}


@every_page
def test_commands_can_be_typed(page):
    for words in commands(page):
        check(words)


def test_the_architecture_names_every_verb():
    listed = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Rooms")[0]
    assert {verb.split()[0] for verb in VERBS} <= set(re.findall(r"`(?:sakuga )?([a-z]+)`", listed))


@every_page
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    missing = [t for t in targets if "://" not in t and not t.startswith(("#", "mailto:"))]
    assert [t for t in missing if not (page.parent / t.partition("#")[0]).exists()] == []


@every_page
def test_make_targets_are_there(page):
    makefile = (ROOT / "Makefile").read_text()
    for line in code_lines(page):
        if match := re.match(r"make ([a-z][a-z-]*)", line):
            assert re.search(rf"^{match[1]}:", makefile, re.MULTILINE), line


@every_page
def test_files_that_are_named_exist(page):
    names = re.findall(r"`((?:src|docs|tests|benchmarks|examples)/[\w./-]+\.\w+)`", page.read_text(encoding="utf-8"))
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_rule_finds_wrong_commands():
    for line in [
        "trian dcgan64",
        "train dcgan64 --data x --lr 3",
        "generate m --bestof 3",
        "data pak x",
        "train dcgan65",
    ]:
        with pytest.raises((AssertionError, UserError)):
            check(line.split())
    check(["train", "dcgan64", "--data", "faces.zip", "--run-dir", "runs/a", "--optimizer.g.lr", "1e-4"])
    check(["generate", "faces64", "--seeds", "0-63"])


def test_makefile_pins_what_it_installs():
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    project = (ROOT / "pyproject.toml").read_text()
    table = re.search(r"^dependencies = \[(.*?)^\]", project, re.DOTALL | re.MULTILINE)
    extras = re.search(r"^\[project.optional-dependencies\](.*?)^\[", project, re.DOTALL | re.MULTILINE)
    assert table
    assert extras
    names = re.findall(r'"([\w-]+)(?:\[[\w,]+\])?(?:[><=]|")', table[1] + extras[1])
    assert {name for name in names if name != "sakuga"} <= pins.keys()
    assert pins["torch"] == "2.13.0"
