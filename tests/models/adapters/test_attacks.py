"""Small files that would become large networks: refused before they fill the memory."""

import pickle

import numpy as np
import pytest
import torch

from sakuga.core.errors import UserError
from sakuga.models.adapters import stylegan2
from sakuga.models.adapters.convert import import_networks

MEMORY = "more memory than its size explains"


@pytest.fixture
def refusal():
    def of(path, most=1 << 20):
        assert path.stat().st_size < most
        with pytest.raises(UserError) as error:
            import_networks(path)
        assert "\n" not in str(error.value)
        return str(error.value)

    return of


def named_often(names):
    """Returns one array, which a pickle holds once, under many names."""
    return dict.fromkeys(names, np.ones((256, 256), np.float32))


def test_many_names_of_one_tensor_are_refused(networks, persistent_pickle, layouts, refusal, tmp_path):
    tensors = layouts.reference_names(networks()[0])
    tensors |= named_often(f"mapping.fc{n}.weight" for n in range(900))
    assert MEMORY in refusal(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {})))


def test_the_same_of_tensorflow_is_refused(networks, tensorflow_pickle, layouts, refusal, tmp_path):
    network = layouts.tensorflow_generator(networks()[0])
    variables = network.state["components"]["mapping"].state["variables"]
    variables += named_often(f"Dense{n}/weight" for n in range(900)).items()
    assert MEMORY in refusal(tensorflow_pickle(tmp_path / "n.pkl", network))


def test_the_same_of_rosinality_is_refused(networks, layouts, refusal, tmp_path):
    state = layouts.rosinality_generator(networks(0, {"z_dim": 16})[0])
    state |= dict.fromkeys((f"style.{n}.weight" for n in range(99)), torch.ones(256, 256))
    torch.save({"g_ema": state}, tmp_path / "n.pt")
    assert MEMORY in refusal(tmp_path / "n.pt")


def test_a_discriminator_of_one_tensor_is_left_out(networks, persistent_pickle, layouts, tmp_path):
    generator, judge = (layouts.reference_names(network) for network in networks())
    judge |= named_often(f"mapping.fc{n}.weight" for n in range(900))
    imported = import_networks(persistent_pickle(tmp_path / "n.pkl", G_ema=(generator, {}), D=(judge, {})))
    assert imported.discriminator is None
    assert MEMORY in imported.notes[0]


def test_a_tensor_may_have_two_names(networks, persistent_pickle, layouts, tmp_path):
    tensors = layouts.reference_names(networks()[0])
    tensors["synthesis.b16.conv1.bias"] = tensors["synthesis.b16.conv0.bias"]
    network = import_networks(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {}))).generator[1]
    layers = network.synthesis_network.b16
    assert torch.equal(layers.conv0.bias, layers.conv1.bias)


def test_tensors_and_modules_without_number_are_refused(
    networks, persistent_pickle, tensorflow_pickle, layouts, refusal, tmp_path
):
    generator = networks()[0]
    many = {f"mapping.w{n}": None for n in range(5000)}
    tensors = layouts.reference_names(generator) | many
    assert "holds too many tensors" in refusal(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {})))
    network = layouts.tensorflow_generator(generator)
    network.state["variables"] += [("dlatent_avg", None)] * 5000
    assert "holds too many tensors" in refusal(tensorflow_pickle(tmp_path / "n.pkl", network))
    # Each level has the next one under 50 names: 50 ** 4 networks.
    network = layouts.tensorflow_generator(generator)
    for _ in range(4):
        network = layouts.Network("Gs", {}, {str(n): network for n in range(50)})
    assert "holds too many networks" in refusal(tensorflow_pickle(tmp_path / "n.pkl", network))


def wide_circle(count):
    """Returns a pickle of a module that is within itself under many names."""
    names = b"".join(b"X\x04\x00\x00\x00%04dh\x00" % number for number in range(count))
    head = b"\x80\x02}U\x05G_emactorch.nn\nModule\n)\x81q\x00}(U\x08_modules}("
    return head + names + b"uU\x0b_parameters}ubs."


def test_a_wide_circle_of_modules_is_refused_at_once(refusal, tmp_path):
    (tmp_path / "n.pkl").write_bytes(wide_circle(5000))
    assert "holds too many modules" in refusal(tmp_path / "n.pkl")


def test_long_names_are_cut(networks, persistent_pickle, layouts, refusal, tmp_path):
    tensors = layouts.reference_names(networks()[0])
    tensors["mapping." + "9" * 100_000] = torch.ones(1)
    assert len(refusal(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {})))) < 300
    long = "a" * 100_000
    (tmp_path / "n.pkl").write_bytes(pickle.dumps({(long,) * 10_000: 1}))
    assert len(refusal(tmp_path / "n.pkl")) < 600


def test_a_filter_is_not_multiplied_out_before_its_length_is_known(
    networks, persistent_pickle, layouts, refusal, tmp_path
):
    tensors = layouts.reference_names(networks()[0])
    tensors["synthesis.b16.conv1.resample_filter"] = torch.ones(100_000)  # squared it would have 40 GB
    assert "not 1, 3, 3, 1" in refusal(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {})))


def test_classes_without_number_are_refused(networks, persistent_pickle, layouts, refusal, tmp_path):
    tensors = layouts.reference_names(networks(3)[0])
    tensors["mapping.embed.weight"] = np.ones((1, 200_000), np.uint8)
    assert "200,000 classes" in refusal(persistent_pickle(tmp_path / "n.pkl", G_ema=(tensors, {})))


def test_the_mean_of_a_long_w_is_measured_in_parts(networks, layouts, tmp_path, monkeypatch):
    generator = networks(0, {"z_dim": 16})[0]
    state = layouts.rosinality_generator(generator)
    torch.save({"g_ema": state}, tmp_path / "n.pt")
    whole = import_networks(tmp_path / "n.pt").generator[1].w_avg
    monkeypatch.setattr(stylegan2, "_AT_ONCE", 16 * 1000)
    parts = import_networks(tmp_path / "n.pt").generator[1].w_avg
    torch.testing.assert_close(parts, whole)


def test_names_of_classes_are_checked_before_the_file_is_read(tmp_path):
    with pytest.raises(UserError, match="same name"):
        import_networks(tmp_path / "missing.pkl", ["a", "a"])
