"""Foreign StyleGAN2 files, written here from networks of ours, are read and draw the same pictures."""

import argparse
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

from sakuga.cli import main
from sakuga.configs.modelfile import read_header
from sakuga.core.errors import UserError
from sakuga.generation.model import load
from sakuga.models.adapters.convert import import_networks
from sakuga.models.file import load_network

FORMS = ["skip", "residual", "original"]


@torch.no_grad()
def drawn(generator, classes=0):
    z = torch.randn(3, generator.z_dim, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(3)[:, None] % classes if classes else None
    return generator.synthesis(generator.mapping(z, labels), "const")


@torch.no_grad()
def judged(discriminator, classes=0):
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return discriminator(images, torch.arange(4)[:, None] % classes if classes else None).logits


def assert_same(imported, generator, discriminator, classes=0, atol=0.0):
    torch.testing.assert_close(drawn(imported.generator[1], classes), drawn(generator, classes), rtol=0, atol=atol)
    assert torch.allclose(imported.generator[1].w_avg, generator.w_avg)
    if discriminator is not None:
        found = judged(imported.discriminator[1], classes)
        torch.testing.assert_close(found, judged(discriminator, classes), rtol=0, atol=max(atol, 1e-5))


def of_ada(layouts, network, **attributes):
    return layouts.reference_names(network), attributes


@pytest.fixture
def ada(networks, persistent_pickle, layouts):
    """Writes a .pkl of stylegan2-ada-pytorch and returns the networks in it."""

    def write(path, classes=0, g=None, d=None, protocol=4):
        generator, discriminator = networks(classes, g, d)
        other = networks(classes, g, d)[0]
        persistent_pickle(
            path,
            protocol,
            G=of_ada(layouts, other),
            D=of_ada(layouts, discriminator),
            G_ema=of_ada(layouts, generator, img_channels=3),
        )
        return generator, discriminator

    return write


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("classes", [0, 3])
def test_pickles_of_stylegan2_ada_pytorch_draw_the_same(ada, form, classes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pair = ada(tmp_path / "n.pkl", classes, {"form": form}, {"form": form})
    imported = import_networks(tmp_path / "n.pkl")
    assert_same(imported, *pair, classes)
    assert imported.generator[0].form == imported.discriminator[0].form == form
    assert imported.labels.sizes == ((classes,) if classes else ())
    assert imported.notes == ()
    assert os.listdir() == ["n.pkl"]  # its source code was not run


@pytest.mark.parametrize("protocol", [2, 3, 5])
def test_pickles_of_other_python_versions_are_read(ada, protocol, tmp_path):
    pair = ada(tmp_path / "n.pkl", protocol=protocol)
    assert_same(import_networks(tmp_path / "n.pkl"), *pair)


@pytest.mark.parametrize(("channels", "most"), [(256, 24), (512, 16), (100, 64), (32, 1)])
def test_the_channels_are_found(ada, channels, most, tmp_path):
    size = {"channels": channels, "max_channels": most}
    pair = ada(tmp_path / "n.pkl", g=size, d=size)
    imported = import_networks(tmp_path / "n.pkl")
    assert_same(imported, *pair)
    assert [imported.generator[0].channels_at(side) for side in (4, 8, 16, 32)] == [
        min(channels // side, most) for side in (4, 8, 16, 32)
    ]


def test_facts_that_no_shape_tells_are_kept(networks, persistent_pickle, layouts, tmp_path):
    generator, discriminator = networks(3, {"mapping_lr": 0.1}, {"minibatch_group": 2})
    judge = layouts.reference_names(discriminator)
    # What counts is the product of learning rate and weight: 0.05 here, 0.01 in ours.
    judge |= {name: value / 5 for name, value in judge.items() if name.startswith("mapping.fc")}
    facts = {"mapping": {"fc0": {"bias_gain": 0.1}}}
    d_facts = {"mapping": {"fc0": {"bias_gain": 0.05}}, "b4": {"mbstd": {"group_size": 2, "num_channels": 1}}}
    files = {"G_ema": (layouts.reference_names(generator), facts), "D": (judge, d_facts)}
    imported = import_networks(persistent_pickle(tmp_path / "n.pkl", **files))
    assert imported.generator[0].mapping_lr == 0.1
    assert imported.discriminator[0].minibatch_group == 2
    assert_same(imported, generator, discriminator, 3)


@pytest.mark.parametrize("kind", ["uncond", "cond"])
def test_the_reference_implementation_s_own_numbers_are_drawn(kind, real_data, persistent_pickle, tmp_path):
    arrays = {name: torch.from_numpy(value) for name, value in np.load(real_data("stylegan2_parity.npz")).items()}

    def under(prefix):
        return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}

    files = {"G_ema": (under(f"{kind}/G/"), {}), "D": (under(f"{kind}/D/"), {})}
    imported = import_networks(persistent_pickle(tmp_path / "n.pkl", **files))
    expected, labels = under(f"{kind}/"), None
    if kind == "cond":
        labels = expected["c"].argmax(1, keepdim=True)
    network, judge = imported.generator[1], imported.discriminator[1]
    with torch.no_grad():
        images = network.synthesis(network.mapping(expected["z"], labels), "const")
        logits = judge(expected["images_noise_const"], labels).logits
    assert (images - expected["images_noise_const"]).abs().max() < 1e-3
    assert (images - expected["images_noise_const"]).abs().mean() < 1e-4
    assert (logits - expected["D_logits_of_images_noise_const"]).abs().max() < 1e-3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protocol", [2, 4])
def test_pickles_of_tensorflow_draw_the_same(
    networks, tensorflow_pickle, layouts, form, protocol, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    generator, discriminator = networks(0, {"form": form}, {"form": form})
    built = {"resolution": 32, "num_channels": 3, "resample_kernel": [1, 3, 3, 1], "mapping_lrmul": 0.01}
    nets = (
        layouts.tensorflow_generator(networks(0, {"form": form})[0], "G", **built),
        layouts.tensorflow_discriminator(discriminator, architecture="resnet"),
        layouts.tensorflow_generator(generator, **built),
    )
    path = tensorflow_pickle(tmp_path / "n.pkl", *nets, protocol=protocol)
    imported = import_networks(path)
    assert_same(imported, generator, discriminator, atol=1e-5)
    assert imported.generator[0].form == form
    assert os.listdir() == ["n.pkl"]


def test_conditional_pickles_of_tensorflow_s_ada_draw_the_same(networks, tensorflow_pickle, layouts, tmp_path):
    generator, discriminator = networks(3)
    nets = [
        layouts.tensorflow_generator(generator),
        layouts.tensorflow_discriminator(discriminator, mapping_lrmul=0.01),
    ]
    imported = import_networks(tensorflow_pickle(tmp_path / "n.pkl", nets[0], nets[1], nets[0]), ["cat", "dog", "fox"])
    assert_same(imported, generator, discriminator, 3, atol=1e-5)
    assert imported.labels.attributes[0].values == ("cat", "dog", "fox")


def test_a_tensorflow_network_that_grew_is_read_at_its_last_size(networks, tensorflow_pickle, layouts, tmp_path):
    generator, _ = networks(0, {"form": "original"})
    network = layouts.tensorflow_generator(generator)
    synthesis = network.state["components"]["synthesis"].state
    grown = [(name.replace("32x32/ToRGB", "ToRGB_lod0"), value) for name, value in synthesis["variables"]]
    synthesis["variables"] = [*grown, ("ToRGB_lod1/weight", np.zeros((1, 1, 8, 3), np.float32)), ("lod", np.float32(0))]
    assert_same(import_networks(tensorflow_pickle(tmp_path / "n.pkl", network)), generator, None, atol=1e-5)


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_rosinality_draw_the_same(networks, layouts, zipped, tmp_path):
    generator, discriminator = networks(0, {"z_dim": 16})
    other = networks(0, {"z_dim": 16})[0]
    content = {
        "g": layouts.rosinality_generator(other),
        "d": layouts.rosinality_discriminator(discriminator),
        "g_ema": layouts.rosinality_generator(generator),
        "latent_avg": generator.w_avg,
        "args": argparse.Namespace(size=32, latent=16),
        "ada_aug_p": 0.1,
    }
    path = tmp_path / "n.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert_same(import_networks(path), generator, discriminator)
    parallel = OrderedDict((f"module.{name}", value) for name, value in content["g_ema"].items())
    torch.save(parallel, path)  # the state dict alone, of several GPUs
    alone = import_networks(path)
    assert torch.equal(drawn(alone.generator[1]), drawn(generator))
    with torch.no_grad():
        w = generator.mapping(torch.randn(4096, 16))[:, 0]
    assert (alone.generator[1].w_avg - w.mean(0)).abs().max() < 0.1 * w.std()  # measured, since the file has none


def test_noise_that_a_file_has_not_is_drawn_once(networks, layouts, tmp_path):
    generator, _ = networks(0, {"z_dim": 16})
    state = {k: v for k, v in layouts.rosinality_generator(generator).items() if not k.startswith("noises")}
    torch.save({"g_ema": state}, tmp_path / "n.pt")
    first, again = (import_networks(tmp_path / "n.pt").generator[1] for _ in range(2))
    assert torch.equal(drawn(first), drawn(again))
    assert first.synthesis_network.b8.conv0.noise_const.std() > 0.5


def test_a_network_without_noise_stays_without(networks, persistent_pickle, layouts, tmp_path):
    generator, _ = networks()
    tensors = {name: value for name, value in layouts.reference_names(generator).items() if "noise" not in name}
    found = import_networks(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {}))).generator[1]
    z = torch.ones(1, found.z_dim)
    with torch.no_grad():
        expected = generator.synthesis(generator.mapping(z), "none")
        assert all(torch.equal(found(z, noise=noise), expected) for noise in ("const", "random", "none"))


# What cannot be imported.


@pytest.fixture
def refusal():
    """Returns the sentence with which a file is refused."""

    def of(path):
        with pytest.raises(UserError) as error:
            import_networks(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
        return str(error.value)

    return of


def test_stylegan1_is_refused_by_name(tensorflow_pickle, layouts, refusal, tmp_path):
    style = {"4x4/Const/StyleMod/weight": np.ones((16, 8), np.float32), "4x4/Const/const": np.ones((1, 8, 4, 4))}
    parts = {"synthesis": layouts.Network("G_synthesis", style), "mapping": layouts.Network("G_mapping", {})}
    network = layouts.Network("Gs", {}, parts, version=3, function="training.networks_stylegan.G_style")
    assert "StyleGAN1" in refusal(tensorflow_pickle(tmp_path / "n.pkl", network, network, network))


def test_other_networks_of_tensorflow_are_refused(networks, tensorflow_pickle, layouts, refusal, tmp_path):
    old = layouts.Network("Gs", {"4x4/Dense/weight": np.ones((4, 4), np.float32)})
    assert "older than StyleGAN" in refusal(tensorflow_pickle(tmp_path / "n.pkl", old))
    network = layouts.tensorflow_generator(networks()[0])
    network.state["components"]["mapping"].state["variables"].append(("LabelConcat/weight", np.ones((3, 12))))
    assert "labels are joined" in refusal(tensorflow_pickle(tmp_path / "n.pkl", network))
    network = layouts.tensorflow_generator(networks()[0], nonlinearity="relu")
    assert "nonlinearity is 'relu'" in refusal(tensorflow_pickle(tmp_path / "n.pkl", network))
    network = layouts.tensorflow_generator(networks()[0])
    network.state["variables"].append(("surprise", np.ones(3)))
    assert "'surprise'" in refusal(tensorflow_pickle(tmp_path / "n.pkl", network))


def test_stylegan3_is_refused_by_name(persistent_pickle, refusal, tmp_path):
    tensors = {
        "synthesis.input.freqs": torch.ones(2),
        "synthesis.L0_36_512.weight": torch.ones(2),
        "mapping.w": torch.ones(1),
    }
    assert "StyleGAN3" in refusal(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {})))


