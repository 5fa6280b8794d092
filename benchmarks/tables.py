"""Convolutions of inputs from 0 to 3, with looking sums up and without, against PyTorch's dense ones."""

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F

from benchmarks.report import Options, Report
from benchmarks.rounds import in_turns, in_words, ratios, seconds
from spikingjelly import products
from spikingjelly.products import _choice, _tables, _ways
from spikingjelly.products._ways import Ways

ROUNDS, WARM_UP_ROUNDS = 9, 1
# samples, channels, pixels on each side, output channels, kernel size
SHAPES = (
    (8, 64, 56, 64, 3),
    (8, 128, 28, 128, 3),
    (8, 512, 7, 512, 3),
    (16, 32, 28, 64, 3),
    (16, 64, 28, 32, 3),
    (16, 64, 28, 128, 1),
    (32, 384, 8, 1536, 1),
    (32, 1536, 8, 384, 1),
)
QUICK_SHAPES = ((2, 64, 16, 64, 3),)
RATES = (0.0, 0.02, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)  # shares of inputs that are not zero
LARGEST = (1, 3)  # of the inputs: one plane of bits, or two
STRIDE = (1, 1)
Way = Callable[[], torch.Tensor]


def run(options: Options, report: Report) -> None:
    """Print how many times faster the forward pass is as the layers choose it, and as they would without tables."""
    reason = "" if _tables.can_run_here() else "this processor has no AVX-512"
    reason = reason or _tables.problem() or ""
    if reason:
        print(f"Tables of sums: {reason}, so layers look no sums up here")
        return
    print("Forward pass, times as fast as the dense layer: as layers choose, and if they had no tables; median of")
    print(f"{options.rounds(ROUNDS)} rounds. In brackets: how it is computed")
    shapes = QUICK_SHAPES if options.quick else SHAPES
    for shape, largest, rate in itertools.product(shapes, LARGEST, RATES):
        measure(shape, largest, rate, options, report)


def measure(shape: tuple[int, int, int, int, int], largest: int, rate: float, options: Options, report: Report) -> None:
    samples, channels, side, outputs, kernel = shape
    torch.manual_seed(0)
    pad = (kernel // 2, kernel // 2)
    x = (torch.rand(samples, channels, side, side) < rate) * torch.randint(1, largest + 1, (side, side)).float()
    weight = torch.randn(outputs, channels, kernel, kernel)
    dense = lambda: F.conv2d(x, weight, None, 1, pad)  # noqa: E731
    density = _choice.density(x)
    chosen = {name: _ways.choose(x, weight, STRIDE, pad, False, density, planes) for name, planes in (
        ("ours", _tables.planes_at_a_glance(x)), ("ours without tables", 0),
    )}  # fmt: skip
    ways = {"ours": as_layers_do(x, weight, pad), "ours without tables": without_tables(x, weight, pad)}
    expected = dense()
    for way in ways.values():
        torch.testing.assert_close(way(), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    clocks = {name: lambda way=way: after_itself(way) for name, way in {"dense": dense, **ways}.items()}  # type: ignore[misc]
    in_turns(clocks, WARM_UP_ROUNDS)
    times = in_turns(clocks, options.rounds(ROUNDS))
    words = []
    for name in ways:
        ratio = ratios(times["dense"], times[name])
        case = {"shape": shape, "largest": largest, "rate": rate, "way": in_one_word(chosen[name])}
        report.add("tables", case=case, contender=name, seconds=times[name], ratio=ratio)
        words.append(f"{in_words(ratio, ' x')} [{case['way']}]")
    label = f"[{samples}, {channels}, {side}, {side}] to {outputs}, kernel {kernel}, 0 to {largest}, {100 * rate:.0f} %"
    print(f"  {label:54} {words[0]:36} {words[1]}", flush=True)


def after_itself(way: Way) -> float:
    """Seconds of a second call: what lies in the caches is its own, and not that of the way before."""
    way()
    return seconds(way)


def as_layers_do(x: torch.Tensor, weight: torch.Tensor, pad: tuple[int, int]) -> Way:
    def way() -> torch.Tensor:
        y = products.convolution(x, weight, None, STRIDE, pad)
        return F.conv2d(x, weight, None, 1, pad) if y is None else y

    return way


def without_tables(x: torch.Tensor, weight: torch.Tensor, pad: tuple[int, int]) -> Way:
    def way() -> torch.Tensor:
        ways = _ways.choose(x, weight, STRIDE, pad, False, _choice.density(x))
        if ways == Ways() or _ways.problem(ways) is not None:
            return F.conv2d(x, weight, None, 1, pad)
        return products.product(x, weight, None, STRIDE, pad, ways)

    return way


def in_one_word(ways: Ways) -> str:
    """How the forward pass is computed."""
    return "zeros" if ways.sparse else "tables" if ways.planes else "Winograd" if ways.tile else "dense"
