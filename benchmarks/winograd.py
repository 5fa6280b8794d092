"""3 x 3 convolutions and their gradients by Winograd's filtering against PyTorch's dense ones."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from benchmarks.report import Options, Report
from benchmarks.rounds import in_turns, in_words, ratios, seconds
from spikingjelly.products import _winograd

ROUNDS, WARM_UP_ROUNDS = 15, 3
# samples, channels, pixels on each side, output channels: of SEW-ResNet18, of the Fashion-MNIST network, of Spikformer
SHAPES = (
    (8, 64, 56, 64),
    (8, 128, 28, 128),
    (8, 256, 14, 256),
    (8, 512, 7, 512),
    (16, 512, 2, 512),
    (128, 128, 14, 128),
    (8, 48, 32, 96),
    (8, 96, 32, 192),
    (8, 192, 16, 384),
    (8, 384, 8, 384),
)
QUICK_SHAPES = ((2, 16, 8, 32),)
PAD = (1, 1)
HIGHEST_ERROR = 1e-5  # of the norm
Way = Callable[[], torch.Tensor]


def run(options: Options, report: Report) -> None:
    """Print how many times faster the passes are, and their errors."""
    print("Times as fast as the dense layer, and the error relative to the norm (that of the dense layer); median of")
    print(f"{options.rounds(ROUNDS)} rounds. F2, F4: in tiles of 2 x 2, 4 x 4 outputs")
    for shape in QUICK_SHAPES if options.quick else SHAPES:
        for last in (False, True):
            measure(shape, last, options, report)


def measure(shape: tuple[int, int, int, int], last: bool, options: Options, report: Report) -> None:
    samples, channels, side, outputs = shape
    torch.manual_seed(0)
    form = torch.channels_last if last else torch.contiguous_format
    x, grad = (torch.randn(samples, n, side, side).contiguous(memory_format=form) for n in (channels, outputs))
    weight = torch.randn(outputs, channels, 3, 3)
    dense, ours = dense_ways(x, weight, grad), ways(x, weight, grad, last)
    exact = dense_ways(x.double(), weight.double(), grad.double())
    clocks = {way: lambda way=way: seconds(way) for way in (*dense.values(), *ours.values())}  # type: ignore[misc]
    in_turns(clocks, WARM_UP_ROUNDS)
    times = in_turns(clocks, options.rounds(ROUNDS))
    print(f"  [{samples}, {channels}, {side}, {side}] to {outputs}, channels {'last' if last else 'first'}", flush=True)
    for (name, tile), way in ours.items():
        reference = exact[name]()
        own, other = (float((y() - reference).norm() / reference.norm()) for y in (way, dense[name]))
        assert own < HIGHEST_ERROR, f"{name}, tiles of {tile} x {tile}: error {own:.1e}"
        ratio = ratios(times[dense[name]], times[way])
        case = {"shape": shape, "channels_last": last, "pass": name, "tile": tile}
        report.add("winograd", case=case, contender="ours", seconds=times[way], ratio=ratio, error=own)
        print(f"    {name:20} F{tile} {in_words(ratio, ' x'):25} {own:.1e} ({other:.1e})", flush=True)


def ways(x: torch.Tensor, weight: torch.Tensor, grad: torch.Tensor, last: bool) -> dict[tuple[str, int], Way]:
    return {
        ("forward", 2): lambda: _winograd.convolution(x, weight, None, PAD, 2),
        ("forward", 4): lambda: _winograd.convolution(x, weight, None, PAD, 4),
        ("gradient of input", 2): lambda: _winograd.gradient_of_input(grad, weight, PAD, 2, last),
        ("gradient of input", 4): lambda: _winograd.gradient_of_input(grad, weight, PAD, 4, last),
        ("gradient of weights", 4): lambda: _winograd.gradient_of_weights(x, grad, PAD),
    }


def dense_ways(x: torch.Tensor, weight: torch.Tensor, grad: torch.Tensor) -> dict[str, Way]:
    def gradient(place: int) -> torch.Tensor:
        wanted = [place == 0, place == 1, False]
        arguments = (grad, x, weight, None, (1, 1), PAD, (1, 1), False, (0, 0), 1, wanted)
        result: torch.Tensor = torch.ops.aten.convolution_backward(*arguments)[place]
        return result

    return {
        "forward": lambda: F.conv2d(x, weight, None, 1, PAD),
        "gradient of input": lambda: gradient(0),
        "gradient of weights": lambda: gradient(1),
    }