def without(name):
    return lambda tensors: tensors.pop(name)


def replaced(name, value):
    return lambda tensors: tensors.update({name: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("synthesis.b8.conv0.weight"), "b8.conv0.weight is none"),
        (without("synthesis.b8.conv1.weight"), "sides 4, 16, 32"),
        (without("mapping.fc0.weight"), "fc0.weight is missing"),
        (replaced("synthesis.b16.conv1.weight", torch.ones(7, 7, 3, 3)), "7 at 16"),
        (replaced("synthesis.b16.conv1.bias", torch.ones(7)), "(7,) where"),
        (replaced("synthesis.b16.conv1.bias", torch.full((16,), float("nan"))), "not finite"),
        (replaced("synthesis.b16.conv1.resample_filter", torch.ones(4, 4)), "not 1, 3, 3, 1"),
        (replaced("synthesis.b64.conv1.weight", torch.ones(4, 4, 3, 3)), "b64"),
        (replaced("synthesis.b16.conv1.gate", torch.ones(1)), "gate"),
    ],
)
def test_a_generator_that_does_not_fit_is_refused_by_name(
    networks, persistent_pickle, layouts, refusal, change, said, tmp_path
):
    tensors = layouts.reference_names(networks()[0])
    change(tensors)
    assert said in refusal(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {})))


