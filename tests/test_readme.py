"""The README's examples run as they are written."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def examples() -> list[list[str]]:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Five examples")[2]
    block = re.search(r"```bash\n(.*?)```", section, re.DOTALL)
    assert block
    return [shlex.split(line) for line in block[1].splitlines()]


def test_there_are_five_examples():
    assert [words[0] for words in examples()] == ["sakuga"] * 5


@pytest.mark.slow
def test_the_examples_run_as_written(tmp_path):
    for words in examples():
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{shlex.join(words)}: {done.stderr}"
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    promised = {
        "faces.png",
        "mixed.png",
        "way.gif",
        "drawn.zip",
        "runs/first/report.html",
        "runs/first/model.safetensors",
    }
    assert promised <= written
    assert len([name for name in written if name.startswith("faces/")]) == 64


def test_the_python_example_runs():
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block
    subprocess.run([sys.executable, "-c", block[1] + "\nassert len(faces) == 16"], check=True, env=os.environ)
