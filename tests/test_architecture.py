"""The house rules that a program can check; docs/architecture.md tells them to people."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "sakuga"
MODULES = {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}

# From the ground up. A room may import rooms of the levels below its own, and itself.
LEVELS = (
    {"core"},
    {"configs", "reporting"},
    {"recipes", "zoo"},
    {"models", "losses", "augment", "features"},
    {"data", "generation", "stylization"},
    {"evaluation", "exporting"},
    {"training"},
    {"comparison"},
    {"serving", "commands"},
    {"cli", "__init__"},
    {"__main__"},
)
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}

# Where a file is opened for writing although it is not core/files.py, and why.
WRITERS = {"data/cache.py:_locked": "a lock has no content"}


def room_of(file: str) -> str:
    return file.partition("/")[0].removesuffix(".py")


def imports_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            # `from sakuga import data` names its room in the list.
            names = [alias.name for alias in node.names] if node.module == "sakuga" else [""]
            yield from ((node.lineno, f"{node.module}.{name}".rstrip(".")) for name in names)


def calls_of(tree: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    """Yields every call with the name before the last dot (empty without one) and the name after it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node, ast.unparse(node.func.value), node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node, "", node.func.id


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_the_rules_see_the_package():
    assert len(MODULES) > 30
    assert {"core/files.py", "configs/training.py", "models/registry.py", "cli.py"} <= MODULES.keys()


def test_imports_go_one_way():
    wrong = []
    for file, tree in MODULES.items():
        room = room_of(file)
        for line, name in imports_of(tree):
            first, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if first == "sakuga" and other and other != room and LEVEL[other] >= LEVEL[room]:
                wrong.append(f"{file}:{line}: {room} must not import {other}")
    assert wrong == []


def test_every_room_has_its_level():
    assert {room_of(file) for file in MODULES} <= LEVEL.keys()


@pytest.mark.parametrize("room", ["configs", "recipes", "cli", "commands", "__main__", "__init__"])
def test_rooms_import_no_tensor_library_at_the_top(room):
    heavy = {"torch", "numpy", "PIL", "matplotlib", "safetensors"}
    files = [file for file in MODULES if room_of(file) == room]
    for file in files:
        lazy = {id(node) for function in functions_of(MODULES[file]) for node in ast.walk(function)}
        for node in ast.walk(MODULES[file]):
            if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in lazy:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                assert not heavy & {name.partition(".")[0] for name in names}, f"{file}:{node.lineno}"


def test_help_configs_and_recipes_load_no_torch():
    modules = ["sakuga", "sakuga.cli"]
    for room in ("configs", "recipes", "commands"):
        modules += [f"sakuga.{file.removesuffix('.py').replace('/', '.')}" for file in MODULES if room_of(file) == room]
    code = f"import importlib, json, sys\nfor name in {modules}: importlib.import_module(name)\n"
    code += "print(json.dumps(sorted(sys.modules)))"
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    loaded = set(json.loads(done.stdout))
    assert {"sakuga.cli", "sakuga.recipes.dcgan", "pydantic"} <= loaded
    assert not {"torch", "numpy", "PIL", "matplotlib"} & loaded


def test_files_read_in_one_sitting_and_functions_fit_a_screen():
    long = [f"{file}: {lines} lines" for file in MODULES if (lines := (SOURCE / file).read_text().count("\n")) > 450]
    for file, tree in MODULES.items():
        for function in functions_of(tree):
            lines = (function.end_lineno or 0) - function.lineno + 1
            docstring = (ast.get_docstring(function, clean=False) or "").count("\n")
            if lines - docstring > 80:
                long.append(f"{file}:{function.name}: {lines - docstring} lines")
    assert long == []


def _mode(call: ast.Call, position: int) -> str:
    given = [k.value for k in call.keywords if k.arg == "mode"] or call.args[position : position + 1]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else "r"


def _written(call: ast.Call, before: str, name: str) -> ast.expr | None:
    """Returns what a call writes to, None if it writes no file."""
    writes = set("wax+")
    first = call.args[0] if call.args else None
    if name == "open" and before in ("", "io", "tarfile", "gzip"):
        return first if writes & set(_mode(call, 1)) else None
    if name == "open" and writes & set(_mode(call, 0)) and "Image" not in before:
        return call.func.value  # type: ignore[union-attr]
    if name in ("ZipFile", "memmap", "open_memmap"):
        return first if writes & set(_mode(call, 1)) else None
    if name in ("write_text", "write_bytes") and before:
        return call.func.value  # type: ignore[union-attr]
    if name == "save_file":
        return call.args[1]
    if name in ("save", "savez", "savez_compressed", "savefig", "savetxt", "imwrite", "rename", "copyfile", "move"):
        return first
    return None


