import json
import pickle
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import DiscriminatorRole, GeneratorRole, Header, Roles, read_header
from sakuga.configs.models import DcganDiscriminatorConfig, DcganGeneratorConfig
from sakuga.configs.training import LatentConfig
from sakuga.core.errors import UserError
from sakuga.core.tensorfile import write_tensors
from sakuga.models.file import load_network, save_model
from sakuga.models.registry import build

SCHEMA = LabelSchema(attributes=(Attribute(name="hair", values=("aqua", "red")),))
HEADER = Header(
    name="tiny",
    roles=Roles(
        generator=GeneratorRole(architecture=DcganGeneratorConfig(resolution=32, z_dim=4, channels=2)),
        discriminator=DiscriminatorRole(
            architecture=DcganDiscriminatorConfig(resolution=32, channels=2, norm="spectral")
        ),
    ),
    labels=SCHEMA,
    latent=LatentConfig(sigma=0.7),
    licence="MIT",
    data="drawn faces",
    images_seen=123,
    scores={"fid": 40.5},
    provenance={"config": {"an option of later": [1, None]}},
)


@pytest.fixture
def networks():
    roles = HEADER.roles
    return {
        "generator": build(roles.generator.architecture, SCHEMA),
        "discriminator": build(roles.discriminator.architecture, SCHEMA),
    }


@pytest.fixture
def path(tmp_path, networks):
    return save_model(tmp_path / "tiny.safetensors", HEADER, networks)


def rewritten(path, change):
    """Writes the file again with a changed header."""
    tensors = load_file(path)
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        metadata = json.loads(file.read(size))["__metadata__"]
    header = json.loads(metadata["sakuga"])
    change(header)
    save_file(tensors, path, {"sakuga": json.dumps(header)})
    return path


def test_a_file_explains_itself(path):
    assert read_header(path) == HEADER
    assert load_network(path, "generator").w_dim == 4 + 2


def test_matrices_are_halves_and_vectors_whole(path):
    tensors = load_file(path)
    assert {t.dtype for t in tensors.values() if t.ndim > 1} == {torch.float16}
    assert {t.dtype for n, t in tensors.items() if n.endswith(("running_mean", "running_var", "bias"))} == {
        torch.float32
    }


def test_what_half_precision_cannot_hold_stays_whole(tmp_path, networks):
    name = "layers.0.weight"
    wide = networks["generator"].state_dict()[name]
    wide.view(-1)[0] = -1e5
    path = save_model(tmp_path / "wide.safetensors", HEADER, networks)
    tensors = load_file(path)
    assert {n for n, t in tensors.items() if t.ndim > 1 and t.dtype != torch.float16} == {f"generator.{name}"}
    assert torch.equal(load_network(path, "generator").state_dict()[name], wide)


def test_weights_in_any_memory_format_are_saved(tmp_path, networks):
    path = save_model(tmp_path / "a.safetensors", HEADER, networks)
    other = {role: network.to(memory_format=torch.channels_last) for role, network in networks.items()}
    assert save_model(tmp_path / "b.safetensors", HEADER, other).read_bytes() == path.read_bytes()


def test_an_existing_file_is_kept_if_asked(path, networks):
    before = path.read_bytes()
    with pytest.raises(UserError, match="not overwritten"):
        save_model(path, HEADER, networks, overwrite=False)
    assert path.read_bytes() == before


def test_a_role_that_is_not_there_is_named(tmp_path, networks):
    header = Header(name="g", roles=Roles(generator=HEADER.roles.generator), labels=SCHEMA)
    path = save_model(tmp_path / "g.safetensors", header, {"generator": networks["generator"]})
    with pytest.raises(UserError, match=re.escape(f"{path} holds no discriminator")):
        load_network(path, "discriminator")


