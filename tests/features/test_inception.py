import pytest
import torch

from sakuga.features.find import find_weights
from sakuga.features.inception import AveragePool, Inception, load_inception


def test_average_pool_leaves_the_padding_out():
    pooled = AveragePool()(torch.ones(1, 1, 3, 3))
    assert torch.equal(pooled, torch.ones(1, 1, 3, 3))


def test_network_has_the_features_of_the_graph():
    with torch.device("meta"):
        network = Inception()
        features = network(torch.empty(2, 3, 299, 299))
    assert features.shape == (2, network.num_features)
    assert sum(parameter.numel() for parameter in network.parameters()) == 21_768_352


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated")
def test_published_weights_agree_with_the_published_program(need_weights):
    need_weights("inception")
    pixels = torch.randint(0, 256, (4, 3, 299, 299), generator=torch.Generator().manual_seed(0)).float()
    pixels[0] = torch.linspace(0, 255, 299)  # a smooth picture: other activations than noise
    program = torch.jit.load(find_weights("inception"), map_location="cpu")
    with torch.no_grad():
        reference = program(pixels / 128 - 1)
        ours = load_inception()(pixels / 127.5 - 1)
    torch.testing.assert_close(ours, reference, rtol=1e-4, atol=1e-4)
