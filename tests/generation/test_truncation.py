import numpy as np
import pytest
import torch

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import GeneratorRole, Header, Roles
from sakuga.configs.models import Stylegan2GeneratorConfig
from sakuga.configs.sampling import USUAL, Sampling
from sakuga.core.errors import UserError
from sakuga.generation.model import load
from sakuga.generation.noise_maps import noise_of
from sakuga.generation.sample import best_of, draw
from sakuga.generation.truncation import truncated
from sakuga.models.file import save_model
from sakuga.models.registry import build


def images_of(model, seeds, labels, sampling):
    """Draws seeds and labels at once."""
    ws = model.ws_of_seeds(seeds, labels, sampling)
    return model.sample_ws(ws.__getitem__, len(seeds), len(seeds), noise_of(model, sampling.noise, seeds))


def _labels(*rows):
    return np.array(rows, np.int64)


def test_truncation_is_the_formula_up_to_the_cutoff():
    ws, mean = torch.randn(3, 5, 4, dtype=torch.float64), torch.randn(1, 4, dtype=torch.float64)
    for psi in (-1.0, 0.0, 0.3, 0.7, 1.0, 1.3):
        expected = mean[:, None] + psi * (ws - mean[:, None])
        assert torch.allclose(truncated(ws, mean, psi), expected, atol=1e-12)
        part = truncated(ws, mean, psi, 2)
        assert torch.allclose(part[:, :2], expected[:, :2], atol=1e-12)
        assert torch.equal(part[:, 2:], ws[:, 2:])


def test_without_truncation_nothing_changes(model, conditional, styled):
    """The value that replaced a loose sigma gives the same bits as the plain way from z to pictures."""
    for any_model in (model, conditional, styled):
        labels = any_model.labels_of(range(5))
        plain = any_model.sample_images(any_model.z_of_seeds(range(5)), labels)
        for sampling in (USUAL, Sampling(psi=1)):
            assert np.array_equal(images_of(any_model, range(5), labels, sampling), plain)
        narrow = any_model.sample_images(any_model.z_of_seeds(range(5), 0.4), labels)
        assert np.array_equal(images_of(any_model, range(5), labels, Sampling(sigma=0.4)), narrow)
        assert [p.tobytes() for p in any_model.generate(range(5))] == [p.tobytes() for p in plain]


def test_the_mean_of_a_network_that_keeps_one_is_its_own(styled, styled_conditional):
    for model in (styled, styled_conditional):
        assert torch.allclose(model.mean_w(), torch.linspace(-1, 1, 8)[None])
    assert styled.mean_w(np.zeros((3, 0), np.int64)).shape == (3, 8)


def test_the_mean_of_others_is_that_of_many_z(model):
    assert model.mean_w().shape == (1, 8)
    assert torch.allclose(model.mean_w(), torch.full((1, 8), 0.5), atol=5 * 0.8 / 64)
    assert torch.equal(model.mean_w(), model.mean_w())


def test_each_class_has_its_own_mean(styled_conditional):
    labels = _labels((0, 1), (2, 1), (0, 1))
    means = styled_conditional.mean_w(labels)
    assert means.shape == (3, 8)
    assert torch.equal(means[0], means[2]) and not torch.allclose(means[0], means[1], atol=1e-2)
    z = np.random.RandomState(0).randn(20_000, 8).astype(np.float32)
    for row, mean in zip(labels, means, strict=True):
        many = styled_conditional.ws_of(z, np.tile(row, (len(z), 1)))[:, 0].mean(0)
        assert torch.allclose(mean, many, atol=0.06 * many.abs().max())


def test_psi_zero_is_the_mean_face_of_the_class(styled, styled_conditional, conditional):
    for model in (styled, styled_conditional, conditional):
        attributes = {"hair": "red", "eyes": "green"} if model.schema.attributes else {}
        faces = {face.tobytes() for face in model.generate(range(4), psi=0, **attributes)}
        assert len(faces) == 1
    by_hair = [
        styled_conditional.generate([1], psi=0, hair=hair, eyes="green")[0].tobytes() for hair in ("red", "aqua")
    ]
    assert by_hair[0] != by_hair[1]


def test_smaller_psi_is_nearer_the_mean(styled):
    mean = styled.sample_ws(lambda _: styled.mean_w()[:, None].expand(-1, 8, -1), 1).astype(int)
    away = [
        np.abs(images_of(styled, range(8), styled.labels_of(range(8)), Sampling(psi=psi)) - mean).mean()
        for psi in (0.1, 0.4, 0.8, 1.0)
    ]
    assert away == sorted(away) and away[0] < 0.5 * away[-1]


def test_labels_survive_truncation_where_w_holds_them(conditional):
    labels = _labels((2, 1))
    ws = conditional.ws_of(conditional.z_of_seeds([3]), labels, Sampling(psi=0.3))
    assert torch.allclose(ws[0, 0, 8:], torch.tensor([0.0, 0, 1, 0, 1]), atol=1e-6)