def test_a_file_cut_short_anywhere_is_named(path):
    data = path.read_bytes()
    for length in [0, 1, 7, 8, 9, 100, *range(200, len(data), len(data) // 25), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match=re.escape(str(path))) as caught:
            load_network(path, "generator")
        assert "\n" not in str(caught.value)


def test_what_is_no_model_file_is_named(tmp_path, path):
    save_file({"x": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    (tmp_path / "text.safetensors").write_text("hello, I am no model " * 50)
    (tmp_path / "bytes.safetensors").write_bytes(bytes(range(100)))
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps({"g_ema": [1.0]}))
    torch.save({"g_ema": torch.zeros(2)}, tmp_path / "saved.pt")
    save_file({"x": torch.zeros(2)}, tmp_path / "damaged.safetensors", {"sakuga": "{"})
    save_file({"x": torch.zeros(2)}, tmp_path / "list.safetensors", {"sakuga": "[]"})
    for name, sentence in [
        ("absent.safetensors", "is not there"),
        (".", "is not there or is no file"),
        ("foreign.safetensors", "no model file of sakuga"),
        ("text.safetensors", r"is text and no model file: give the path of a model file"),
        ("bytes.safetensors", "no intact safetensors file"),
        ("saved.pt", "holds weights of another program: make a model file of it with `sakuga import .*saved.pt --out "),
        ("plain.pkl", "`sakuga import .*plain.pkl --out plain.safetensors`"),
        ("damaged.safetensors", "damaged header"),
        ("list.safetensors", "no model file of sakuga"),
    ]:
        with pytest.raises(UserError, match=sentence):
            read_header(tmp_path / name)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"kind": "directions", "format_version": 1}, "holds directions, not a model: give it with --directions"),
        ({"kind": "projection"}, "holds a projected picture, not a model: give it with --from-projection"),
        ({"images": 8, "loop": {}}, "holds a checkpoint, not a model: give its run folder"),
    ],
)
def test_other_files_of_ours_are_told_by_what_they_hold(tmp_path, value, told):
    path = write_tensors(tmp_path / "other.safetensors", {"x": torch.zeros(2)}, value)
    with pytest.raises(UserError, match=told):
        read_header(path)


def test_a_file_of_the_first_version_is_read(path):
    rewritten(path, lambda header: [header.pop("label_counts"), header.update(format_version=1)])
    assert read_header(path).label_counts == ()
    assert load_network(path, "generator").w_dim == 4 + 2


@pytest.mark.parametrize("counts", [[[[0, 0, 0, 0, 0], 3]], [[[7], 3]], [[[0], 0]], [[[-2], 1]]])
def test_counts_of_labels_that_do_not_fit_are_told(path, counts):
    rewritten(path, lambda header: header.update(label_counts=counts))
    with pytest.raises(UserError, match="label_counts"):
        read_header(path)


def test_a_newer_format_asks_for_an_update(path):
    rewritten(path, lambda header: header.update(format_version=99))
    with pytest.raises(UserError, match="has format 99, this program reads up to 3: update sakuga"):
        read_header(path)


def test_a_wrong_entry_is_named(path):
    rewritten(path, lambda header: header["roles"]["generator"]["architecture"].update(resolution=48))
    with pytest.raises(UserError, match="32, 64, 96, 128 pixels, not 48"):
        read_header(path)


def test_tensors_of_another_architecture_are_named(path):
    rewritten(path, lambda header: header["roles"]["generator"]["architecture"].update(channels=4))
    with pytest.raises(UserError, match=r"does not fit its own architecture, first at generator\.layers\.0\.weight"):
        load_network(path, "generator")
    rewritten(path, lambda header: header["roles"]["generator"]["architecture"].update(norm="none", channels=2))
    with pytest.raises(UserError, match="does not fit its own architecture"):
        load_network(path, "generator")


def test_renamed_training_options_do_no_harm(path):
    rewritten(path, lambda header: header["provenance"].update(config={"removed": {"kind": "???"}}))
    assert load_network(path, "generator").z_dim == 4