def test_other_pictures_than_of_three_channels_are_refused(networks, persistent_pickle, layouts, refusal, tmp_path):
    tensors = layouts.reference_names(networks()[0])
    path = persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {"img_channels": 1}))
    assert "1 channels" in refusal(path)
    path = persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {"img_channels": np.ones(3)}))
    assert "a ndarray channels" in refusal(path)
    path = persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {"mapping": {"fc0": {"activation": "relu"}}}))
    assert "'relu'" in refusal(path)


def test_a_discriminator_that_does_not_fit_is_left_out_and_named(networks, persistent_pickle, layouts, tmp_path):
    generator, discriminator = networks()
    judge = layouts.reference_names(discriminator)
    del judge["b8.conv0.bias"]
    files = {"G_ema": (layouts.reference_names(generator), {}), "D": (judge, {})}
    imported = import_networks(persistent_pickle(tmp_path / "n.pkl", **files))
    assert imported.discriminator is None
    assert "b8.conv0.bias" in imported.notes[0]


def test_an_unknown_layout_is_refused_with_its_first_keys(refusal, tmp_path):
    path = tmp_path / "n.pt"
    torch.save({"state_dict": {"a": torch.ones(1)}, "epoch": 3}, path)
    assert "state_dict, epoch" in refusal(path)
    path.write_bytes(pickle.dumps([1, 2]))
    assert "holds a list" in refusal(path)
    path.write_bytes(pickle.dumps({"G_ema": np.ones(3), "D": torch.ones(3)}))
    assert "G_ema, D" in refusal(path)


