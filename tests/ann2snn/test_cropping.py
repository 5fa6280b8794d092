"""Pixels that a network doesn't read are left out when its factors are folded, and its outputs stay the same."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import ann2snn, functional
from spikingjelly.activation_based.ann2snn._extent import Windows, read_by
from spikingjelly.activation_based.ann2snn.sample_models.mnist_cnn import CNN


def images(*extent: int) -> torch.Tensor:
    return torch.rand(3, 2, *extent, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def network(*layers: nn.Module, x: torch.Tensor) -> nn.Module:
    torch.manual_seed(2)
    net = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(4)).double().eval()
    net(x)
    return net


def extent_seen(ann: nn.Module, x: torch.Tensor, method: str = "opi") -> tuple[int, ...]:
    """The size of the images in the first layer of the folded network, whose outputs are those before."""
    snn = ann2snn.convert(ann, [x], method, T=6, fold=False)
    wanted = ann2snn.simulate(snn, x, 6)
    ann2snn.fold_scales(snn)
    seen = []
    first = next(m for m in snn.modules() if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.AvgPool2d))
    first.register_forward_hook(lambda m, i, o: seen.append(tuple(i[0].shape[2:])))
    torch.testing.assert_close(ann2snn.simulate(snn, x, 6), wanted)
    with torch.no_grad():
        torch.testing.assert_close(snn(torch.stack([x] * 6)), wanted)
    functional.reset_net(snn)
    if method != "delayed":
        functional.set_step_mode(snn, "s")
        torch.testing.assert_close(ann2snn.simulate(snn, x, 6), wanted)
    assert len(set(seen)) == 1
    return seen[0]


@pytest.mark.parametrize(
    ("layers", "extent", "expected"),
    [
        ((nn.Conv1d(2, 3, 4, stride=3), nn.ReLU()), (12,), (10,)),
        ((nn.Conv1d(2, 3, 3, dilation=2), nn.ReLU(), nn.AvgPool1d(4)), (14,), (12,)),
        ((nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(3, 2, 2), nn.ReLU()), (9, 10), (8, 10)),
        ((nn.Conv2d(2, 3, (3, 2)), nn.ReLU(), nn.MaxPool2d((2, 4), (3, 2))), (12, 10), (10, 9)),
        ((nn.Conv2d(2, 3, 3, padding="valid"), nn.ReLU(), nn.Identity(), nn.MaxPool2d(3, dilation=2)), (12, 14), (10, 13)),
        ((nn.AvgPool2d(2, divisor_override=3), nn.Conv2d(2, 3, 1), nn.ReLU()), (7, 8), (6, 8)),
        ((nn.Conv3d(2, 3, 2), nn.ReLU(), nn.AvgPool3d(2)), (4, 5, 6), (3, 5, 5)),
    ],
)  # fmt: skip
def test_only_what_is_read_comes_in(layers, extent: tuple[int, ...], expected: tuple[int, ...]) -> None:
    x = images(*extent)
    assert extent_seen(network(*layers, x=x), x) == expected


@pytest.mark.parametrize("method", ["robust", "bias", "signed", "delayed"])
def test_the_sample_network_reads_22_of_28_rows(method: str) -> None:
    torch.manual_seed(2)
    x = images(28, 28)[:, :1]
    assert extent_seen(CNN(4).double().eval(), x, method) == (22, 22)


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2)),
        (nn.Conv2d(2, 3, 3, padding="same"), nn.ReLU(), nn.AvgPool2d(2)),
        (nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AvgPool2d(2, ceil_mode=True)),
        (nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AvgPool2d(2, padding=1)),
        (nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2)),
        (nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten()),
    ],
)
def test_what_reads_all_gets_all(layers) -> None:
    x = images(9, 9)
    assert extent_seen(network(*layers, x=x), x) == (9, 9)


def test_neurons_with_potentials_of_their_own_all_stay() -> None:
    x = images(9, 9)
    ann = network(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AvgPool2d(2), x=x)
    assert extent_seen(ann, x) == (8, 8)
    assert extent_seen(ann, x, "potential") == (9, 9)


def test_branches_end_what_is_known() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu, self.pool, self.out = nn.Conv2d(2, 3, 2), nn.ReLU(), nn.AvgPool2d(3), nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.relu(self.conv(x))
            return self.out(self.pool(h).mean((2, 3)) + h.mean((2, 3)))

    torch.manual_seed(2)
    x = images(9, 9)
    assert extent_seen(Branches().double().eval(), x) == (9, 9)


def test_images_of_other_sizes_and_gradients() -> None:
    x, larger = images(9, 10), images(12, 13)
    ann = network(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(3, 2, 2), nn.ReLU(), x=x)[:-2]
    snn = ann2snn.convert(ann, [x], fold=False)
    wanted = ann2snn.simulate(snn, larger, 5)
    ann2snn.fold_scales(snn)
    torch.testing.assert_close(ann2snn.simulate(snn, larger, 5), wanted)
    larger.requires_grad_()
    snn(larger.expand(5, *larger.shape)).sum().backward()
    assert larger.grad.shape == larger.shape
    assert not larger.grad[..., 12:].any()
    assert larger.grad[..., :12].any()
    functional.reset_net(snn)
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        ann2snn.simulate(snn, images(2, 2), 5)
    with pytest.raises(ValueError, match=r"expects a sequence \[T, N, \*\]"):
        snn(torch.rand(2, dtype=torch.float64))


def test_extents() -> None:
    layers = Windows((3, 2), (2, 1)), Windows((2, 2), (2, 2))
    assert read_by(layers, (12, 9)) == (9, 9)
    assert read_by(layers, (12, 8)) == (9, 7)
    assert read_by(layers, (4, 8)) == (4, 8)
