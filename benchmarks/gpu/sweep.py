"""Forward and backward of LIF over the length, the layer's size and the dtype, beside a copy of as many bytes."""

import statistics
from collections.abc import Callable

import torch

from benchmarks.agreement import Tolerance, judge
from benchmarks.gpu.device import Bench
from benchmarks.rounds import in_turns, in_words
from benchmarks.worker.contender import jelly
from benchmarks.worker.contender.passes import SequencePass

LENGTHS, SIZES = (2, 4, 8, 16, 32, 64, 128), (1 << 20, 1 << 16)
LARGE_LENGTHS, LARGE_SIZE = (2, 4, 8, 16, 32), 64 * 64 * 32 * 32
QUICK_LENGTHS, QUICK_SIZES = (2, 4), (1 << 10, 1 << 8)
WARM_UP_ROUNDS, ROUNDS = 2, 20
TENSORS_MOVED = 5  # x, potential, spikes, gradient of the spikes, gradient of x
TOLERANCES = {
    "float32": Tolerance(flips=1e-6),
    # Held against float32. The eager loop rounds every operation to half precision, a kernel only what it stores.
    "float16": Tolerance(flips=1e-2, gradient=3e-2),
}


def large_half(bench: Bench) -> None:
    """As many neurons as the published comparison in half precision has, [T, 64, 64 * 32 * 32].

    That one runs ``net(x).sum().backward()``; here the gradient of the spikes is a tensor that has to be read.
    """
    size = QUICK_SIZES[0] if bench.quick else LARGE_SIZE
    for T in QUICK_LENGTHS if bench.quick else LARGE_LENGTHS:
        row(bench, "large layer", T, size, "float16")


def over_lengths(bench: Bench) -> None:
    """The curves of the plot."""
    for N in QUICK_SIZES if bench.quick else SIZES:
        for dtype in TOLERANCES:
            for T in QUICK_LENGTHS if bench.quick else LENGTHS:
                row(bench, "over lengths", T, N, dtype)


def row(bench: Bench, name: str, T: int, N: int, dtype: str) -> None:
    """Check, time and print all backends for one size."""
    if bench.out_of_time(name, T=T, N=N, dtype=dtype):
        return
    print(f"LIF [{T}, {N}] {dtype}, forward and backward, median (min, max)")
    passes, numerics = checked_passes(bench, name, T, N, dtype)
    moved = TENSORS_MOVED * T * N * getattr(torch, dtype).itemsize
    numerics["copy"] = f"of {moved / 1e6:.4g} MB read or written, the floor"
    clocks = {backend: bench.clock(work.run) for backend, work in passes.items()}
    clocks["copy"] = bench.clock(copy_of(moved, bench.device))
    in_turns(clocks, WARM_UP_ROUNDS)
    times = in_turns(clocks, 2 if bench.quick else ROUNDS)
    floor = statistics.median(times["copy"])
    for backend, seconds in times.items():
        above = f"{statistics.median(seconds) / floor:.1f} x the floor"
        print(f"  {backend:7} {in_words(seconds, ' ms', 1e3):28} {above:18} {numerics[backend]}", flush=True)
        bench.add(name, T=T, N=N, dtype=dtype, backend=backend, seconds=seconds, numerics=numerics[backend])


def checked_passes(
    bench: Bench, name: str, T: int, N: int, dtype: str
) -> tuple[dict[str, SequencePass], dict[str, str]]:
    """The passes that agree with the reference, and how well they do."""
    reference = float32_reference(bench, T, N, dtype)
    passes, numerics = {}, {}
    for backend in bench.backends:
        work = SequencePass(jelly, "LIF", T, N, device=bench.device, dtype=dtype, backend=backend)
        try:
            numerics[backend] = agreement(reference, outcome(work), TOLERANCES[dtype])
            passes[backend] = work
        except Exception as problem:  # a kernel that can't be built must not end the run
            bench.report.fail(f"{name} [{T}, {N}] {dtype}, {backend}", str(problem))
    return passes, numerics


def copy_of(moved: int, device: str) -> Callable[[], object]:
    """A copy that reads and writes ``moved`` bytes in all."""
    source = torch.ones(moved // 2, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


Outcome = tuple[torch.Tensor, torch.Tensor]


def outcome(work: SequencePass) -> Outcome:
    """The spikes and the gradient of one pass."""
    work.x.grad = None
    spikes = work.net(work.x)
    spikes.backward(work.cotangent)
    assert work.x.grad is not None
    return spikes.detach() != 0, work.x.grad.float()


def float32_reference(bench: Bench, T: int, N: int, dtype: str) -> Outcome:
    """The eager loop in float32, on inputs as ``dtype`` has them."""
    work = SequencePass(jelly, "LIF", T, N, device=bench.device, backend="torch")
    for tensor in (work.x.data, work.cotangent):
        tensor.copy_(tensor.to(getattr(torch, dtype)))
    return outcome(work)


def agreement(reference: Outcome, other: Outcome, tolerance: Tolerance) -> str:
    """Compared on the device and at full size; gradients are those of the neurons without a flipped spike."""
    flipped = reference[0] != other[0]
    untouched = ~flipped.any(0)
    expected, got = (gradient[:, untouched] for gradient in (reference[1], other[1]))
    error = float((got - expected).norm() / expected.norm())
    return judge(int(flipped.sum()), flipped.numel(), {"gradient of x": error}, (), tolerance)