class Attack:
    def __reduce__(self):
        return os.system, ("touch EXECUTED",)


def test_code_is_not_run_and_its_name_is_told(refusal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "n.pkl"
    for value in (Attack(), {"G_ema": Attack(), "D": Attack()}, [Attack()]):
        path.write_bytes(pickle.dumps(value))
        assert f"It wants to call {os.name}.system, which was not done." in refusal(path)
    assert os.listdir() == ["n.pkl"]


@pytest.mark.parametrize(
    "name", ["convs", "convs.", "convs.99.conv.weight", "convs." + "9" * 5000, 3, "\x1b[31m\n", (1, 2)]
)
@pytest.mark.parametrize("part", ["g_ema", "d"])
def test_odd_names_are_refused_or_noted_in_one_line(networks, layouts, refusal, name, part, tmp_path):
    generator, discriminator = networks(0, {"z_dim": 16})
    content = {
        "g_ema": layouts.rosinality_generator(generator),
        "d": layouts.rosinality_discriminator(discriminator),
        "latent_avg": generator.w_avg,
    }
    content[part][name] = torch.ones(1)
    torch.save(content, tmp_path / "n.pt")
    said = refusal(tmp_path / "n.pt") if part == "g_ema" else import_networks(tmp_path / "n.pt").notes[0]
    assert said.isprintable()
    assert len(said) < 400


@pytest.mark.parametrize(
    ("name", "value"),
    [("mapping.embed.weight", torch.ones(())), ("mapping.fc0.weight", torch.ones(0, 5)), ("mapping.w_avg", np.ones(0))],
)
def test_odd_shapes_are_refused_by_name(networks, persistent_pickle, layouts, refusal, name, value, tmp_path):
    tensors = layouts.reference_names(networks(3)[0]) | {name: torch.as_tensor(value)}
    assert name.split(".", 1)[1] in refusal(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {})))


