"""Converted networks at T=50: all time steps at once against the published loop over time steps."""

import itertools
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from benchmarks.report import Options, Report
from benchmarks.rounds import in_turns, in_words, ratios
from spikingjelly.activation_based import ann2snn, functional, neuron
from spikingjelly.activation_based.ann2snn.sample_models.mnist_cnn import CNN

T, ROUNDS, WARM_UP_ROUNDS = 50, 9, 2
BATCHES, QUICK_BATCHES = (1, 4, 16, 64), (2,)


def mlp() -> nn.Sequential:
    """784-256-128-10."""
    sizes = (28 * 28, 256, 128, 10)
    layers = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers[:-1])


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "sample CNN (32 channels)": CNN,
    "sample CNN with 8 channels": lambda: CNN(channels=8),
    "MLP 784-256-128-10": mlp,
}


@torch.no_grad()
def loop(snn: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The published way to run a converted network."""
    functional.reset_net(snn)
    total = torch.zeros(1)
    for _ in range(T):
        total = total + snn(x)
    return total / T


def published(ann: nn.Module, x: torch.Tensor) -> nn.Module:
    snn = ann2snn.Converter([x], mode="99.9%")(ann)
    functional.set_backend(snn, "torch", neuron.IFNode)
    return snn


def check_numerics(make: Callable[[], nn.Module], x: torch.Tensor) -> None:
    """In float64: in float32, other orders of summation let a few spikes come a step earlier or later."""
    ann, x = make().double().eval(), x.double()
    wanted = loop(published(ann, x), x)
    for fold in (False, True):
        snn = ann2snn.convert(ann, [x], "robust", fold=fold)
        torch.testing.assert_close(ann2snn.simulate(snn, x, T).mean(0), wanted)


def clock(way: str, net: nn.Module, x: torch.Tensor) -> Callable[[], float]:
    """Seconds of one batch."""

    def seconds() -> float:
        began = time.perf_counter()
        if way == "loop":
            loop(net, x)
        else:
            ann2snn.simulate(net, x, T)
        return time.perf_counter() - began

    return seconds


def run(options: Options, report: Report) -> None:
    """Print the milliseconds for a batch of each way, and their ratios to the loop."""
    print(f"Converted networks, T={T}, medians (min, max) and how many times faster than the loop over time steps:")
    for name, make in NETWORKS.items():
        torch.manual_seed(0)
        images = torch.rand(64, 1, 28, 28)
        check_numerics(make, images[:4])
        ann = make().eval()
        nets = {"loop": published(ann, images)}
        for way, fold in (("convert, not folded", False), ("convert", True)):
            nets[way] = ann2snn.convert(ann, [images], "robust", fold=fold)
        for batch in QUICK_BATCHES if options.quick else BATCHES:
            x = images[:batch]
            clocks = {way: clock(way, net, x) for way, net in nets.items()}
            in_turns(clocks, WARM_UP_ROUNDS)
            times = in_turns(clocks, options.rounds(ROUNDS))
            print(f"  {name}, batch {batch}: loop {in_words(times['loop'], ' ms', 1e3)}", end="")
            for way, seconds in times.items():
                report.add("ann2snn", case={"network": name, "T": T, "batch": batch}, contender=way, seconds=seconds)
                if way != "loop":
                    faster = in_words(ratios(times["loop"], seconds), "x")
                    print(f"; {way} {statistics.median(seconds) * 1e3:.3g} ms, {faster}", end="")
            print(flush=True)
