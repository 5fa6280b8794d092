"""Cells by themselves, cells of one's own, and one layer in both directions."""

import math

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import monitor, rnn, surrogate

CELLS = {"lstm": rnn.SpikingLSTMCell, "gru": rnn.SpikingGRUCell, "vanilla": rnn.SpikingVanillaRNNCell}
GATES = {"lstm": 4, "gru": 3, "vanilla": 1}
T, N, INPUT, HIDDEN = 5, 3, 4, 6


def over_time(cell: nn.Module, x_seq: torch.Tensor, states=None) -> tuple[torch.Tensor, object]:
    outputs = []
    for x in x_seq:
        states = cell(x, states)
        outputs.append(states[0] if isinstance(states, tuple) else states)
    return torch.stack(outputs), states


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("bias", [False, True])
def test_parameters(kind: str, bias: bool) -> None:
    cell = CELLS[kind](INPUT, 25, bias)
    names = ["linear_ih.weight", "linear_ih.bias", "linear_hh.weight", "linear_hh.bias"]
    assert list(cell.state_dict()) == (names if bias else names[::2])
    assert cell.weight_ih() is cell.linear_ih.weight
    assert cell.weight_hh() is cell.linear_hh.weight
    assert cell.bias_ih() is cell.linear_ih.bias
    assert cell.bias_hh() is cell.linear_hh.bias
    assert (cell.bias_ih() is not None) is bias
    assert cell.weight_ih().shape == (GATES[kind] * 25, INPUT)
    assert cell.weight_hh().shape == (GATES[kind] * 25, 25)
    assert 0.15 < cell.weight_hh().abs().max() <= 1 / math.sqrt(25)
    before = cell.weight_hh().clone()
    cell.reset_parameters()
    assert not torch.equal(before, cell.weight_hh())


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_step_by_step_is_a_network_of_one_layer(kind: str) -> None:
    cell = CELLS[kind](INPUT, HIDDEN).double()
    net = getattr(rnn, type(cell).__name__.removesuffix("Cell"))(INPUT, HIDDEN, 1).double()
    net.cells[0].load_state_dict(cell.state_dict())
    x_seq = torch.randn(T, N, INPUT, dtype=torch.float64)
    y_seq, states = over_time(cell, x_seq)
    net_y, net_states = net(x_seq)
    assert torch.equal(y_seq, net_y)
    pairs = zip(states, net_states, strict=True) if kind == "lstm" else [(states, net_states)]
    assert all(torch.equal(mine, theirs[0]) for mine, theirs in pairs)


@pytest.mark.parametrize("kind", CELLS)
def test_both_directions_of_one_layer(kind: str) -> None:
    cell, cell_reverse = (CELLS[kind](INPUT, HIDDEN).double() for _ in range(2))
    x_seq = torch.randn(T, N, INPUT, dtype=torch.float64)
    given = [torch.rand(N, HIDDEN, dtype=torch.float64) for _ in range(4)]
    states, states_reverse = (tuple(given[:2]), given[2:]) if kind == "lstm" else (given[0], given[1])
    y, after, after_reverse = rnn.bidirectional_rnn_cell_forward(cell, cell_reverse, x_seq, states, states_reverse)
    forward, expected = over_time(cell, x_seq, states)
    backward, expected_reverse = over_time(cell_reverse, x_seq.flip(0), states_reverse)
    assert torch.equal(y, torch.cat([forward, backward.flip(0)], dim=-1))
    torch.testing.assert_close((after, after_reverse), (expected, expected_reverse), rtol=0, atol=0)
    from_zeros = rnn.bidirectional_rnn_cell_forward(cell, cell_reverse, x_seq)[0]
    assert torch.equal(from_zeros[:, :, :HIDDEN], over_time(cell, x_seq)[0])


