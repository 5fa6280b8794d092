"""The truth: spiking recurrent networks as loops over layers, directions and time steps, gate by gate."""

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import rnn

NETWORKS = {"lstm": rnn.SpikingLSTM, "gru": rnn.SpikingGRU, "vanilla": rnn.SpikingVanillaRNN}


def surrogates_of(cell: nn.Module) -> tuple:
    if isinstance(cell, rnn.SpikingVanillaRNNCell):
        return cell.surrogate_function, None
    return cell.surrogate_function1, cell.surrogate_function2 or cell.surrogate_function1


def step(cell: nn.Module, x: torch.Tensor, states: list[torch.Tensor]) -> list[torch.Tensor]:
    size, h = cell.hidden_size, states[0]

    def from_x(gate: int) -> torch.Tensor:
        rows = slice(gate * size, (gate + 1) * size)
        return x @ cell.weight_ih()[rows].T + (cell.bias_ih()[rows] if cell.bias else 0.0)

    def from_h(gate: int) -> torch.Tensor:
        rows = slice(gate * size, (gate + 1) * size)
        return h @ cell.weight_hh()[rows].T + (cell.bias_hh()[rows] if cell.bias else 0.0)

    first, second = surrogates_of(cell)
    if isinstance(cell, rnn.SpikingLSTMCell):
        i, f, o = (first(from_x(gate) + from_h(gate)) for gate in (0, 1, 3))
        c = states[1] * f + i * second(from_x(2) + from_h(2))
        c = c + (c.clamp(max=1.0) - c).detach()
        return [o * c, c]
    if isinstance(cell, rnn.SpikingGRUCell):
        r, z = (first(from_x(gate) + from_h(gate)) for gate in (0, 1))
        return [(1 - z) * second(from_x(2) + r * from_h(2)) + z * h]
    return [first(from_x(0) + from_h(0))]


def run(net: rnn.SpikingRNNBase, x_seq: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list]:
    """Outputs and final states; ``states`` has one tensor ``[num_layers * directions, N, hidden_size]`` for each kind."""
    directions = [(net.cells, False)] + ([(net.cells_reverse, True)] if net.bidirectional else [])
    final = [[None] * len(states[0]) for _ in states]
    for number in range(net.num_layers):
        if number and net.training and net.dropout_p:
            T = 1 if net.invariant_dropout_mask else len(x_seq)
            x_seq = x_seq * F.dropout(torch.ones(T, *x_seq.shape[1:], dtype=x_seq.dtype), net.dropout_p)
        outputs = []
        for way, (cells, backward) in enumerate(directions):
            place = way * net.num_layers + number
            current = [kind[place] for kind in states]
            at = {}
            for t in reversed(range(len(x_seq))) if backward else range(len(x_seq)):
                current = step(cells[number], x_seq[t], current)
                at[t] = current[0]
            outputs.append(torch.stack([at[t] for t in range(len(x_seq))]))
            for kind, state in enumerate(current):
                final[kind][place] = state
        x_seq = torch.cat(outputs, dim=-1)
    return x_seq, [torch.stack(kind) for kind in final]


def zeros(net: rnn.SpikingRNNBase, x_seq: torch.Tensor) -> list[torch.Tensor]:
    shape = (net.num_layers * (1 + net.bidirectional), x_seq.shape[1], net.hidden_size)
    return [x_seq.new_zeros(shape) for _ in range(2 if isinstance(net, rnn.SpikingLSTM) else 1)]