@pytest.mark.parametrize("group", [None, 0, 10**30, "4"])
def test_a_discriminator_with_odd_groups_is_left_out(networks, persistent_pickle, layouts, group, tmp_path):
    generator, discriminator = networks()
    facts = {"b4": {"mbstd": {"group_size": group}}}
    files = {"G_ema": (layouts.reference_names(generator), {}), "D": (layouts.reference_names(discriminator), facts)}
    imported = import_networks(persistent_pickle(tmp_path / "n.pkl", **files))
    assert imported.discriminator is None
    assert "groups of one size" in imported.notes[0]


def test_circles_and_damage_end_in_one_sentence(ada, persistent_pickle, networks, layouts, refusal, tmp_path):
    path = tmp_path / "n.pkl"
    ada(path)
    data = path.read_bytes()
    for cut in (10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        assert "take an intact copy" in refusal(path)
    # A module that is within itself.
    head = b"\x80\x02}U\x05G_emactorch.nn\nModule\n)\x81q\x00}(U\x08_modules}U\x01ah\x00sU\x0b_parameters}ubs."
    path.write_bytes(head)
    assert "too many" in refusal(path)


# The command.


def test_the_command_writes_a_model_that_draws(ada, tmp_path, capsys):
    generator, _ = ada(tmp_path / "faces.pkl", 3)
    out = tmp_path / "faces.safetensors"
    arguments = ["import", str(tmp_path / "faces.pkl"), "--out", str(out), "--labels", "cat,dog,fox", "--name", "f"]
    assert main([*arguments, "--licence", "CC0"]) == 0
    assert "generator and discriminator of stylegan2-ada-pytorch, 32x32, 3 classes" in capsys.readouterr().out
    header = read_header(out)
    assert (header.name, header.licence) == ("f", "CC0")
    assert header.provenance["imported"]["file"] == "faces.pkl"
    assert len(header.provenance["imported"]["sha256"]) == 64
    assert torch.equal(drawn(load_network(out, "generator"), 3), drawn(generator, 3))
    assert load(out).generate([1, 2], **{"class": "dog"})[0].size == (32, 32)
    assert main(arguments) == 2
    assert "overwritten" in capsys.readouterr().err
    whole = out.stat().st_size
    assert main([*arguments, "--half", "--overwrite"]) == 0
    assert out.stat().st_size < 0.6 * whole
    assert (drawn(load_network(out, "generator"), 3) - drawn(generator, 3)).abs().max() < 0.05


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--labels", "cat,dog"], "names 2 classes"),
        (["--labels", "a,a,b"], "same name"),
        (["--out", "n.pt"], ".safetensors"),
    ],
)
def test_the_command_refuses_in_one_sentence_and_writes_nothing(ada, options, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ada(tmp_path / "n.pkl", 3)
    out = [] if "--out" in options else ["--out", "n.safetensors"]
    assert main(["import", "n.pkl", *out, *options]) == 2
    assert said in capsys.readouterr().err
    assert os.listdir() == ["n.pkl"]


def test_damaged_files_are_read_or_refused(ada, networks, tensorflow_pickle, layouts, tmp_path):
    small = {"z_dim": 4, "w_dim": 4, "channels": 32, "max_channels": 2, "mapping_layers": 1}
    size = {"channels": 32, "max_channels": 2}
    ada(tmp_path / "a.pkl", 0, small, size, protocol=2)
    generator, discriminator = networks(0, small, size)
    parts = layouts.tensorflow_generator(generator), layouts.tensorflow_discriminator(discriminator)
    tensorflow_pickle(tmp_path / "b.pkl", parts[0], parts[1], parts[0])
    generator = networks(0, {**small, "z_dim": 4})[0]
    torch.save({"g_ema": layouts.rosinality_generator(generator), "latent_avg": generator.w_avg}, tmp_path / "c.pt")
    random, refused = np.random.RandomState(0), 0
    files = [(tmp_path / name).read_bytes() for name in ("a.pkl", "b.pkl", "c.pt")]
    for trial in range(90):
        damaged = bytearray(files[trial % 3])
        for place in random.randint(len(damaged), size=1 + trial % 5):
            damaged[place] = random.randint(256)
        (tmp_path / "d.pkl").write_bytes(damaged)
        try:
            import_networks(tmp_path / "d.pkl")
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 10
