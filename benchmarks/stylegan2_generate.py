"""Pictures a second of StyleGAN2 against the form that public repositories run without a CUDA extension.

Both have the same full-width network with random weights, fixed noise and one thread, in turns. The public form has a
kernel for each sample in one grouped convolution (a transposed one where the side doubles), then the 4x4 filter as a
depthwise convolution, then noise, bias, leaky ReLU and gain one after the other; small pictures are enlarged by zero
insertion and the filter. It runs in float32, as it does there on a CPU. Pictures are compared before anything is timed.

Seconds are those of the thread and not of the clock, so that other programs disturb them little. "limit" is the larger
of arithmetic at the highest rate that a 3x3 convolution reached here, and of reading and writing all maps and weights
once at the rate of a copy.

    python benchmarks/stylegan2_generate.py [--resolution 256] [--rounds 7] [--batches 1 8]
"""

import argparse
import copy
import json
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F

from sakuga.configs.models import Stylegan2GeneratorConfig
from sakuga.core.device import autocast
from sakuga.models.stylegan2 import Stylegan2Generator
from sakuga.models.stylegan2_layers import StyledConvolution, ToRgb

Times = dict[str, float]
FORMS = ("public", "float32", "bfloat16")


class Watch:
    """Adds up the seconds of each layer."""

    def __init__(self):
        self.seconds: Times = defaultdict(float)

    @contextmanager
    def layer(self, name: str) -> Iterator[None]:
        """Watches what happens inside."""
        started = time.thread_time()
        yield
        self.seconds[name] += time.thread_time() - started

    def hook(self, network: Stylegan2Generator) -> None:
        """Watches the layers of our form."""
        for name, module in layers_of(network).items():
            started: list[float] = []
            module.register_forward_pre_hook(lambda *_, s=started: s.append(time.thread_time()))
            module.register_forward_hook(lambda *_, s=started, n=name: self._add(n, time.thread_time() - s.pop()))

    def _add(self, name: str, seconds: float) -> None:
        self.seconds[name] += seconds

    def take(self) -> Times:
        """Returns the seconds and starts from 0."""
        taken, self.seconds = dict(self.seconds), defaultdict(float)
        return taken


def layers_of(network: Stylegan2Generator) -> dict[str, torch.nn.Module]:
    named = network.synthesis_network.named_modules()
    return {name: module for name, module in named if isinstance(module, StyledConvolution | ToRgb)}


def public_filter(x: Tensor, before: int, after: int, up: int = 1) -> Tensor:
    if up == 2:
        count, channels, height, width = x.shape
        x = F.pad(x.reshape(count, channels, height, 1, width, 1), (0, 1, 0, 0, 0, 1))
        x = x.reshape(count, channels, 2 * height, 2 * width)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = (torch.outer(taps, taps) / 16).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (before, after, before, after)), kernel, groups=x.shape[1])


