"""A generator as two ONNX files, checked against torch, and a JSON that says what they are."""

import contextlib
import hashlib
import importlib.util
import json
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.configs.modelfile import Header, read_header
from sakuga.core.errors import UserError
from sakuga.core.files import check_place, sha256_of, write_together
from sakuga.core.latents import z_of_seeds
from sakuga.core.random import generator as random_stream
from sakuga.models.base import Generator
from sakuga.models.file import load_network
from sakuga.zoo import find_model

MAPPING, SYNTHESIS, DESCRIPTION = "mapping.onnx", "synthesis.onnx", "model.json"
FILES = (MAPPING, SYNTHESIS, DESCRIPTION)
OPSET = 20
TOLERANCE, HALF_TOLERANCE = 1e-4, 2e-2
_CHECKED_BATCHES = (1, 3)
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


class Exported(NamedTuple):
    """What an export wrote.

    Attributes:
        mapping: The ONNX file from z, and labels where there are attributes, to ws.
        synthesis: The ONNX file from ws, and noise where the network has any, to pictures.
        description: The JSON file.
        difference: The largest difference from torch that the check met.
    """

    mapping: Path
    synthesis: Path
    description: Path
    difference: float


def export(
    model: str | Path, folder: str | Path, *, half: bool = False, overwrite: bool = False, title: str = "Exporting"
) -> Exported:
    """Writes a generator as `mapping.onnx`, `synthesis.onnx` and `model.json`, all of them or none.

    Args:
        model: A model of the zoo, a `.safetensors` file, or a run folder.
        folder: Where to write; made if it is not there.
        half: Whether weights are stored in half precision. The arithmetic is float32 either way.
        overwrite: Whether files of these names may be replaced.
        title: Before the name of each step on stderr; empty for silence.

    Raises:
        UserError: If a package or the model is missing, the folder cannot be written, or the files do not compute what
            torch does.
    """
    check_packages()
    folder, path = Path(folder), find_model(model)
    _check_folder(folder, overwrite)
    header = read_header(path)
    network = load_network(path, "generator", header)
    assert isinstance(network, Generator)
    inputs = _inputs(network, header, 2)
    graphs: dict[str, Any] = {}
    for name in (MAPPING, SYNTHESIS):
        _say(title, name)
        graphs[name] = _mapping(network, inputs) if name == MAPPING else _synthesis(network, inputs)
        _strip(graphs[name])
        if half:
            _halve(graphs[name])
    files = {name: graph.SerializeToString() for name, graph in graphs.items()}
    tolerance = HALF_TOLERANCE if half else TOLERANCE
    _say(title, "check against torch")
    difference = check(files, network, header, tolerance)
    said = _description(path, header, network, files, half) | {
        "check": {"batches": list(_CHECKED_BATCHES), "tolerance": tolerance, "difference": difference}
    }
    text = json.dumps(said, indent=2, ensure_ascii=False) + "\n"
    written = {folder / DESCRIPTION: text.encode()} | {folder / name: data for name, data in files.items()}
    write_together(written, overwrite=overwrite)
    return Exported(folder / MAPPING, folder / SYNTHESIS, folder / DESCRIPTION, difference)


def _say(title: str, step: str) -> None:
    # No bar: the exporter holds the interpreter for a minute at a time.
    if title:
        print(f"{title}: {step} ...", file=sys.stderr, flush=True)


