import pytest
import torch

from sakuga.core.errors import UserError
from sakuga.core.layers import (
    MinibatchStd,
    fix_minibatch_std,
    initialize,
    initialize_glorot,
    known_one_hot,
    norm_layer,
    power_of_two_steps,
    raw_weight,
    weight_norm,
)


def test_norms_of_maps():
    x = torch.randn(6, 4, 5, 5) * 3 + 2
    batch, layer = norm_layer("batch", 4)(x), norm_layer("layer", 4)(x)
    torch.testing.assert_close(batch.mean((0, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer.mean((1, 2, 3)), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer.var((1, 2, 3), unbiased=False), torch.ones(6), atol=1e-3, rtol=0)
    for kind in ("none", "spectral"):
        assert norm_layer(kind, 4)(x) is x


def test_spectral_norm_is_of_weights():
    torch.manual_seed(0)
    layer = weight_norm("spectral", torch.nn.Linear(8, 8))
    for _ in range(50):
        layer(torch.randn(2, 8))
    assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1.0, abs=1e-3)
    plain = torch.nn.Linear(8, 8)
    assert weight_norm("batch", plain) is plain


def test_minibatch_std_appends_the_mean_deviation_of_each_group():
    x = torch.tensor([0.0, 0.0, 2.0, 10.0]).view(4, 1, 1, 1).expand(4, 2, 3, 3)
    out = MinibatchStd(group_size=2)(x)
    assert out.shape == (4, 3, 3, 3)
    assert torch.equal(out[:, :2], x)
    # Pictures 0 and 2 are a group (deviation 1), 1 and 3 (deviation 5).
    torch.testing.assert_close(out[:, 2, 0, 0], torch.tensor([1.0, 5.0, 1.0, 5.0]))


def test_minibatch_std_takes_any_batch_and_alike_pictures():
    assert MinibatchStd(8)(torch.randn(5, 2, 4, 4)).shape == (5, 3, 4, 4)
    x = torch.ones(8, 2, 4, 4, requires_grad=True)
    out = MinibatchStd(8)(x)
    out.sum().backward()
    assert out[:, 2].abs().max() < 1e-3
    assert x.grad.isfinite().all()


def test_a_fixed_minibatch_std_is_the_mean_over_usual_batches():
    network = torch.nn.Sequential(torch.nn.Flatten(2), torch.nn.Unflatten(2, (3, 3)), MinibatchStd(2))
    batches = [torch.tensor([0.0, far]).view(2, 1, 1, 1).expand(2, 2, 3, 3) for far in (2.0, 10.0)]
    fix_minibatch_std(network, lambda size: [network(batch) for batch in batches if len(batch) == size])
    for batch in (batches[0], torch.randn(1, 2, 3, 3), torch.randn(5, 2, 3, 3)):
        torch.testing.assert_close(network(batch)[:, 2], torch.full((len(batch), 3, 3), 3.0))
        assert torch.equal(network(batch)[:, :2], batch)


def test_doublings():
    assert [power_of_two_steps(4, size) for size in (4, 8, 32, 128)] == [0, 1, 3, 5]
    with pytest.raises(UserError, match=r"48 cannot be reached from 4 by doubling: choose 32 or 64"):
        power_of_two_steps(4, 48)


@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_the_trained_weight_is_found_and_drawn(norm):
    layer = weight_norm(norm, torch.nn.Linear(200, 100))
    assert raw_weight(layer) is next(p for p in layer.parameters() if p.ndim == 2)
    initialize(layer)
    assert raw_weight(layer).std().item() == pytest.approx(0.02, rel=0.05)
    assert not layer.bias.any()
    assert initialize_glorot(layer, 2.0) is layer
    assert raw_weight(layer).abs().max().item() == pytest.approx(2 * (6 / 300) ** 0.5, rel=1e-2)


def test_labels_become_one_hot_vectors_side_by_side():
    out = known_one_hot(torch.tensor([[1, 0], [0, 2]]), (2, 3))
    assert out.tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("labels", "message"), [(None, "needs labels"), (torch.tensor([[1, 0], [0, -1]]), "unknown labels")]
)
def test_labels_that_say_nothing_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        known_one_hot(labels, (2, 3))
