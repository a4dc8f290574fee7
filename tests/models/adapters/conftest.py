"""Foreign files, written as the programs write them, without those programs."""

import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.models import Stylegan2DiscriminatorConfig, Stylegan2GeneratorConfig
from sakuga.models.registry import build

SOURCE = "open('EXECUTED', 'w')\nraise SystemExit('source code of a file was run')\n"
SIZE = {"resolution": 32, "channels": 256, "max_channels": 24}
FILTER = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


def schema_of(classes):
    values = tuple(map(str, range(classes)))
    return LabelSchema(attributes=(Attribute(name="class", values=values),) if classes else ())


@pytest.fixture
def networks():
    """Makes a tiny G and D in eval mode, with no weight at its usual first value."""

    def make(classes=0, g=None, d=None):
        options = {**SIZE, "z_dim": 12, "w_dim": 16, "mapping_layers": 2, **(g or {})}
        head = {"kind": "projection" if classes else "none"}
        generator = build(Stylegan2GeneratorConfig(**options), schema_of(classes))
        judge = build(Stylegan2DiscriminatorConfig(**{**SIZE, "head": head, **(d or {})}), schema_of(classes))
        for network in (generator, judge):
            network.requires_grad_(False).eval()
            for tensor in network.state_dict().values():
                tensor.add_(torch.randn_like(tensor) * 0.1)
        return generator, judge

    return make


def stand_in(monkeypatch, name):
    """Returns an empty module of that name, which can be imported for the length of the test."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:count]), types.ModuleType(".".join(parts[:count])))
    return sys.modules[name]


class Persistent:
    """An object that the persistence decorator of stylegan2-ada-pytorch writes."""

    def __init__(self, kind, state):
        self.meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": kind, "state": state}

    def __reduce__(self):
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self.meta,), None


def _reconstruct_persistent_obj(meta):
    raise AssertionError("never called")


def persistent(kind, tensors, buffers, **attributes):
    """Returns an object with modules in modules, as dotted names tell."""
    own = {name: value for name, value in tensors.items() if "." not in name}
    modules = OrderedDict()
    parts = [name.split(".")[0] for name in tensors if "." in name]
    for part in dict.fromkeys(parts + [name for name, fact in attributes.items() if isinstance(fact, dict)]):
        inside = {name[len(part) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{part}.")}
        facts = attributes.pop(part, {})
        modules[part] = persistent("Layer", inside, buffers, **facts)
    state = {
        "training": False,
        "_parameters": OrderedDict(
            (k, nn.Parameter(v) if torch.is_tensor(v) else v) for k, v in own.items() if k not in buffers
        ),
        "_buffers": OrderedDict((k, v) for k, v in own.items() if k in buffers),
        "_non_persistent_buffers_set": set(),
        "_modules": modules,
        **attributes,
    }
    return Persistent(kind, state)


@pytest.fixture
def persistent_pickle(monkeypatch):
    """Writes networks as stylegan2-ada-pytorch does: name -> (state dict under its names, attributes)."""
    module = stand_in(monkeypatch, "torch_utils.persistence")
    monkeypatch.setattr(_reconstruct_persistent_obj, "__module__", "torch_utils.persistence")
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj
    buffers = {"w_avg", "noise_const", "resample_filter"}

    def write(path, protocol=4, **networks):
        content = {"training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset"}, "augment_pipe": None}
        for name, (tensors, attributes) in networks.items():
            kind = "Discriminator" if name == "D" else "Generator"
            content[name] = persistent(kind, dict(tensors), buffers, **attributes)
        path.write_bytes(pickle.dumps(content, protocol))
        return path

    return write


def reference_names(network):
    """Returns a network's tensors under the names of stylegan2-ada-pytorch, with its filters."""
    tensors = {k.replace("_network.", "."): v for k, v in network.state_dict().items()}
    blocks = {name.rsplit(".", 1)[0] for name in tensors if name.endswith(".weight") and ".b" in f".{name}"}
    return tensors | {f"{block}.resample_filter": FILTER for block in blocks if "affine" not in block}


class Network:
    """An object that the TensorFlow repositories write."""

    def __init__(self, name, variables, components=None, version=4, function="training.networks.G", **built):
        self.state = {
            "version": version,
            "name": name,
            "static_kwargs": built,
            "components": components or {},
            "build_module_src": SOURCE,
            "build_func_name": function,
            "variables": list(variables.items()),
        }

    def __getstate__(self):
        return self.state


def hwio(tensor):
    return tensor.permute(2, 3, 1, 0).numpy()


