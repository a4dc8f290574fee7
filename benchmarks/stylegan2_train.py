"""Images a second of training a StyleGAN2 of 64x64 against the form that public repositories run without a CUDA build.

Both train the networks of the recipe `stylegan2-64-cpu` on the same drawn pictures with all phases: D, G, R1 every 16
rounds, path lengths every 4, style mixing, a moving average. One cycle is 16 rounds. The public form is that of
`stylegan2_generate.py` for G; D filters with a depthwise convolution of the padded map before each convolution by 2;
fakes are made for D and once more for G; all in float32. Losses of both forms are compared before anything is timed.

Seconds are those of the process on one thread and not of the clock, so that other programs disturb them little.

    python benchmarks/stylegan2_train.py [--cycles 3] [--batch 16] [--channels 1024]
"""

import argparse
import copy
import json
import math
import statistics
import time
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from sakuga.configs.patch import patch
from sakuga.core.device import deterministic
from sakuga.core.images import to_tensor
from sakuga.data.dataset import open_dataset
from sakuga.losses.path_length import path_lengths
from sakuga.models.stylegan2 import Stylegan2Discriminator, Stylegan2Generator
from sakuga.models.stylegan2_layers import Convolution, StyledConvolution
from sakuga.recipes import recipe
from sakuga.training.loop import Loop
from sakuga.training.resolve import resolve
from stylegan2_generate import layers_of, public_convolution, public_filter, public_rgb

ROUNDS = 16
PATHS = 4


def public_generator(network: Stylegan2Generator, ws: Tensor, random: bool = True) -> Tensor:
    x = network.synthesis_network.b4.const.expand(len(ws), -1, -1, -1)
    image, number = None, 0
    for layer in layers_of(network).values():
        if isinstance(layer, StyledConvolution):
            x = public_convolution(x, layer.weight, layer.affine(ws[:, number]), layer.up, True)
            noise = torch.randn(len(x), 1, *x.shape[2:]) if random else layer.noise_const
            x = F.leaky_relu(x + noise * layer.noise_strength + layer.bias[:, None, None], 0.2) * math.sqrt(2)
            number += 1
            continue
        drawn = public_rgb(layer, x, ws[:, number])
        image = drawn if image is None else public_filter(image, 2, 1, up=2) + drawn
    assert image is not None
    return image


