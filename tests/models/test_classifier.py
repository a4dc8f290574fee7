import pytest
import torch

from sakuga.configs.classifier import ClassifierConfig
from sakuga.models.classifier import Classifier


@pytest.fixture
def network() -> Classifier:
    torch.manual_seed(0)
    return Classifier(ClassifierConfig(resolution=32, channels=4), (3, 5))


def test_pictures_of_any_size_get_logits_for_each_attribute(network):
    network.eval()
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    logits = network(images)
    assert [values.shape for values in logits] == [(4, 3), (4, 5)]
    large = network(images.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert all(torch.allclose(a, b, atol=0.1) for a, b in zip(logits, large, strict=True))
    assert all(values.dtype == torch.float32 for values in network(images[:, :, :20, :20]))


def test_the_usual_judge_is_small():
    network = Classifier(ClassifierConfig(), (12, 11))
    assert 300_000 < sum(p.numel() for p in network.parameters()) < 1_000_000


def test_gradients_reach_every_parameter_after_the_first_step(network):
    # Zero at first: the last gain of each block, and where to look.
    for name, parameter in network.named_parameters():
        if parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, 0, 0.1)
        assert parameter.requires_grad, name
    sum((values * torch.randn_like(values)).sum() for values in network(torch.randn(4, 3, 32, 32))).backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    # A constant added to the weights of all places before the softmax changes nothing.
    assert [name for name in without if not name.endswith("places.bias")] == []