def tensorflow_generator(network, name="Gs", **built):
    """Returns G as TensorFlow's program holds it; kernels that double the side are turned."""
    state, own, mapping, synthesis = network.state_dict(), {"lod": np.float32(0)}, {}, {}
    for key, value in state.items():
        parts = key.split(".")
        if key == "mapping_network.w_avg":
            own["dlatent_avg"] = value.numpy()
        elif parts[0] == "mapping_network":
            layer = parts[1].replace("fc", "Dense").replace("embed", "LabelEmbed")
            mapping[f"{layer}/{parts[2]}"] = value.t().numpy() if value.ndim == 2 else value.numpy()
        elif parts[2] == "const":
            synthesis["4x4/Const/const"] = value[None].numpy()
        else:
            side = int(parts[1][1:])
            layer = {"conv0": "Conv0_up", "conv1": "Conv1" if side > 4 else "Conv", "torgb": "ToRGB", "skip": "Skip"}
            path, what = f"{side}x{side}/{layer[parts[2]]}/", ".".join(parts[3:])
            if what == "noise_const":
                number = side.bit_length() * 2 - 6 - (parts[2] == "conv0")
                synthesis[f"noise{number}"] = value[None, None].numpy()
            elif what == "weight":
                turned = value.flip(2, 3) if parts[2] in ("conv0", "skip") else value
                synthesis[path + "weight"] = hwio(turned)
            elif what == "affine.weight":
                synthesis[path + "mod_weight"] = value.t().numpy()
            elif what == "affine.bias":
                synthesis[path + "mod_bias"] = value.numpy() - 1
            else:
                synthesis[path + what] = np.float32(value.item()) if value.ndim == 0 else value.numpy()
    parts = {"synthesis": Network("G_synthesis", synthesis), "mapping": Network("G_mapping", mapping)}
    return Network(name, own, parts, **built)


def tensorflow_discriminator(network, **built):
    variables = {}
    for key, value in network.state_dict().items():
        block, layer, what = key.split(".")
        if block == "mapping":
            path = layer.replace("fc", "Mapping").replace("embed", "LabelEmbed")
        elif layer in ("fc", "out"):
            path = {"fc": "4x4/Dense0", "out": "Output"}[layer]
        else:
            names = {"conv1": "Conv1_down", "conv0": "Conv0", "conv": "Conv", "skip": "Skip", "fromrgb": "FromRGB"}
            path = f"{block[1:]}x{block[1:]}/{names[layer]}"
        variables[f"{path}/{what}"] = hwio(value) if value.ndim == 4 else value.numpy().T
    return Network("D", variables, **built)


@pytest.fixture
def tensorflow_pickle(monkeypatch):
    """Writes networks as the TensorFlow repositories do."""
    stand_in(monkeypatch, "dnnlib.tflib.network").Network = Network
    monkeypatch.setattr(Network, "__module__", "dnnlib.tflib.network")

    def write(path, *networks, protocol=4):
        path.write_bytes(pickle.dumps(networks if len(networks) > 1 else networks[0], protocol))
        return path

    return write


def rosinality_generator(network):
    """Returns G as rosinality's program holds it."""
    found = OrderedDict()
    for key, value in network.state_dict().items():
        parts = key.split(".")
        if key == "mapping_network.w_avg":
            continue
        if parts[0] == "mapping_network":
            found[f"style.{int(parts[1][2:]) + 1}.{parts[2]}"] = value
            continue
        if parts[2] == "const":
            found["input.input"] = value[None]
            continue
        level = int(parts[1][1:]).bit_length() - 3  # 0 at 4 pixels
        if parts[2] == "torgb":
            layer = f"to_rgbs.{level - 1}" if level else "to_rgb1"
        else:
            number = 2 * level - (parts[2] == "conv0")
            layer = f"convs.{number - 1}" if level else "conv1"
        what = ".".join(parts[3:])
        if what == "noise_const":
            found[f"noises.noise_{number}"] = value[None, None]
        elif what == "weight":
            found[f"{layer}.conv.weight"] = value[None]
        elif what.startswith("affine"):
            found[f"{layer}.conv.modulation.{parts[-1]}"] = value
        elif what == "noise_strength":
            found[f"{layer}.noise.weight"] = value[None]
        elif parts[2] == "torgb":
            found[f"{layer}.bias"] = value[None, :, None, None]
            if level:
                found[f"{layer}.upsample.kernel"] = FILTER * 4
        else:
            found[f"{layer}.activate.bias"] = value
            if parts[2] == "conv0":
                found[f"{layer}.conv.blur.kernel"] = FILTER * 4
    return found


def rosinality_discriminator(network, resolution=32):
    found = OrderedDict()
    for key, value in network.state_dict().items():
        block, layer, what = key.split(".")
        number = resolution.bit_length() - int(block[1:]).bit_length() + 1
        places = {
            "fromrgb": {"weight": "convs.0.0.weight", "bias": "convs.0.1.bias"},
            "conv0": {"weight": f"convs.{number}.conv1.0.weight", "bias": f"convs.{number}.conv1.1.bias"},
            "conv1": {"weight": f"convs.{number}.conv2.1.weight", "bias": f"convs.{number}.conv2.2.bias"},
            "skip": {"weight": f"convs.{number}.skip.1.weight"},
            "conv": {"weight": "final_conv.0.weight", "bias": "final_conv.1.bias"},
            "fc": {"weight": "final_linear.0.weight", "bias": "final_linear.0.bias"},
            "out": {"weight": "final_linear.1.weight", "bias": "final_linear.1.bias"},
        }
        found[places[layer][what]] = value
        if layer == "skip":
            found[f"convs.{number}.skip.0.kernel"] = FILTER
    return found


@pytest.fixture
def layouts():
    """The pieces that the files are made of."""
    return types.SimpleNamespace(
        reference_names=reference_names,
        Network=Network,
        tensorflow_generator=tensorflow_generator,
        tensorflow_discriminator=tensorflow_discriminator,
        rosinality_generator=rosinality_generator,
        rosinality_discriminator=rosinality_discriminator,
        FILTER=FILTER,
    )
