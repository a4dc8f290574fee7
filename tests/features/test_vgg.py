import pytest
import torch

from sakuga.features.vgg import AlexNet, Vgg16


@pytest.mark.parametrize(("build", "strides"), [(Vgg16, (1, 2, 4, 8, 16)), (AlexNet, None)])
def test_feature_maps_have_their_channels_and_reach_the_smallest_size(build, strides):
    network = build()
    for size in (network.min_size, 64):
        maps = network.feature_maps(torch.zeros(2, 3, size, size))
        assert tuple(x.shape[1] for x in maps) == network.map_channels
        assert min(maps[-1].shape[2:]) >= 1
        if strides:
            assert tuple(x.shape[2] for x in maps) == tuple(size // stride for stride in strides)
    with pytest.raises(RuntimeError):
        network.feature_maps(torch.zeros(1, 3, network.min_size - 1, network.min_size - 1))


def test_pooled_features_are_means_of_the_maps():
    network = AlexNet()
    images = torch.rand(2, 3, 40, 40)
    pooled = network(images)
    assert pooled.shape == (2, network.num_features)
    torch.testing.assert_close(pooled[:, :64], network.feature_maps(images)[0].mean((2, 3)))


def test_number_of_parameters_is_the_published_one():
    # All of VGG16 has 138,357,544, its three fully connected layers 123,642,856; of AlexNet 61,100,840 and 58,631,144.
    assert sum(p.numel() for p in Vgg16().parameters()) == 138_357_544 - 123_642_856
    assert sum(p.numel() for p in AlexNet().parameters()) == 61_100_840 - 58_631_144
