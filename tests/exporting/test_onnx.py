import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import sakuga
from sakuga.cli import main
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import GeneratorRole, Header, Roles, read_header
from sakuga.configs.models import (
    DcganGeneratorConfig,
    SnganGeneratorConfig,
    SrresnetGeneratorConfig,
    StackedGeneratorConfig,
    Stylegan2GeneratorConfig,
)
from sakuga.configs.training import LatentConfig
from sakuga.core.errors import UserError
from sakuga.core.files import sha256_of
from sakuga.exporting.onnx import FILES, MAPPING, SYNTHESIS, TOLERANCE, check, export
from sakuga.models.base import Generator
from sakuga.models.file import load_network, save_model
from sakuga.models.registry import build

SCHEMA = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("aqua", "red", "black")),
        Attribute(name="eyes", values=("green", "red")),
    )
)
DCGAN = DcganGeneratorConfig(resolution=32, z_dim=8, channels=4)
STYLEGAN2 = Stylegan2GeneratorConfig(resolution=32, z_dim=8, w_dim=8, mapping_layers=2, channels=64, max_channels=8)
OTHERS = {
    "dcgan": DCGAN,
    "sngan": SnganGeneratorConfig(resolution=32, z_dim=8, channels=4),
    "srresnet": SrresnetGeneratorConfig(resolution=32, z_dim=8, channels=4, blocks=1),
    "stacked": StackedGeneratorConfig(resolution=64, channels=4, blocks=1, base=DCGAN),
    "stylegan2": STYLEGAN2,
    "residual": Stylegan2GeneratorConfig(**STYLEGAN2.model_dump() | {"form": "residual"}),
}


def write(path: Path, config: Any, schema: LabelSchema = SCHEMA, spoil: float | None = None) -> Path:
    torch.manual_seed(0)
    network = build(config, schema)
    for name, parameter in network.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.3)
    if spoil is not None:
        next(network.parameters()).data.fill_(spoil)
    latent = LatentConfig(mean=0.5, sigma=0.8)
    roles = Roles(generator=GeneratorRole(architecture=config))
    header = Header(name=path.stem, roles=roles, labels=schema, latent=latent, licence="CC0-1.0")
    return save_model(path, header, {"generator": network})