def _ours(tree: ast.Module) -> set[str]:
    """Returns the names that a module has from other modules of the package, which are looked at themselves."""
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {a.asname or a.name for node in froms if (node.module or "").startswith("sakuga") for a in node.names}


def _safe_names(function: ast.AST) -> set[str]:
    """Returns the names that hold the temporary path of `files.writing`, an opened file, or a buffer in memory."""
    safe = set()
    for node in ast.walk(function):
        if isinstance(node, ast.withitem) and isinstance(node.context_expr, ast.Call):
            maker = ast.unparse(node.context_expr.func).rpartition(".")[2]
            if maker in ("writing", "open") and isinstance(node.optional_vars, ast.Name):
                safe.add(node.optional_vars.id)
        elif isinstance(node, ast.Assign) and ast.unparse(node.value).endswith("BytesIO()"):
            safe.update(ast.unparse(target) for target in node.targets)
    return safe


def test_only_core_files_opens_files_for_writing():
    wrong = []
    for file, tree in MODULES.items():
        if file == "core/files.py":
            continue
        ours = _ours(tree)
        for function in functions_of(tree):
            if f"{file}:{function.name}" in WRITERS:
                continue
            safe = _safe_names(function)
            for call, before, name in calls_of(function):
                target = _written(call, before, name)
                if target is not None and before not in ours and ast.unparse(target) not in safe:
                    wrong.append(f"{file}:{call.lineno}: {ast.unparse(call)}")
    assert wrong == []


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("open(path, 'w')", True),
        ("path.open('ab')", True),
        ("path.write_text('')", True),
        ("zipfile.ZipFile(path, 'w')", True),
        ("np.savez(path, a=1)", True),
        ("image.save(path)", True),
        ("open(path)", False),
        ("write_text(path, '')", False),
        ("with files.writing(path) as t: t.write_text('')", False),
        ("b = io.BytesIO()\n    image.save(b)", False),
        ("text.replace('a', 'b')", False),
    ],
)
def test_the_writing_rule_finds_what_it_should(code, is_found):
    tree = ast.parse(f"def f():\n    {code}\n")
    safe = _safe_names(tree)
    targets = [_written(*call) for call in calls_of(tree)]
    assert any(t is not None and ast.unparse(t) not in safe for t in targets) is is_found


def test_nothing_from_a_file_is_executed():
    wrong = []
    for file, tree in MODULES.items():
        wrong += [
            f"{file}:{line}" for line, name in imports_of(tree) if name in ("pickle", "dill", "cloudpickle", "joblib")
        ]
        for call, before, name in calls_of(tree):
            options = {k.arg: ast.unparse(k.value) for k in call.keywords}
            unsafe = (
                (name in ("eval", "exec") and not before)
                or (before == "torch" and name == "load" and options.get("weights_only") != "True")
                or (name == "load" and options.get("allow_pickle") == "True")
                # A TorchScript file is a program: only one whose hash is known.
                or (before == "torch.jit" and name == "load" and "find_weights(" not in ast.unparse(call))
            )
            if unsafe:
                wrong.append(f"{file}:{call.lineno}: {ast.unparse(call)}")
    assert wrong == []


def test_random_streams_are_opened_in_one_place():
    wrong = []
    for file, tree in MODULES.items():
        if file in ("core/random.py", "core/latents.py"):
            continue
        wrong += [f"{file}:{line}: {name}" for line, name in imports_of(tree) if name == "random"]
        for call, before, name in calls_of(tree):
            if name in ("manual_seed", "default_rng", "RandomState") or before in ("np.random", "numpy.random"):
                wrong.append(f"{file}:{call.lineno}: {ast.unparse(call)}")
    assert wrong == []


@pytest.mark.parametrize("room", ["generation", "evaluation"])
def test_float64_stays_off_the_devices(room):
    # Apple's GPUs have none.
    calls = [(f, call) for f, tree in MODULES.items() if room_of(f) == room for call in calls_of(tree)]
    doubled = [(file, before) for file, (_, before, name) in calls if name == "double"]
    assert [file for file, before in doubled if not before.endswith(".cpu()")] == []


def test_configs_are_never_changed_without_validation():
    calls = [(file, call) for file, tree in MODULES.items() for call, _, name in calls_of(tree) if name == "model_copy"]
    assert [f"{file}:{call.lineno}" for file, call in calls if call.keywords or call.args] == []


def test_everything_public_says_what_it_is():
    silent = []
    for file, tree in MODULES.items():
        if not ast.get_docstring(tree):
            silent.append(file)
        owners: list[ast.Module | ast.ClassDef] = [tree]
        owners += [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        for owner in owners:
            for node in owner.body:
                is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
                if is_public and not ast.get_docstring(node):
                    silent.append(f"{file}:{node.lineno}: {node.name}")
    assert silent == []