def public_convolution(x: Tensor, weight: Tensor, styles: Tensor, up: bool, demodulate: bool) -> Tensor:
    count, channels, height, width = x.shape
    kernels = weight[None] * styles[:, None, :, None, None]
    if demodulate:
        kernels = kernels * (kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    x = x.reshape(1, count * channels, height, width)
    if up:
        kernels = kernels.transpose(1, 2).flatten(0, 1)
        x = public_filter(F.conv_transpose2d(x, kernels, stride=2, groups=count), 1, 1)
    else:
        x = F.conv2d(x, kernels.flatten(0, 1), padding=weight.shape[2] // 2, groups=count)
    return x.unflatten(1, (count, weight.shape[0]))[0]


def public_layer(layer: StyledConvolution, x: Tensor, w: Tensor) -> Tensor:
    x = public_convolution(x, layer.weight, layer.affine(w), layer.up, True)
    x = x.add_(layer.noise_const * layer.noise_strength)
    x = x + layer.bias[:, None, None]
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def public_rgb(layer: ToRgb, x: Tensor, w: Tensor) -> Tensor:
    styles = layer.affine(w) / math.sqrt(layer.weight.shape[1])
    return public_convolution(x, layer.weight, styles, False, False) + layer.bias[:, None, None]


def public(network: Stylegan2Generator, z: Tensor, watch: Watch) -> Tensor:
    ws = network.mapping(z)
    x = network.synthesis_network.b4.const.expand(len(z), -1, -1, -1)
    image = None
    for name, layer in layers_of(network).items():
        with watch.layer(name):
            if isinstance(layer, StyledConvolution):
                x = public_layer(layer, x, ws[:, 0])
                continue
            drawn = public_rgb(layer, x, ws[:, 0])
        image = drawn if image is None else public_filter(image, 2, 1, up=2) + drawn
    assert image is not None
    return image


def sakuga(network: Stylegan2Generator, z: Tensor, dtype: torch.dtype) -> Tensor:
    with autocast(z.device, dtype):
        return network(z, noise="const")


def measure(contestants: dict[str, Callable[[], object]], watches: dict[str, Watch], rounds: int) -> dict[str, Times]:
    """Returns the median seconds of each contestant's layers, and of all as `total`, rounds taken in turns."""
    taken: dict[str, list[Times]] = {name: [] for name in contestants}
    for i in range(rounds + 1):
        for name, contestant in contestants.items():
            watches[name].take()
            started = time.thread_time()
            contestant()
            seconds = watches[name].take() | {"total": time.thread_time() - started}
            if i:
                taken[name].append(seconds)
    return {name: {n: statistics.median(t[n] for t in each) for n in each[0]} for name, each in taken.items()}


def fastest(run: Callable[[], object], rounds: int = 7) -> float:
    seconds = []
    for _ in range(rounds):
        started = time.thread_time()
        run()
        seconds.append(time.thread_time() - started)
    return min(seconds)


def peaks() -> tuple[dict[str, float], float]:
    """Returns the operations a second of a convolution in each type, and the bytes a second of a copy."""
    x, weight = torch.randn(1, 256, 128, 128), torch.randn(256, 256, 3, 3)
    rates = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        a, b = (t.to(dtype, memory_format=torch.channels_last) for t in (x, weight))
        rates[name] = 2 * weight.numel() * 128**2 / fastest(lambda a=a, b=b: F.conv2d(a, b, padding=1))
    source = torch.randn(32 * 2**20)
    target = torch.empty_like(source)
    return rates, 2 * 4 * source.numel() / fastest(lambda: target.copy_(source))


def work_of(layer: torch.nn.Module, side: int) -> tuple[float, float]:
    """Returns the operations for one picture and the numbers that have to be read and written."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    up = isinstance(layer, StyledConvolution) and layer.up
    before = side // 2 if up else side
    numbers = weight.numel() + weight.shape[1] * before**2 + weight.shape[0] * side**2
    return 2 * weight.numel() * before**2 + (2 * 16 * weight.shape[0] * side**2 if up else 0), numbers


def report(network: Stylegan2Generator, batch: int, seconds: dict[str, Times], rates: dict[str, float], copied: float):
    print(f"\nbatch {batch}: milliseconds a picture (times faster than the public form; limit)\n")
    print(f"{'layer':12s} {'GFLOP':>6s} {'public':>8s}   {'float32':^24s}   {'bfloat16':^24s}")
    total_limits = dict.fromkeys(rates, 0.0)
    for name, layer in layers_of(network).items():
        operations, numbers = work_of(layer, int(name.split(".")[0][1:]))
        line = f"{name:12s} {operations / 1e9:6.2f} {seconds['public'][name] / batch * 1e3:8.2f}"
        for form, size in (("float32", 4), ("bfloat16", 2)):
            limit = max(operations / rates[form], numbers * size / copied)
            total_limits[form] += limit
            line += cell(seconds, form, name, batch, limit)
        print(line)
    line = f"{'total':12s} {'':6s} {seconds['public']['total'] / batch * 1e3:8.2f}"
    print(line + "".join(cell(seconds, form, "total", batch, limit) for form, limit in total_limits.items()))


def cell(seconds: dict[str, Times], form: str, name: str, batch: int, limit: float) -> str:
    ours, theirs = seconds[form][name], seconds["public"][name]
    return f"   {ours / batch * 1e3:8.2f} ({theirs / ours:4.1f}; {limit * 1e3:6.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7, help="at batch 1; a third of them at batch 8")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    network = Stylegan2Generator(Stylegan2GeneratorConfig(resolution=options.resolution)).eval().requires_grad_(False)
    for layer in network.synthesis_network.convolutions:
        layer.noise_strength.fill_(0.1)
    rates, copied = peaks()
    rounded = ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in rates.items())
    print(
        f"StyleGAN2 {options.resolution}x{options.resolution}, 1 thread; peaks: {rounded}, copy {copied / 1e9:.1f} GB/s"
    )
    figures = {}
    for batch in options.batches:
        z, watches = torch.randn(batch, 512), {form: Watch() for form in FORMS}
        # Each keeps its weights as it wants them.
        ours = {form: copy.deepcopy(network) for form in FORMS[1:]}
        for form, own in ours.items():
            watches[form].hook(own)
        contestants: dict[str, Callable[[], Tensor]] = {
            "public": lambda z=z, w=watches["public"]: public(network, z, w),
            "float32": lambda z=z, own=ours["float32"]: sakuga(own, z, torch.float32),
            "bfloat16": lambda z=z, own=ours["bfloat16"]: sakuga(own, z, torch.bfloat16),
        }
        pictures = {form: run() for form, run in contestants.items()}
        scale = pictures["public"].std()
        errors = {f: ((pictures[f] - pictures["public"]).abs().mean() / scale).item() for f in FORMS[1:]}
        assert errors["float32"] < 1e-4 and errors["bfloat16"] < 0.05, errors
        seconds = measure(contestants, watches, max(2, options.rounds if batch == 1 else options.rounds // 3))
        report(network, batch, seconds, rates, copied)
        print("difference of the pictures, of their deviation: " + ", ".join(f"{f} {e:.1e}" for f, e in errors.items()))
        for form in FORMS:
            figures[f"{form}_batch{batch}_images_per_second"] = batch / seconds[form]["total"]
        for form in FORMS[1:]:
            figures[f"{form}_batch{batch}_ratio"] = seconds["public"]["total"] / seconds[form]["total"]
    if 1 in options.batches:
        figures["ratio"] = figures["bfloat16_batch1_ratio"]
    print("\n" + json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