def loaded(path: Path) -> Generator:
    network = load_network(path, "generator")
    assert isinstance(network, Generator)
    return network


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A conditional StyleGAN2 and the folder of its export."""
    folder = tmp_path_factory.mktemp("styled")
    path = write(folder / "styled.safetensors", STYLEGAN2)
    sakuga.export(path, folder / "out")
    return path, folder / "out"


def test_onnx_draws_what_torch_draws(styled: tuple[Path, Path]) -> None:
    path, folder = styled
    network, (mapping, synthesis) = loaded(path), (session(folder / name) for name in (MAPPING, SYNTHESIS))
    assert [i.name for i in mapping.get_inputs()] == ["z", "labels"]
    for count in (1, 2, 5):  # 2 is the batch that was traced
        torch.manual_seed(count)
        z, labels = torch.randn(count, 8), torch.randint(2, (count, 2))
        with torch.no_grad():
            expected = network.mapping(z, labels)
            plain = network.synthesis(expected, "const").numpy()
        (ws,) = mapping.run(None, {"z": z.numpy(), "labels": labels.numpy()})
        np.testing.assert_allclose(ws, expected.numpy(), atol=1e-5)
        (images,) = synthesis.run(None, {"ws": ws})
        assert images.shape == (count, 3, 32, 32)
        np.testing.assert_allclose(images, plain, atol=1e-4)
        for maps in (1, count):  # one map for all, or one each
            noise = [torch.randn(maps, 1, *shape) for shape in network.noise_shapes]
            (images,) = synthesis.run(None, {"ws": ws} | {f"noise{i}": n.numpy() for i, n in enumerate(noise)})
            with torch.no_grad():
                np.testing.assert_allclose(images, network.synthesis(expected, noise).numpy(), atol=1e-4)
            assert np.abs(images - plain).max() > 0.01


def test_the_json_tells_how_to_use_the_files(styled: tuple[Path, Path]) -> None:
    path, folder = styled
    said = json.loads((folder / "model.json").read_text())
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)
    assert (said["name"], said["licence"], said["model_sha256"]) == ("styled", "CC0-1.0", sha256_of(path))
    assert said["latent"] == {"mean": 0.5, "sigma": 0.8}
    assert said["labels"][0] == {"name": "hair", "values": ["aqua", "red", "black"]}
    assert said["w_avg"] == pytest.approx(loaded(path).w_avg.tolist())
    assert said["check"]["difference"] <= TOLERANCE
    for name in (MAPPING, SYNTHESIS):
        assert said["files"][name] == {"bytes": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)}
    inputs = {i.name: i.shape for i in session(folder / MAPPING).get_inputs()}
    assert inputs == {"z": ["batch", said["z_dim"]], "labels": ["batch", len(said["labels"])]}
    (ws,) = session(folder / SYNTHESIS).get_inputs()
    assert (ws.name, ws.shape) == ("ws", ["batch", said["num_ws"], said["w_dim"]])
    optional = {i.name: i.shape[1:] for i in session(folder / SYNTHESIS).get_overridable_initializers()}
    assert optional == {o["name"]: o["shape"][1:] for o in said["synthesis"]["optional"]}


def test_the_files_are_whole_and_tell_nothing_of_the_machine(styled: tuple[Path, Path]) -> None:
    for name in (MAPPING, SYNTHESIS):
        onnx.checker.check_model(onnx.load_from_string((styled[1] / name).read_bytes()), full_check=True)
        assert str(Path(sakuga.__file__).parent).encode() not in (styled[1] / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("schema", [SCHEMA, LabelSchema()], ids=["labels", "plain"])
def test_every_generator_can_be_exported(kind: str, schema: LabelSchema, tmp_path: Path) -> None:
    path = write(tmp_path / "model.safetensors", OTHERS[kind], schema)
    assert export(path, tmp_path / "out").difference <= TOLERANCE


def test_half_precision_halves_the_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(
        tmp_path / "model.safetensors", DcganGeneratorConfig(resolution=32, z_dim=8, channels=16), LabelSchema()
    )
    whole = export(path, tmp_path / "whole")
    assert main(["export", str(path), "--onnx", str(tmp_path / "half"), "--half"]) == 0
    told = capsys.readouterr()
    assert "mapping.onnx, synthesis.onnx, model.json" in told.out
    steps = [f"Exporting: {step} ..." for step in (MAPPING, SYNTHESIS, "check against torch")]
    assert [line for line in told.err.splitlines() if line.startswith("Exporting")][-3:] == steps
    small = (tmp_path / "half" / SYNTHESIS).stat().st_size
    assert small < 0.6 * whole.synthesis.stat().st_size
    ws = np.random.RandomState(0).randn(4, 1, 8).astype(np.float32)
    images = [session(p).run(None, {"ws": ws})[0] for p in (whole.synthesis, tmp_path / "half" / SYNTHESIS)]
    np.testing.assert_allclose(*images, atol=0.02)


def test_a_wrong_file_does_not_pass_the_check(styled: tuple[Path, Path], tmp_path: Path) -> None:
    path, folder = styled
    files, header = {name: (folder / name).read_bytes() for name in (MAPPING, SYNTHESIS)}, read_header(path)
    network = loaded(path)
    assert check(files, network, header, TOLERANCE) <= TOLERANCE
    network.get_parameter("synthesis_network.b32.torgb.bias").data[0] += 0.001
    with pytest.raises(UserError, match=r"^The images of styled as ONNX differ from torch's by .* nothing was written"):
        check(files, network, header, TOLERANCE)


def test_a_model_that_draws_nothing_finite_is_not_written(tmp_path: Path) -> None:
    path = write(tmp_path / "model.safetensors", DCGAN, LabelSchema(), spoil=float("nan"))
    with pytest.raises(UserError, match="differ from torch's by nan"):
        export(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_overwritten(styled: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    path, folder = styled
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert main(["export", str(path), "--onnx", str(folder)]) == 2
    assert "would be overwritten: choose another folder, or give --overwrite" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_mistakes_are_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "model.safetensors", DCGAN, LabelSchema())
    assert main(["export", str(path)]) == 2
    assert "give --onnx FOLDER" in capsys.readouterr().err
    assert main(["export", str(path), "--onnx", str(path)]) == 2
    assert "is a file and no folder" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "none.safetensors"), "--onnx", str(tmp_path / "out")]) == 2
    assert "none.safetensors is not there" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