def test_the_cutoff_leaves_fine_layers(styled):
    z = styled.z_of_seeds([5])
    whole, part = styled.ws_of(z), styled.ws_of(z, sampling=Sampling(psi=0.5, cutoff=3))
    assert torch.equal(part[:, 3:], whole[:, 3:]) and not torch.equal(part[:, :3], whole[:, :3])


def test_resampled_z_stays_within_the_threshold(model):
    sampling = Sampling(psi=0.5, truncation="resample")
    z = model.z_of_seeds(range(50), threshold=sampling.threshold)
    assert np.abs(z - 0.5).max() <= 0.5 * 0.8 + 1e-6
    expected = model.sample_images(z)
    assert np.array_equal(images_of(model, range(50), model.labels_of(range(50)), sampling), expected)


def test_all_ways_of_drawing_take_it(styled, model):
    sampling = Sampling(psi=0.3)
    drawn = np.concatenate([part.images for part in draw(styled, range(5), sampling=sampling, batch_size=2)])
    expected = images_of(styled, range(5), styled.labels_of(range(5)), sampling)
    assert np.abs(drawn.astype(int) - expected).max() <= 1
    best = best_of(model, range(6), 6, sampling=sampling)
    again = images_of(model, best.seeds, best.labels, sampling)
    assert np.abs(best.images.astype(int) - again).max() <= 1


def test_what_a_model_has_no_layers_or_noise_for_is_refused(model, styled):
    with pytest.raises(UserError, match="styled has no layer 9 to cut off at: choose 1 to 8"):
        styled.generate([1], psi=0.7, cutoff=9)
    with pytest.raises(UserError, match="tiny has no layer 2 to cut off at"):
        model.best_of(range(4), 2, psi=0.7, cutoff=2)
    with pytest.raises(UserError, match="tiny has no noise"):
        model.interpolate([1, 2], noise="random")
    assert model.generate([1], psi=0.7, cutoff=1)[0].tobytes() == model.generate([1], psi=0.7)[0].tobytes()


@pytest.mark.parametrize("kind", ["uncond", "cond"])
def test_truncation_is_that_of_the_reference(real_data, kind):
    with np.load(real_data("stylegan2_parity.npz")) as data:
        ws, mean, expected = (
            torch.from_numpy(data[f"{kind}/{name}"]) for name in ("ws", "G/mapping.w_avg", "ws_psi05_cutoff4")
        )
    assert torch.allclose(truncated(ws, mean[None], 0.5, 4), expected, atol=1e-5)


def test_psi_can_go_to_the_one_mean_of_all_classes(styled_conditional):
    model, labels = styled_conditional, _labels((0, 1), (2, 1))
    z, mean = model.z_of_seeds([3, 4]), torch.linspace(-1, 1, 8)
    whole = model.ws_of(z, labels)
    found = model.ws_of(z, labels, Sampling(psi=0.5, psi_mean="all"))
    assert torch.allclose(found, mean + 0.5 * (whole - mean), atol=1e-6)
    assert not torch.allclose(found, model.ws_of(z, labels, Sampling(psi=0.5)), atol=1e-2)
    faces = [model.generate([1], psi=0, psi_mean="all", hair=hair)[0].tobytes() for hair in ("red", "aqua")]
    assert faces[0] == faces[1]


def test_labels_that_nobody_knows_have_the_mean_of_all(styled_conditional):
    means = styled_conditional.mean_w(_labels((0, 1), (-1, 1)))
    assert torch.allclose(means[1], torch.linspace(-1, 1, 8)) and not torch.allclose(means[0], means[1], atol=1e-2)


@pytest.mark.parametrize("kind", ["uncond", "cond"])
def test_a_network_of_the_reference_is_truncated_as_there(real_data, tmp_path, kind):
    """From z and labels through `ws_of`, as every picture goes, towards the one mean that the network kept."""
    with np.load(real_data("stylegan2_parity.npz")) as data:
        numbers = {n.removeprefix(f"{kind}/"): torch.from_numpy(data[n]) for n in data if n.startswith(f"{kind}/")}
    classes = Attribute(name="class", values=("0", "1", "2", "3"))
    schema = LabelSchema(attributes=(classes,) if kind == "cond" else ())
    config = Stylegan2GeneratorConfig(
        resolution=32, channels=512, max_channels=64, z_dim=64, w_dim=64, mapping_layers=3
    )
    network = build(config, schema)
    names = [n for n in numbers if n.startswith("G/") and not n.endswith("resample_filter")]
    network.load_state_dict({n.removeprefix("G/").replace(".", "_network.", 1): numbers[n] for n in names})
    header = Header(name=kind, roles=Roles(generator=GeneratorRole(architecture=config)), labels=schema)
    model = load(save_model(tmp_path / "m.safetensors", header, {"generator": network}, half=False), "cpu")
    labels = numbers["c"].argmax(1, keepdim=True).numpy() if kind == "cond" else np.zeros((4, 0), np.int64)
    found = model.ws_of(numbers["z"].numpy(), labels, Sampling(psi=0.5, cutoff=4, psi_mean="all"))
    error = (found - numbers["ws_psi05_cutoff4"]).abs()
    assert error.max() <= 1e-3 and error.mean() <= 1e-4
