"""Convolutions and linear layers that skip the zeros of their input against PyTorch's dense ones, by firing rate."""

import itertools

import torch
import torch.nn.functional as F

from benchmarks.report import Options, Report
from benchmarks.rounds import in_turns, in_words, ratios, seconds
from spikingjelly.products import _sparse

ROUNDS, WARM_UP_ROUNDS = 15, 3
# samples, channels, pixels on each side, output channels, kernel size
SHAPES = (
    (8, 64, 56, 64, 3),
    (8, 128, 28, 128, 3),
    (8, 256, 14, 256, 3),
    (8, 512, 7, 512, 3),
    (32, 96, 32, 192, 3),
    (32, 384, 8, 1536, 1),
    (32, 1536, 8, 384, 1),
)
QUICK_SHAPES = ((2, 16, 8, 16, 3),)
RATES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)


def run(options: Options, report: Report) -> None:
    """Print how many times faster the forward pass and the gradient of the weights are."""
    print("Times as fast as the dense layer: forward pass, gradient of the weights; median of", options.rounds(ROUNDS))
    for shape, rate in itertools.product(QUICK_SHAPES if options.quick else SHAPES, RATES):
        measure(shape, rate, options, report)


def measure(shape: tuple[int, int, int, int, int], rate: float, options: Options, report: Report) -> None:
    samples, channels, side, outputs, kernel = shape
    torch.manual_seed(0)
    pad = (kernel // 2, kernel // 2)
    x = (torch.rand(samples, channels, side, side) < rate).float()
    weight = torch.randn(outputs, channels, kernel, kernel)
    grad = torch.randn(samples, outputs, side, side)

    def dense_gradient() -> torch.Tensor:
        arguments = (grad, x, weight, None, (1, 1), pad, (1, 1), False, (0, 0), 1, (False, True, False))
        gradient: torch.Tensor = torch.ops.aten.convolution_backward(*arguments)[1]
        return gradient

    ways = {
        "dense forward": lambda: F.conv2d(x, weight, None, 1, pad),
        "forward": lambda: _sparse.forward(x, weight, None, (1, 1), pad),
        "dense gradient": dense_gradient,
        "gradient": lambda: _sparse.gradient(x, weight, grad, (1, 1), pad),
    }
    for name in ("forward", "gradient"):
        expected = ways[f"dense {name}"]()
        torch.testing.assert_close(ways[name](), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    clocks = {name: lambda way=way: seconds(way) for name, way in ways.items()}  # type: ignore[misc]
    in_turns(clocks, WARM_UP_ROUNDS)
    times = in_turns(clocks, options.rounds(ROUNDS))
    words = []
    for name in ("forward", "gradient"):
        ratio = ratios(times[f"dense {name}"], times[name])
        case = {"shape": shape, "rate": rate, "pass": name}
        report.add("sparse_products", case=case, contender="ours", seconds=times[name], ratio=ratio)
        words.append(in_words(ratio, " x"))
    label = f"[{samples}, {channels}, {side}, {side}] to {outputs}, kernel {kernel}, {100 * rate:.0f} % ones"
    print(f"  {label:52} {words[0]:25} {words[1]}", flush=True)
