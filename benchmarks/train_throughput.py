"""Images per second of training the 64x64 DCGAN, batch 64, one update of D and of G a round.

Three loops over the same networks and the same drawn pictures, taken in turns round by round:

- plain: the loop of the common tutorials in float32: fakes made once for D and once more for G, D in two BCE batches,
  gradients of everything;
- sakuga: `sakuga train`'s own loop with its data, EMA, log and health checks, in the precision it chooses;
- bare: the forward, backward and update of that loop with one constant batch and nothing else.

Usage: python benchmarks/train_throughput.py [--rounds 60] [--threads N]
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from sakuga.configs.labels import LabelSchema
from sakuga.configs.patch import patch
from sakuga.configs.training import TrainConfig
from sakuga.core.device import autocast, deterministic, pick_device
from sakuga.core.images import to_tensor
from sakuga.data.dataset import open_dataset
from sakuga.models.registry import build_discriminator, build_generator
from sakuga.recipes import recipe
from sakuga.training.metrics_log import read_metrics
from sakuga.training.resolve import resolve
from sakuga.training.run import Run

BATCH = 64
WARM_UP = 4  # rounds


def plain(config: TrainConfig, images: torch.Tensor) -> Iterator[None]:
    generator, discriminator = networks(config)
    optimizers = [torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (discriminator, generator)]
    ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    while True:
        optimizers[0].zero_grad()
        real = torch.sigmoid(discriminator(images).logits)
        F.binary_cross_entropy(real, ones).backward()
        fake = generator(torch.randn(BATCH, generator.z_dim)).detach()
        F.binary_cross_entropy(torch.sigmoid(discriminator(fake).logits), zeros).backward()
        optimizers[0].step()
        optimizers[1].zero_grad()
        fake = generator(torch.randn(BATCH, generator.z_dim))
        F.binary_cross_entropy(torch.sigmoid(discriminator(fake).logits), ones).backward()
        optimizers[1].step()
        yield


def bare(config: TrainConfig, images: torch.Tensor) -> Iterator[None]:
    generator, discriminator = networks(config)
    dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    for network in (generator, discriminator):
        network.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    images = images.contiguous(memory_format=layout)
    parameters = [list(discriminator.parameters()), list(generator.parameters())]
    optimizers = [torch.optim.Adam(p, 2e-4, (0.5, 0.999), fused=True) for p in parameters]

    def logits(pictures: torch.Tensor) -> torch.Tensor:
        with autocast(images.device, dtype):
            return discriminator(pictures).logits.float()

    while True:
        with autocast(images.device, dtype):
            fake = generator(torch.randn(BATCH, generator.z_dim)).float()
        fake = fake.contiguous(memory_format=layout)
        F.softplus(-logits(images)).mean().backward(inputs=parameters[0])
        F.softplus(logits(fake.detach())).mean().backward(inputs=parameters[0])
        optimizers[0].step()
        optimizers[0].zero_grad()
        F.softplus(-logits(fake)).mean().backward(inputs=parameters[1])
        optimizers[1].step()
        optimizers[1].zero_grad()
        yield


def networks(config: TrainConfig):
    return build_generator(config.generator, LabelSchema()), build_discriminator(config.discriminator, LabelSchema())


def measure(contestants: Mapping[str, Iterator[Any]], rounds: int, warm_up: int = WARM_UP) -> dict[str, list[float]]:
    """Returns the seconds of each contestant's rounds, taken in turns: what disturbs one disturbs all."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for i in range(rounds + warm_up):
        for name, contestant in contestants.items():
            started = time.perf_counter()
            next(contestant)
            if i >= warm_up:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dataset = open_dataset("synthetic:512", 64)
    changes = {
        "data.rotate": 0,
        "outputs.log": "every 4 steps",
        "outputs.sheets": "never",
        "outputs.snapshots": "never",
    }
    changes |= {"outputs.checkpoints": "never", "duration": "99 steps", "outputs.sheet_size": 1}
    config = resolve(patch(recipe("dcgan64"), changes), 64, pick_device("cpu"))
    images = to_tensor(dataset.images[:BATCH])
    with tempfile.TemporaryDirectory() as folder, deterministic():
        rounds = Run(config, dataset, Path(folder), torch.device("cpu"), {}).rounds()
        contestants = {"sakuga": rounds, "bare": bare(config, images), "plain": plain(config, images)}
        seconds = measure(contestants, min(options.rounds, 99 - WARM_UP - 1))
        lines = list(read_metrics(Path(folder)))
    # A line's interval holds the other contestants' rounds, too: back to seconds.
    pairs = itertools.pairwise(lines)
    waited = sum(line["data_wait"] * (line["seconds"] - before["seconds"]) for before, line in pairs)
    report(seconds, waited, config, options.threads)


def report(seconds: dict[str, list[float]], waited: float, config: TrainConfig, threads: int) -> None:
    rate = {name: BATCH / statistics.median(times) for name, times in seconds.items()}
    print(f"DCGAN 64x64, batch {BATCH}, {threads} threads, median of {len(seconds['sakuga'])} rounds taken in turns\n")
    for name in ("plain", "sakuga", "bare"):
        precision = "float32" if name == "plain" else config.precision
        print(f"{name:8s} {precision:9s} {rate[name]:8.1f} images/s")
    figures = {
        "ratio": rate["sakuga"] / rate["plain"],
        "overhead": rate["bare"] / rate["sakuga"] - 1,
        "data_wait": waited / sum(seconds["sakuga"]),
        "images_per_second": rate["sakuga"],
    }
    print(
        f"\nsakuga against plain {figures['ratio']:.2f} times; over its bare step {figures['overhead']:.1%}; ", end=""
    )
    print(f"waiting for data {figures['data_wait']:.2%}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
