import pytest
import torch

from sakuga.features.efficientnet import EfficientNetLite0, load_efficientnet
from sakuga.features.find import find_weights


@pytest.fixture(scope="module")
def untrained():
    torch.manual_seed(0)
    return EfficientNetLite0()


@pytest.mark.parametrize(("height", "width"), [(224, 224), (64, 96), (65, 97), (33, 32)])
def test_feature_maps_have_their_channels_and_strides(untrained, height, width):
    maps = untrained.feature_maps(torch.zeros(2, 3, height, width))
    for features, channels, stride in zip(maps, untrained.map_channels, untrained.map_strides, strict=True):
        assert features.shape == (2, channels, -(-height // stride), -(-width // stride))


def test_frozen_but_transparent_to_gradients(untrained):
    images = torch.zeros(1, 3, 64, 64, requires_grad=True)
    untrained(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in untrained.parameters())
    holder = torch.nn.Sequential(untrained)
    holder.train()
    assert not any(module.training for module in untrained.modules())


def reference_features(state, x):
    """The published network layer by layer, batch norms unfolded, from the names of its state alone."""
    F = torch.nn.functional

    def layer(x, conv, norm, stride=1, active=True):
        weight = state[f"{conv}.weight"]
        kernel, groups = weight.shape[2], x.shape[1] // weight.shape[1]
        # TensorFlow's SAME padding of an even size: one more row at the bottom for stride 2.
        total = kernel - stride
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        x = F.conv2d(x, weight, stride=stride, groups=groups)
        mean, var = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        x = F.batch_norm(x, mean, var, state[f"{norm}.weight"], state[f"{norm}.bias"], eps=1e-3)
        return F.relu6(x) if active else x

    x = layer(x, "_conv_stem", "_bn0", 2)
    for i in range(16):
        name, shortcut = f"_blocks.{i}", x
        if f"{name}._expand_conv.weight" in state:
            x = layer(x, f"{name}._expand_conv", f"{name}._bn0")
        x = layer(x, f"{name}._depthwise_conv", f"{name}._bn1", 2 if i in (1, 3, 5, 11) else 1)
        x = layer(x, f"{name}._project_conv", f"{name}._bn2", active=False)
        if i in (2, 4, 6, 7, 9, 10, 12, 13, 14):
            x = x + shortcut
    return layer(x, "_conv_head", "_bn1").mean((2, 3))


def test_published_weights_give_the_published_network(need_weights):
    need_weights("efficientnet")
    pixels = torch.randint(0, 256, (2, 3, 224, 224), generator=torch.Generator().manual_seed(0)).float()
    state = torch.load(find_weights("efficientnet"), weights_only=True)
    with torch.no_grad():
        ours = load_efficientnet()(pixels / 127.5 - 1)
        reference = reference_features(state, (pixels - 127) / 128)
    assert ours.shape == (2, 1280)
    torch.testing.assert_close(ours, reference, rtol=1e-4, atol=1e-4)