def test_each_cell_has_the_default_surrogate_for_itself() -> None:
    net = rnn.SpikingLSTM(INPUT, HIDDEN, 2)
    net.cells[0].surrogate_function1.set_spiking_mode(False)
    assert net.cells[1].surrogate_function1.spiking
    assert rnn.SpikingGRUCell(1, 1).surrogate_function1.spiking
    mine = surrogate.ATan()
    assert all(cell.surrogate_function2 is mine for cell in rnn.SpikingGRU(1, 1, 2, surrogate_function2=mine).cells)


# Cells of one's own


class LeakyCell(rnn.SpikingRNNCellBase):
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, decay: float = 0.5) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.linear_ih = nn.Linear(input_size, hidden_size, bias)
        self.linear_hh = nn.Linear(hidden_size, hidden_size, bias)
        self.reset_parameters()
        self.decay = decay
        self.surrogate_function = surrogate.Erf()

    @staticmethod
    def states_num() -> int:
        return 2

    def recurrent_step(self, from_input, states):
        h, v = states
        v = self.decay * v * (1 - h) + from_input + self.linear_hh(h)
        return self.surrogate_function(v - 0.3), v


class CellWithForward(LeakyCell):
    def forward(self, x, hc=None):
        h, v = super().forward(x, hc)
        return 3 * h, v


class NetworkOfTheirOwn(rnn.SpikingRNNBase):
    cell: type[nn.Module] = LeakyCell

    @classmethod
    def base_cell(cls):
        return cls.cell


class NetworkWithForward(NetworkOfTheirOwn):
    cell = CellWithForward


@pytest.mark.parametrize("network", [NetworkOfTheirOwn, NetworkWithForward])
def test_networks_of_ones_own(network: type[rnn.SpikingRNNBase]) -> None:
    net = network(INPUT, HIDDEN, 2, bidirectional=True, decay=0.8).double()
    assert [cell.decay for cell in [*net.cells, *net.cells_reverse]] == [0.8] * 4
    x_seq = torch.randn(T, N, INPUT, dtype=torch.float64)
    y, (h, v) = net(x_seq)
    assert h.shape == v.shape == (4, N, HIDDEN)
    truth = x_seq
    for cell, cell_reverse in zip(net.cells, net.cells_reverse, strict=True):
        backward = over_time(cell_reverse, truth.flip(0))[0].flip(0)
        truth = torch.cat([over_time(cell, truth)[0], backward], dim=-1)
    assert torch.equal(y, truth)
    assert y.any()


def test_a_cell_that_is_no_subclass_is_called_for_each_time_step() -> None:
    class Cell(nn.RNNCell):
        def __init__(self, input_size: int, hidden_size: int, bias: bool) -> None:
            super().__init__(input_size, hidden_size, bias)

    class Network(rnn.SpikingRNNBase):
        @staticmethod
        def base_cell():
            return Cell

        @staticmethod
        def states_num():
            return 1

    net = Network(INPUT, HIDDEN, 1)
    x_seq = torch.randn(T, N, INPUT)
    y, h = net(x_seq)
    torch.testing.assert_close(y, over_time(net.cells[0], x_seq)[0])
    assert torch.equal(h[0], y[-1])


def test_hooks_of_a_cell_see_each_time_step() -> None:
    net = rnn.SpikingGRU(INPUT, HIDDEN, 1).double()
    x_seq = torch.randn(T, N, INPUT, dtype=torch.float64)
    y, _ = net(x_seq)
    recorder = monitor.OutputMonitor(net, rnn.SpikingGRUCell)
    hooked, _ = net(x_seq)
    assert torch.equal(hooked, y)
    assert torch.equal(torch.stack(recorder.records), y)


def test_classes_without_a_step_or_a_cell() -> None:
    cell = rnn.SpikingRNNCellBase(1, 1)
    cell.linear_ih = nn.Linear(1, 1)
    with pytest.raises(NotImplementedError, match="SpikingRNNCellBase defines neither recurrent_step nor forward"):
        cell(torch.zeros(1, 1))
    with pytest.raises(NotImplementedError, match=r"names the class of its cells in base_cell\(\)"):
        rnn.SpikingRNNBase(1, 1, 1)