def check_packages() -> None:
    """Refuses to begin without the packages of the extra `onnx`.

    Raises:
        UserError: If one is missing.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"Export to ONNX needs {', '.join(missing)}: `pip install 'sakuga[onnx]'`.")


def check(files: dict[str, bytes], network: Generator, header: Header, tolerance: float) -> float:
    """Runs the two files in onnxruntime and returns the largest difference from torch, over batches of 1 and 3.

    Differences are divided by the largest value that torch gives, where that is above 1.

    Args:
        files: File name to ONNX.
        network: The generator, in eval mode, on the CPU.
        header: Of its model.
        tolerance: The largest difference that passes.

    Raises:
        UserError: If one is larger, or a value is not finite.
    """
    mapping, synthesis = (_session(files[name]) for name in (MAPPING, SYNTHESIS))
    largest = 0.0
    for count in _CHECKED_BATCHES:
        given = _inputs(network, header, count)
        with torch.no_grad():
            ws = network.mapping(given.z, given.labels)
        made = mapping.run(None, _fed(mapping, [given.z, *([] if given.labels is None else [given.labels])]))[0]
        pairs = [("ws", ws, made)]
        # Once with the network's own noise, which may be left out, and once with other noise.
        for noise in ([], given.noise) if given.noise else ([],):
            with torch.no_grad():
                images = network.synthesis(ws, noise or "const")
            fed = {"ws": made} | {name: n.numpy() for name, n in zip(_noise_names(network), noise, strict=False)}
            pairs.append(("images", images, synthesis.run(None, fed)[0]))
        for name, ours, theirs in pairs:
            difference = _difference(ours.numpy(), theirs)
            if not difference <= tolerance:  # also where it is no number
                raise UserError(
                    f"The {name} of {header.name} as ONNX differ from torch's by {difference:.2g} in a batch of "
                    f"{count}, where at most {tolerance:g} was expected: nothing was written; export in float32, or "
                    "take an intact model."
                )
            largest = max(largest, difference)
    return largest


class _Inputs(NamedTuple):
    z: Tensor
    labels: Tensor | None
    noise: list[Tensor]


class _Mapping(nn.Module):
    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.generator.mapping(z, labels)


class _Synthesis(nn.Module):
    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator

    def forward(self, ws: Tensor, *noise: Tensor) -> Tensor:
        return self.generator.synthesis(ws, noise or "const")


def _inputs(network: Generator, header: Header, count: int) -> _Inputs:
    z = z_of_seeds(range(count), network.z_dim, header.latent.mean, header.latent.sigma)
    sizes = header.labels.sizes
    labels = torch.tensor([[(i + 1) % size for size in sizes] for i in range(count)]) if sizes else None
    stream = random_stream("export", count)
    noise = [torch.randn(count, 1, *shape, generator=stream) for shape in network.noise_shapes]
    return _Inputs(torch.from_numpy(z), labels, noise)


def _mapping(network: Generator, inputs: _Inputs) -> Any:
    given = {"z": inputs.z} | ({} if inputs.labels is None else {"labels": inputs.labels})
    return _translated(_Mapping(network), given, "ws")


def _synthesis(network: Generator, inputs: _Inputs) -> Any:
    with torch.no_grad():
        ws = network.mapping(inputs.z, inputs.labels)
    names = _noise_names(network)
    graph = _translated(_Synthesis(network), {"ws": ws} | dict(zip(names, inputs.noise, strict=True)), "images")
    if names:
        _give_defaults(graph, dict(zip(names, _own_noise(network), strict=True)))
    return graph


def _translated(module: nn.Module, given: dict[str, Tensor], output: str) -> Any:
    """Returns the ONNX of a module whose inputs and output all begin with the batch, of any size."""
    # A module takes its first input by name and what else there is, if it is a tuple, as one.
    batch = {0: torch.export.Dim("batch")}
    many = isinstance(module, _Synthesis) and len(given) > 1
    shapes = (batch, (batch,) * (len(given) - 1)) if many else (batch,) * len(given)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            module.eval(),
            tuple(given.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(given),
            output_names=[output],
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps to itself what the exporter says to developers."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _noise_names(network: Generator) -> list[str]:
    return [f"noise{i}" for i in range(len(network.noise_shapes))]


def _own_noise(network: Generator) -> list[np.ndarray]:
    """Returns the fixed maps of a network's layers, float32 `[1, 1, H, W]`, coarse first."""
    maps = [buffer for name, buffer in network.named_buffers() if name.endswith("noise_const")]
    assert [tuple(m.shape) for m in maps] == list(network.noise_shapes)
    return [m[None, None].float().cpu().numpy() for m in maps]


def _give_defaults(graph: Any, values: dict[str, np.ndarray]) -> None:
    """Makes inputs optional: an input that is an initializer, too, has that value where it is not given."""
    from onnx import numpy_helper

    for entry in graph.graph.input:
        if entry.name in values:
            # One map serves a batch of any size.
            entry.type.tensor_type.shape.dim[0].dim_param = "maps"
    graph.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in values.items())


def _strip(graph: Any) -> None:
    """Removes what the exporter noted about our program: names of functions, and paths of this machine."""
    for part in (graph, graph.graph):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.graph.value_info[:]
    for entries in (graph.graph.node, graph.graph.initializer, graph.graph.input, graph.graph.output):
        for entry in entries:
            entry.doc_string = ""
            del entry.metadata_props[:]


def _halve(graph: Any) -> None:
    """Stores matrices and maps as float16, each followed by a cast to float32."""
    from onnx import TensorProto, helper, numpy_helper

    defaults, casts = {entry.name for entry in graph.graph.input}, []
    for tensor in graph.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2 or tensor.name in defaults:
            continue
        name, value = tensor.name, numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def _session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _fed(session: Any, tensors: Sequence[Tensor]) -> dict[str, np.ndarray]:
    return {entry.name: t.numpy() for entry, t in zip(session.get_inputs(), tensors, strict=True)}


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(ours).max()))


def _description(path: Path, header: Header, network: Generator, files: dict[str, bytes], half: bool) -> dict[str, Any]:
    has_labels = bool(header.labels.attributes)
    noise = zip(_noise_names(network), network.noise_shapes, strict=True)
    w_avg = network.w_avg
    return {
        "format": "onnx",
        "opset": OPSET,
        "name": header.name,
        "licence": header.licence,
        "data": header.data,
        "images_seen": header.images_seen,
        "model_sha256": sha256_of(path),
        "weights": "float16" if half else "float32",
        "resolution": network.resolution,
        "z_dim": network.z_dim,
        "num_ws": network.num_ws,
        "w_dim": network.w_dim,
        "latent": header.latent.model_dump(mode="json"),
        "labels": header.labels.model_dump(mode="json")["attributes"],
        "w_avg": None if w_avg is None else [float(x) for x in w_avg],
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        },
        "mapping": {"inputs": ["z", *(["labels"] if has_labels else [])], "outputs": ["ws"]},
        "synthesis": {
            "inputs": ["ws"],
            "optional": [{"name": name, "shape": [1, 1, *shape]} for name, shape in noise],
            "outputs": ["images"],
        },
    }


def _check_folder(folder: Path, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file and no folder: give the folder that the ONNX files go to.")
    check_place(folder, folder)
    found = [name for name in FILES if (folder / name).exists()]
    if found and not overwrite:
        raise UserError(f"{folder / found[0]} would be overwritten: choose another folder, or give --overwrite.")
