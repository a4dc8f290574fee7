"""The examples are programs, so they are run."""

import base64
import io
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from ipykernel.kernelspec import write_kernel_spec
from nbclient import NotebookClient
from PIL import Image

from sakuga import zoo
from sakuga.configs.labels import LabelSchema
from sakuga.configs.modelfile import DiscriminatorRole, GeneratorRole, Header, Roles
from sakuga.configs.models import DcganDiscriminatorConfig, DcganGeneratorConfig
from sakuga.models.file import save_model
from sakuga.models.registry import build

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Returns the name of a kernel that runs this very Python, whatever kernels the machine has."""
    write_kernel_spec(str(tmp_path / "kernels" / "sakuga-test"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent / "src"))
    return "sakuga-test"


def _pictures(cell) -> list[Image.Image]:
    """Returns the PNGs and GIFs that a cell shows."""
    shown = [output.data for output in cell.outputs if "data" in output]
    data = [found[kind] for found in shown for kind in ("image/png", "image/gif") if kind in found]
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in data]


@pytest.fixture
def model_to_show(tmp_path):
    """Returns the shipped model, or untrained networks where it does not ship."""
    if "faces64" in zoo.names():
        return "faces64"
    torch.manual_seed(0)
    g_config = DcganGeneratorConfig(resolution=64, z_dim=16, channels=4, norm="none")
    d_config = DcganDiscriminatorConfig(resolution=64, channels=4)
    roles = Roles(
        generator=GeneratorRole(architecture=g_config), discriminator=DiscriminatorRole(architecture=d_config)
    )
    networks = {"generator": build(g_config, LabelSchema()), "discriminator": build(d_config, LabelSchema())}
    for weight in networks["generator"].parameters():
        weight.data.mul_(8)
    return save_model(tmp_path / "untrained.safetensors", Header(name="untrained", roles=roles), networks)


def test_the_notebook_runs(kernel, model_to_show, tmp_path):
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert 'MODEL = "faces64"' in first.source
    first.source = first.source.replace('"faces64"', repr(str(model_to_show)))
    notebook.cells.append(nbformat.v4.new_code_cell("import sys; print(sys.executable)"))

    NotebookClient(notebook, timeout=120, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}).execute()

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code[-1].outputs[0].text.strip() == sys.executable
    assert "images seen" in code[0].outputs[0].text
    shown = [picture for cell in code for picture in _pictures(cell)]
    assert [picture.format for picture in shown] == ["PNG", "PNG", "PNG", "PNG", "GIF"]
    assert shown[-1].n_frames == 48
    # Faces, not flat color.
    assert all(len(picture.convert("RGB").getcolors(2**24)) > 50 for picture in shown)


@pytest.mark.slow
def test_the_demo_makes_one_page(model_to_show, tmp_path):
    page = tmp_path / "demo" / "index.html"
    arguments = ["--model", str(model_to_show), "--out", str(page.parent), "--seconds", "6"]
    done = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py", *arguments], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().split("\n")[-1] == str(page.resolve())
    text = page.read_text("utf-8")
    assert text.count("data:image/png") >= 8 and text.count("data:image/gif") == 2
    assert "http:" not in text and "https:" not in text
    for told in ("--best-of 512 --keep 64", "Stopped and saved", "--resume", "EfficientNet frechet", "together"):
        assert told in text
