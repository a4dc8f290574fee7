"""Each recipe at full size: images/s of `sakuga train`'s loop, its overhead, its memory, its time waiting for data.

Two loops over the same networks, taken in turns round by round, on drawn pictures:

- sakuga: `Loop.run_round` with its data, EMA and checks, and a line of the log as often as the recipe writes one;
- bare: the forward, backward and update of the same phases with one constant batch and nothing else.

Rounds in which other phases are due are timed apart, and their medians weighed by how often they come. Each recipe has
a process of its own, whose memory is read before the second loop is made. The last line holds the worst overhead.

    python benchmarks/recipes.py [quick64 dragan64 ...] [--seconds 30] [--threads 1]
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import torch

from sakuga.configs.modelfile import read_header
from sakuga.configs.patch import patch
from sakuga.configs.training import TrainConfig
from sakuga.core.device import deterministic, pick_device
from sakuga.core.memory import keep_freed_memory
from sakuga.data.dataset import open_dataset
from sakuga.recipes import RECIPES, recipe
from sakuga.training.health import Health
from sakuga.training.loop import Loop
from sakuga.training.metrics_log import MetricsLog
from sakuga.training.outputs import sheet_of_real
from sakuga.training.phases import Phase, Round
from sakuga.training.resolve import resolve
from sakuga.zoo import find_model
from train_throughput import measure

FIRST_STAGE = "faces64"  # what a recipe of two stages begins with
FOR_A_GPU = ("stylegan2-128", "stylegan2-256")  # minutes a round on a CPU
MOST_PASSES = 160


def complete(name: str) -> TrainConfig:
    config = recipe(name)
    if config.generator.kind == "stacked":
        role = read_header(find_model(FIRST_STAGE)).roles.generator
        assert role is not None
        base = role.architecture.model_dump(mode="json")
        config = patch(config, {"init.base": FIRST_STAGE, "generator.base": base})
    size = config.data.resolution
    return resolve(config, 64 if size == "auto" else size, pick_device("cpu"))


def kinds_of_rounds(phases: Sequence[Phase]) -> dict[tuple[str, ...], tuple[int, float]]:
    """Returns, for each set of phases that are due together, a round in which they are and their part of all rounds."""
    cycle = math.lcm(*(phase.every for phase in phases))
    due = [tuple(p.name for p in phases if p.due(n)) for n in range(cycle, 2 * cycle)]
    return {kind: (cycle + due.index(kind), count / cycle) for kind, count in Counter(due).items()}


def real(loop: Loop, numbers: Sequence[int]) -> Generator[None, None, None]:
    while True:
        for number in numbers:
            loop.images = number * loop.config.batch_size
            loop.run_round()
            yield


def logged(loop: Loop, run_dir: Path) -> Generator[None, None, None]:
    log, health = MetricsLog(run_dir, 0), Health(sheet_of_real(loop), loop.config)
    try:
        while True:
            values = loop.meters.read()
            health.see_metrics(values)
            log.write(loop.images, values)
            yield
    finally:
        log.close()


def bare(loop: Loop, numbers: Sequence[int]) -> Generator[None, None, None]:
    size = loop.config.batch_size
    batch = loop.dataset.batch(np.arange(size), 0, flip=False, rotate=0.0)
    while True:
        for number in numbers:
            due = [p for p in loop.step.phases if p.due(number)]
            round = Round(number * size, batch, due)
            for phase in due:
                optimizer = loop.optimizers[phase.optimizer]
                for _, value in loop.step.losses(phase, round):
                    value.backward(inputs=optimizer.parameters)
                optimizer.adam.step()
                optimizer.adam.zero_grad(set_to_none=True)
                loop.step.after(phase)
                round.stepped(phase)
            yield


def figures_of(name: str, seconds: float) -> dict[str, float]:
    config = complete(name)
    dataset, place = open_dataset("synthetic:512", int(config.data.resolution)), torch.device("cpu")
    with tempfile.TemporaryDirectory() as folder, deterministic():
        loop = Loop(config, dataset, place)
        kinds = kinds_of_rounds(loop.step.phases)
        numbers = [number for number, _ in kinds.values()]
        rounds, started = real(loop, numbers), time.perf_counter()
        for _ in numbers:
            next(rounds)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        contestants: dict[str, Generator[None, None, None]] = {
            "sakuga": rounds,
            "bare": bare(Loop(config, dataset, place), numbers),
        }
        contestants["log"] = logged(loop, Path(folder))
        for _ in numbers:
            next(contestants["bare"])
        spent = time.perf_counter() - started
        passes = max(1, min(MOST_PASSES, int((seconds - spent) / spent)))
        loop.data_seconds = 0.0
        taken = measure(contestants, passes * len(numbers), warm_up=0)
        contestants["log"].close()

    def of_round(who: str) -> float:
        each = enumerate(kinds.values())
        return sum(part * statistics.median(taken[who][i :: len(numbers)]) for i, (_, part) in each)

    lines = config.outputs.log.every
    between = lines.images(len(dataset), config.batch_size) / config.batch_size if lines else math.inf
    ours, theirs = of_round("sakuga") + statistics.median(taken["log"]) / between, of_round("bare")
    return {
        "images_per_second": config.batch_size / ours,
        "bare_images_per_second": config.batch_size / theirs,
        "overhead": ours / theirs - 1,
        "data_wait": loop.data_seconds / len(taken["sakuga"]) / ours,
        "memory_bytes": memory,
        "passes": passes,
    }


def in_own_process(name: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, name, "--alone", "--seconds", str(options.seconds)]
    command += ["--threads", str(options.threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="all but those for a GPU if none is named")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each recipe; slow ones take a pass at least")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--alone", action="store_true", help="measure one recipe in this process, print its figures")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()  # as the command does
    names = options.recipes or [name for name in RECIPES if name not in FOR_A_GPU]
    for name in names:
        recipe(name)  # tells what is misspelled before anything is timed
    if options.alone:
        print(json.dumps(figures_of(names[0], options.seconds)))
        return
    print(f"{options.threads} threads, drawn pictures; rounds of both loops in turns, medians\n")
    print(f"{'recipe':18s} {'images/s':>9s} {'bare':>9s} {'overhead':>9s} {'data':>7s} {'memory':>9s} {'passes':>7s}")
    found = {}
    for name in names:
        f = found[name] = in_own_process(name, options)
        print(
            f"{name:18s} {f['images_per_second']:9.1f} {f['bare_images_per_second']:9.1f} {f['overhead']:9.1%} "
            f"{f['data_wait']:7.2%} {f['memory_bytes'] / 2**30:5.2f} GiB {f['passes']:7.0f}",
            flush=True,
        )
    worst = max(found, key=lambda name: found[name]["overhead"])
    short = {name: {k: round(v, 4) for k, v in f.items()} for name, f in found.items()}
    print(json.dumps({"worst_overhead": round(found[worst]["overhead"], 4), "worst": worst, "recipes": short}))


if __name__ == "__main__":
    main()
