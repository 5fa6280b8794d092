"""LIF over T and the layer's size: backend='auto' against the eager loop, with and without gradients."""

import functools
import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.report import Options, Report
from benchmarks.rounds import in_turns, ratios
from spikingjelly.activation_based import functional, neuron, surrogate

LENGTHS, SIZES, ROUNDS, SECONDS_A_TURN = (1, 4, 8, 32, 100), tuple(1 << n for n in (0, 6, 10, 12, 14, 16, 18)), 7, 0.01
QUICK_LENGTHS, QUICK_SIZES = (4, 32), (1, 1 << 10)

BACKENDS = ("torch", "auto")


def forward(node: neuron.LIFNode, x: torch.Tensor) -> torch.Tensor:
    functional.reset_net(node)
    return node(x)


def forward_backward(node: neuron.LIFNode, x: torch.Tensor) -> torch.Tensor:
    x.grad = None
    spikes = forward(node, x)
    spikes.backward(torch.ones_like(spikes))
    return spikes


def without_gradients(node: neuron.LIFNode, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return forward(node, x)


def check_numerics(nodes: dict[str, neuron.LIFNode], x: torch.Tensor) -> None:
    spikes, gradients = [], []
    for node in nodes.values():
        spikes.append(forward_backward(node, x).detach())
        gradients.append(x.grad)
        assert torch.equal(spikes[-1], without_gradients(node, x))
    assert torch.equal(*spikes)
    torch.testing.assert_close(*gradients)


def clock(work: Callable[[], object]) -> Callable[[], float]:
    """Seconds of one call, the mean of as many as a turn has time for."""

    def seconds() -> float:
        calls, began = 0, time.perf_counter()
        while calls == 0 or time.perf_counter() - began < SECONDS_A_TURN:
            work()
            calls += 1
        return (time.perf_counter() - began) / calls

    return seconds


def speedup(work: Callable[[neuron.LIFNode, torch.Tensor], object], T: int, size: int, rounds: int) -> list[float]:
    """How many times faster 'auto' is than the eager loop in each round, after a look at the numerics."""
    x = (torch.rand(T, size) * 2).requires_grad_()
    nodes = {
        backend: neuron.LIFNode(surrogate_function=surrogate.ATan(), step_mode="m", backend=backend)
        for backend in BACKENDS
    }
    check_numerics(nodes, x)
    times = in_turns({backend: clock(functools.partial(work, node, x)) for backend, node in nodes.items()}, rounds)
    return ratios(times["torch"], times["auto"])


def run(options: Options, report: Report) -> None:
    """Print two tables of ratios, each with its smallest entry: where 'auto' pays least."""
    torch.manual_seed(0)
    lengths, sizes = (QUICK_LENGTHS, QUICK_SIZES) if options.quick else (LENGTHS, SIZES)
    for name, work in (("forward and backward", forward_backward), ("forward without gradients", without_gradients)):
        print(f"LIF {name}: time of the eager loop / time of backend='auto', median of {options.rounds(ROUNDS)} rounds")
        print("  T \\ neurons" + "".join(f"{size:>9}" for size in sizes))
        smallest = float("inf")
        for T in lengths:
            row = {size: speedup(work, T, size, options.rounds(ROUNDS)) for size in sizes}
            medians = {size: statistics.median(values) for size, values in row.items()}
            smallest = min(smallest, *medians.values())
            for size, values in row.items():
                report.add("neuron", case={"work": name, "T": T, "N": size}, eager_over_auto=values)
            print(f"  {T:11}" + "".join(f"{median:9.2f}" for median in medians.values()), flush=True)
        print(f"  the smallest is {smallest:.2f}")
