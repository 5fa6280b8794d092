"""Average pooling behind the first neurons, computed together with them."""

import copy

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import ann2snn, functional, neuron
from spikingjelly.activation_based.ann2snn import _pooling


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """The shapes that neurons and pooling in one pass have got."""
    seen: list[torch.Size] = []
    plain = _pooling.run

    def run(node, x, T, window):
        seen.append(x.shape)
        return plain(node, x, T, window)

    monkeypatch.setattr(_pooling, "run", run)
    return seen


def network(pool: nn.Module, padding: int = 1) -> nn.Sequential:
    torch.manual_seed(5)
    layers = nn.Conv2d(1, 3, 3, padding=padding), nn.ReLU(), pool, nn.Conv2d(3, 4, 2), nn.ReLU(), nn.Flatten()
    net = nn.Sequential(*layers, nn.LazyLinear(5)).double().eval()
    net(images())
    return net


def images() -> torch.Tensor:
    return torch.rand(4, 1, 12, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(6))


def folded(ann: nn.Module, method: str = "opi") -> nn.Module:
    snn = ann2snn.convert(ann, [images()], method, fold=False)
    ann2snn.fold_scales(snn)
    return snn


@pytest.mark.parametrize("pool", [nn.AvgPool2d(2), nn.AvgPool2d((3, 2)), nn.AvgPool2d(2, 2, ceil_mode=True)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_outputs_are_those_of_two_passes(pool: nn.Module, layout, runs: list[torch.Size]) -> None:
    ann, x = network(pool), images()
    wanted = ann2snn.simulate(ann2snn.convert(ann, [x], fold=False), x, 9)
    assert not runs
    snn = folded(ann).to(memory_format=layout)
    torch.testing.assert_close(ann2snn.simulate(snn, x, 9), wanted)
    assert runs == [(4, 3, 12, 8)]
    torch.testing.assert_close(ann2snn.simulate(snn, x, 9, chunk=4), wanted)
    assert len(runs) == 3  # one step is no sequence
    moving = x.expand(9, *x.shape).contiguous()
    torch.testing.assert_close(snn(moving), wanted)
    assert len(runs) == 3  # one step is no sequence


def test_the_potential_goes_on_in_the_other_step_mode(runs: list[torch.Size]) -> None:
    snn, x = folded(network(nn.AvgPool2d(2))), images()
    wanted = ann2snn.simulate(snn, x, 7)
    first = snn(x.expand(4, *x.shape))
    potential = snn.get_submodule("1").if_node.v
    functional.set_step_mode(snn, "s")
    torch.testing.assert_close(torch.cat([first, snn(x).unsqueeze(0)]), wanted[:5])
    functional.set_step_mode(snn, "m")
    torch.testing.assert_close(snn(x.expand(2, *x.shape)), wanted[5:])
    assert len(runs) == 3
    assert potential.shape == (4, 3, 12, 8)
    functional.reset_net(snn)
    assert snn.get_submodule("1").if_node.v == 0.5


def test_rows_that_no_window_reads_are_left_out(runs: list[torch.Size]) -> None:
    ann, x = network(nn.AvgPool2d(3), padding=0), images()
    wanted = ann2snn.simulate(ann2snn.convert(ann, [x], fold=False), x, 6)
    torch.testing.assert_close(ann2snn.simulate(folded(ann), x, 6), wanted)
    assert runs == [(4, 3, 9, 6)]


@pytest.mark.parametrize(
    "pool",
    [nn.AvgPool2d(2, 1), nn.AvgPool2d(2, padding=1), nn.AvgPool2d(2, divisor_override=3)],
    ids=str,
)
def test_other_pooling_runs_by_itself(pool: nn.Module, runs: list[torch.Size]) -> None:
    ann, x = network(pool, padding=0), images()
    snn = folded(ann)
    torch.testing.assert_close(
        ann2snn.simulate(snn, x, 6), ann2snn.simulate(ann2snn.convert(ann, [x], fold=False), x, 6)
    )
    assert not runs


@pytest.mark.parametrize("method", ["signed", "delayed"])
def test_other_neurons_run_by_themselves(method: str, runs: list[torch.Size]) -> None:
    ann, x = network(nn.AvgPool2d(2)), images()
    converted = ann2snn.convert(ann, [x], method, T=6, fold=False)
    snn = copy.deepcopy(converted)
    ann2snn.fold_scales(snn)
    torch.testing.assert_close(ann2snn.simulate(snn, x, 6), ann2snn.simulate(converted, x, 6))
    assert not runs


def test_who_looks_at_the_spikes_sees_them(runs: list[torch.Size]) -> None:
    snn, x = folded(network(nn.AvgPool2d(2))), images()
    wanted = ann2snn.simulate(snn, x, 6)
    node = snn.get_submodule("1").if_node
    seen: list[torch.Tensor] = []
    with node.register_forward_hook(lambda m, i, o: seen.append(o)):
        torch.testing.assert_close(ann2snn.simulate(snn, x, 6), wanted)
    assert seen[0].shape == (6, 4, 3, 12, 8)
    node.store_v_seq = True
    snn(x.expand(6, *x.shape))
    assert node.v_seq.shape == (6, 4, 3, 12, 8)
    functional.reset_net(snn)
    node.store_v_seq = False
    functional.set_backend(snn, "torch", neuron.IFNode)
    torch.testing.assert_close(ann2snn.simulate(snn, x, 6), wanted)
    assert len(runs) == 1


def test_pooling_that_is_not_alone_stays() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu, self.pool, self.out = nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.relu(self.conv(x))
            return self.out((self.pool(y) + y[..., :5, :3]).mean((2, 3)))

    torch.manual_seed(7)
    ann, x = Twice().double().eval(), images()
    snn = folded(ann)
    assert type(snn.get_submodule("pool")) is nn.AvgPool2d
    torch.testing.assert_close(
        ann2snn.simulate(snn, x, 6), ann2snn.simulate(ann2snn.convert(ann, [x], fold=False), x, 6)
    )


def test_gradients_are_those_of_two_passes(runs: list[torch.Size]) -> None:
    snn, x = folded(network(nn.AvgPool2d(2))), images()
    twin = copy.deepcopy(snn)
    functional.set_backend(twin, "torch", neuron.IFNode)
    for net in (snn, twin):
        (net(x.expand(5, *x.shape)).square().sum() + net.get_submodule("1").if_node.v.sum()).backward()
    assert len(runs) == 1
    for one, other in zip(snn.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
