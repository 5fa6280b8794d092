"""Accumulates against a loop that sends each spike alone through the layer with weights of one."""

import itertools

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based.profiler import profile

LAYERS = {
    "linear": (lambda: layer.Linear(6, 5), (6,)),
    "linear on tokens": (lambda: nn.Linear(6, 5), (3, 6)),
    "conv1d": (lambda: layer.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), (4, 9)),
    "conv2d": (lambda: layer.Conv2d(2, 3, 3, padding=1), (2, 5, 6)),
    "conv2d odd": (lambda: layer.Conv2d(2, 4, (3, 2), stride=(2, 3), padding=(2, 0), dilation=(2, 1)), (2, 7, 8)),
    "conv2d stride skips columns": (lambda: layer.Conv2d(1, 1, 1, stride=3), (1, 7, 7)),
    "conv2d depthwise": (lambda: layer.Conv2d(4, 8, 3, padding="same", groups=4), (4, 5, 5)),
    "conv2d circular": (lambda: layer.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), (2, 5, 5)),
    "conv3d": (lambda: layer.Conv3d(2, 3, (1, 2, 3), stride=(1, 2, 1), padding=(0, 1, 1)), (2, 3, 4, 5)),
    "transposed 1d": (lambda: layer.ConvTranspose1d(4, 6, 4, stride=3, padding=2, groups=2, output_padding=1), (4, 5)),
    "transposed 2d": (lambda: layer.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 4, 5)),
    "transposed 2d dilated": (lambda: layer.ConvTranspose2d(2, 3, 3, padding=2, dilation=2), (2, 4, 5)),
    "transposed 3d": (lambda: layer.ConvTranspose3d(1, 2, 2, stride=2, padding=1), (1, 3, 4, 3)),
    "weight standardised": (lambda: layer.WSConv2d(2, 3, 3, padding=1), (2, 5, 5)),
}  # fmt: skip
POOLS = {
    "avg 1d": (lambda: layer.AvgPool1d(3, 2, 1), (2, 8)),
    "avg 2d": (lambda: layer.AvgPool2d(2), (2, 5, 4)),
    "avg 2d overlapping": (lambda: layer.AvgPool2d((3, 2), (1, 2), (1, 0)), (2, 5, 5)),
    "avg 3d": (lambda: layer.AvgPool3d(2, 1), (2, 3, 3, 4)),
    "max 1d": (lambda: layer.MaxPool1d(3, 1, 1), (2, 7)),
    "max 2d dilated": (lambda: layer.MaxPool2d(2, 1, 1, 2), (2, 6, 6)),
    "max 3d": (lambda: layer.MaxPool3d(2), (1, 4, 4, 4)),
    "adaptive 1d": (lambda: layer.AdaptiveAvgPool1d(3), (2, 7)),
    "adaptive 2d": (lambda: layer.AdaptiveAvgPool2d((3, 4)), (2, 7, 6)),
    "adaptive 2d to one": (lambda: layer.AdaptiveAvgPool2d(1), (2, 5, 4)),
    "adaptive 3d": (lambda: layer.AdaptiveAvgPool3d(2), (1, 3, 3, 5)),
    "adaptive max": (lambda: nn.AdaptiveMaxPool2d((2, 3)), (2, 5, 5)),
}


def spikes(shape: tuple[int, ...], seed: int = 0, rate: float = 0.3) -> torch.Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def one_by_one(net: nn.Module, x: torch.Tensor, reached) -> int:
    """The sum over spikes of what ``reached`` says of the output for this spike alone."""
    total = 0
    for place in itertools.product(*map(range, x.shape)):
        if x[place]:
            alone = torch.zeros_like(x)
            alone[place] = 1.0
            with torch.no_grad():
                total += int(reached(net(alone[0])))
    return total


