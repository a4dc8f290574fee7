"""Images per second of training the 64x64 DCGAN, batch 64, one update of D and of G a round.

Three loops over the same networks and the same drawn pictures, in turns, several times:

- plain: the loop of the common tutorials in float32: fakes made once for D and once more for G, D in two BCE batches,
  gradients of everything;
- sakuga: `sakuga train`'s own loop with its data, EMA, log and health checks, in the precision it chooses;
- bare: the forward, backward and update of that loop with one constant batch and nothing else.

Usage: python benchmarks/train_throughput.py [--rounds 24] [--repeats 5] [--threads N]
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from sakuga.configs.labels import LabelSchema
from sakuga.configs.patch import patch
from sakuga.configs.training import TrainConfig
from sakuga.core.device import autocast, deterministic, pick_device
from sakuga.core.images import to_tensor
from sakuga.data.dataset import Dataset, open_dataset
from sakuga.models.registry import build_discriminator, build_generator
from sakuga.recipes import recipe
from sakuga.training.metrics_log import read_metrics
from sakuga.training.resolve import resolve
from sakuga.training.run import Run

BATCH = 64


def plain(config: TrainConfig, images: torch.Tensor, rounds: int) -> float:
    generator, discriminator = networks(config)
    optimizers = [torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (discriminator, generator)]
    ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

    def one_round() -> None:
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

    return timed(one_round, rounds)


def bare(config: TrainConfig, images: torch.Tensor, rounds: int) -> float:
    generator, discriminator = networks(config)
    dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32
    if config.channels_last:
        for network in (generator, discriminator):
            network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        images = images.contiguous(memory_format=torch.channels_last)
    parameters = [list(discriminator.parameters()), list(generator.parameters())]
    optimizers = [torch.optim.Adam(p, 2e-4, (0.5, 0.999), fused=True) for p in parameters]

    def logits(pictures: torch.Tensor) -> torch.Tensor:
        with autocast(images.device, dtype):
            return discriminator(pictures).logits.float()

    def one_round() -> None:
        with autocast(images.device, dtype):
            fake = generator(torch.randn(BATCH, generator.z_dim)).float()
        if config.channels_last:
            fake = fake.contiguous(memory_format=torch.channels_last)
        F.softplus(-logits(images)).mean().backward(inputs=parameters[0])
        F.softplus(logits(fake.detach())).mean().backward(inputs=parameters[0])
        optimizers[0].step()
        optimizers[0].zero_grad()
        F.softplus(-logits(fake)).mean().backward(inputs=parameters[1])
        optimizers[1].step()
        optimizers[1].zero_grad()

    return timed(one_round, rounds)


def sakuga(config: TrainConfig, dataset: Dataset, rounds: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        config = patch(config, {"duration": f"{rounds + 4} steps"})
        Run(config, dataset, Path(folder), torch.device("cpu"), {}).train()
        lines = list(read_metrics(Path(folder)))
    # The first line is of the rounds that warm up.
    seconds = lines[-1]["seconds"] - lines[0]["seconds"]
    waited = sum(line["data_wait"] for line in lines[1:]) / len(lines[1:])
    return (lines[-1]["images"] - lines[0]["images"]) / seconds, waited


def networks(config: TrainConfig):
    return build_generator(config.generator, LabelSchema()), build_discriminator(config.discriminator, LabelSchema())


def timed(one_round, rounds: int) -> float:
    for _ in range(4):
        one_round()
    started = time.perf_counter()
    for _ in range(rounds):
        one_round()
    return BATCH * rounds / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=5)
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
    changes |= {"outputs.checkpoints": "never", "duration": "1 steps"}
    config = resolve(patch(recipe("dcgan64"), changes), 64, pick_device("cpu"))
    images = to_tensor(dataset.images[:BATCH])
    results: list[tuple[float, float, float, float]] = []
    for _ in range(options.repeats):
        with deterministic():
            ours, waited = sakuga(config, dataset, options.rounds)
            least = bare(config, images, options.rounds)
        results.append((plain(config, images, options.rounds), ours, least, waited))
    names = ("plain, float32", f"sakuga, {config.precision}", f"bare, {config.precision}")
    print(f"DCGAN 64x64, batch {BATCH}, {options.threads} threads, median of {options.repeats}\n")
    for i, name in enumerate(names):
        print(f"{name:20s} {statistics.median(r[i] for r in results):8.1f} images/s")
    figures = {
        "ratio": statistics.median(r[1] / r[0] for r in results),
        "overhead": statistics.median(r[2] / r[1] - 1 for r in results),
        "data_wait": statistics.median(r[3] for r in results),
        "images_per_second": statistics.median(r[1] for r in results),
    }
    print(
        f"\nsakuga against plain {figures['ratio']:.2f} times; over its bare step {figures['overhead']:.1%}; ", end=""
    )
    print(f"waiting for data {figures['data_wait']:.2%}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