def public_layer(layer: Convolution, x: Tensor) -> Tensor:
    weight = layer.weight / math.sqrt(layer.weight[0].numel())
    size = weight.shape[2]
    if layer.resample == "down":
        pad = 2 if size == 3 else 1
        x = F.conv2d(public_filter(x, pad, pad), weight / 4, stride=2)  # the filter has a gain of 4
    else:
        x = F.conv2d(x, weight, padding=size // 2)
    return x if layer.bias is None else F.leaky_relu(x + layer.bias[:, None, None], 0.2) * math.sqrt(2)


def public_discriminator(network: Stylegan2Discriminator, images: Tensor) -> Tensor:
    x = None
    for name in network.names:
        block = network.get_submodule(name)
        if hasattr(block, "fromrgb"):
            x = public_layer(block.fromrgb, images)
        assert x is not None
        beside = public_layer(block.skip, x)
        x = (beside + public_layer(block.conv1, public_layer(block.conv0, x))) * math.sqrt(0.5)
    assert x is not None
    return network.b4(x, images)[0]


def public(loop: Loop, images: Tensor) -> Iterator[None]:
    """Yields after each round of the public form, beginning with the weights of the loop."""
    generator, discriminator = (copy.deepcopy(n).float() for n in (loop.step.generator, loop.step.discriminator))
    average = copy.deepcopy(generator)
    for network in (generator, discriminator):
        network.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    d_adam, g_adam = (torch.optim.Adam(n.parameters(), 2.5e-3, (0.0, 0.99)) for n in (discriminator, generator))
    batch, gamma, mean = len(images), loop.config.penalty.weight, torch.zeros(())  # pyright: ignore[reportAttributeAccessIssue]

    def fakes(count: int = batch) -> tuple[Tensor, Tensor]:
        ws = generator.mapping(torch.randn(count, generator.z_dim))
        others = generator.mapping(torch.randn(count, generator.z_dim))
        first = int(torch.randint(1, ws.shape[1], ()))
        ws = torch.cat([ws[:, :first], others[:, first:]], 1)
        return public_generator(generator, ws), ws

    number = 0
    while True:
        with torch.no_grad():
            fake, _ = fakes()
        loss = F.softplus(public_discriminator(discriminator, fake)).mean()
        (loss + F.softplus(-public_discriminator(discriminator, images)).mean()).backward()
        d_adam.step()
        d_adam.zero_grad()
        if number % ROUNDS == 0:
            real = images.clone().requires_grad_(True)
            (slope,) = torch.autograd.grad(public_discriminator(discriminator, real).sum(), real, create_graph=True)
            (ROUNDS * gamma / 2 * slope.square().sum((1, 2, 3)).mean()).backward()
            d_adam.step()
            d_adam.zero_grad()
        discriminator.requires_grad_(False)
        F.softplus(-public_discriminator(discriminator, fakes()[0])).mean().backward()
        discriminator.requires_grad_(True)
        g_adam.step()
        g_adam.zero_grad()
        if number % PATHS == 0:
            lengths = path_lengths(*fakes(batch // 2))
            mean = mean.lerp(lengths.detach().mean(), 0.01)
            (PATHS * 2.0 * (lengths - mean).square().mean()).backward()
            g_adam.step()
            g_adam.zero_grad()
        with torch.no_grad():
            for ours, theirs in zip(average.parameters(), generator.parameters(), strict=True):
                ours.copy_(theirs.lerp(ours, 0.999))
        number += 1
        yield


def ours(loop: Loop) -> Iterator[None]:
    while True:
        loop.run_round()
        yield


def check_that_both_are_the_same(loop: Loop, images: Tensor) -> None:
    generator, discriminator = copy.deepcopy(loop.step.generator), copy.deepcopy(loop.step.discriminator)
    assert isinstance(generator, Stylegan2Generator) and isinstance(discriminator, Stylegan2Discriminator)
    with torch.no_grad():
        ws = generator.mapping(torch.randn(len(images), generator.z_dim))
        pictures = generator.synthesis(ws, "const"), public_generator(generator, ws, random=False)
        verdicts = discriminator(images).logits, public_discriminator(discriminator, images)
    torch.testing.assert_close(*pictures, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(*verdicts, rtol=1e-3, atol=1e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--channels", type=int, default=1024)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = open_dataset("synthetic:256", 64)
    changes = {"batch_size": options.batch, "path_length.every": PATHS, "penalty.every": ROUNDS, "threads": 1}
    changes |= {f"{side}.channels": options.channels for side in ("generator", "discriminator")}
    config = resolve(patch(recipe("stylegan2-64-cpu"), changes), 64, torch.device("cpu"))
    images = to_tensor(dataset.images[: options.batch])
    with deterministic():
        loop = Loop(config, dataset, torch.device("cpu"))
        check_that_both_are_the_same(loop, images)
        contestants = {"public, float32": public(loop, images), f"sakuga, {config.precision}": ours(loop)}
        cycles: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(options.cycles):
            seconds = dict.fromkeys(contestants, 0.0)
            for _ in range(ROUNDS):
                for name, contestant in contestants.items():
                    started = time.process_time()
                    next(contestant)
                    seconds[name] += time.process_time() - started
            for name, value in seconds.items():
                cycles[name].append(value)
    print(f"StyleGAN2 64x64, batch {options.batch}, one thread, cycles of {ROUNDS} rounds\n")
    rates = {name: ROUNDS * options.batch / statistics.median(each) for name, each in cycles.items()}
    for name, rate in rates.items():
        print(f"{name:20s} {rate:7.1f} images/s")
    theirs, mine = rates.values()
    figures = {"public_images_per_second": theirs, "images_per_second": mine, "ratio": mine / theirs}
    print("\n" + json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