@pytest.mark.parametrize("case", LAYERS)
def test_accumulates_of_synapses(case: str) -> None:
    make, shape = LAYERS[case]
    net, ones = make(), make()
    with torch.no_grad():
        for parameter in ones.parameters():
            parameter.fill_(float(parameter.dim() > 1))
    x = spikes((1, 2, *shape))
    if case == "weight standardised":  # weights of one would be standardised to nothing
        ones = layer.Conv2d(2, 3, 3, padding=1, bias=False)
        nn.init.ones_(ones.weight)
    expected = one_by_one(ones, x, torch.sum)
    report = profile(net, x)
    row = report["(network)"]
    assert expected > 0
    assert row.acs * 2 == row.synops * 2 == expected
    assert row.macs == 0
    assert row.input_kind == "spikes"
    assert row.elementwise == 0  # what is computed from weights alone is free
    assert not report.uncounted


@pytest.mark.parametrize("case", POOLS)
def test_accumulates_of_pooling(case: str) -> None:
    make, shape = POOLS[case]
    net = make()
    x = spikes((1, 2, *shape), rate=0.5)
    row = profile(net, x)["(network)"]
    expected = one_by_one(net, x, torch.count_nonzero)  # a spike alone is seen in each window that it is in
    assert expected > 0
    assert row.acs * 2 == expected
    assert row.synops == row.macs == row.dense_macs == 0


@pytest.mark.parametrize("case", POOLS)
def test_pooling_of_real_values_counts_every_value(case: str) -> None:
    make, shape = POOLS[case]
    everywhere = profile(make(), torch.ones(1, 2, *shape))["(network)"]
    real = profile(make(), torch.rand(1, 2, *shape) + 0.5)["(network)"]
    assert real.acs == everywhere.acs > 0
    assert (real.input_kind, everywhere.input_kind) == ("real", "spikes")
    assert real.macs == 0


def test_by_hand() -> None:
    """3 x 3 taps, padding 1: a spike in a corner reaches 4 places, one on an edge 6, one inside 9; 5 channels each."""
    x = torch.zeros(1, 1, 1, 4, 4)
    x[..., 0, 0] = x[..., 0, 2] = x[..., 1, 1] = 1.0
    row = profile(layer.Conv2d(1, 5, 3, padding=1), x)["(network)"]
    assert row.acs == (4 + 6 + 9) * 5
    assert row.dense_macs == 16 * 9 * 5
    with_stride = profile(layer.Conv2d(1, 5, 3, padding=1, stride=2), x)["(network)"]
    # Windows are centred on rows and columns 0 and 2.
    assert with_stride.acs == (1 + 1 + 4) * 5
    grouped = profile(layer.Conv2d(4, 6, 3, padding=1, groups=2), x.repeat(1, 1, 4, 1, 1))["(network)"]
    assert grouped.acs == 4 * (4 + 6 + 9) * 3


def test_products_of_two_spike_tensors() -> None:
    class Attention(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            q, k, v = x.unbind(1)
            return q @ k.transpose(-1, -2) @ v

    x = spikes((1, 2, 3, 4, 5), rate=0.6)
    row = profile(Attention(), x)["(network)"]
    expected = 0
    for sample in x[0]:
        q, k, v = sample
        both = sum(q[i, c] * k[j, c] for i in range(4) for j in range(4) for c in range(5))
        expected += int(both + sum(v[j, c] for j in range(4) for c in range(5)) * 4)
    assert row.acs * 2 == expected
    assert row.dense_macs == 2 * 4 * 4 * 5
    assert row.input_kind == "spikes"


@pytest.mark.parametrize(
    ("function", "shapes", "macs"),
    [(torch.mv, ((3, 4), (4,)), 12), (torch.dot, ((4,), (4,)), 4)],
    ids=["mv", "dot"],
)
def test_products_with_vectors(function, shapes, macs: int) -> None:
    class Product(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            count = torch.Size(shapes[0]).numel()
            return function(x.flatten()[:count].reshape(shapes[0]), x.flatten()[count:].reshape(shapes[1]))

    size = sum(torch.Size(shape).numel() for shape in shapes)
    assert profile(Product(), torch.rand(1, 1, size))["(network)"].dense_macs == macs
    assert profile(Product(), torch.ones(1, 1, size))["(network)"].acs == macs
