"""One layer over all time steps: the input's matrix product at once, the recurrence step by step."""

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import nn

from spikingjelly.activation_based.rnn._cell import SpikingRNNCellBase
from spikingjelly.activation_based.rnn._states import States, check_input, initial_states, packed, unpacked

Unpacked = tuple[torch.Tensor, ...]


def run_over_time(
    cell: nn.Module, x_seq: torch.Tensor, states: Unpacked, backward: bool = False
) -> tuple[torch.Tensor, Unpacked]:
    """The outputs ``[T, N, hidden_size]`` of ``cell`` and its states after the last time step.

    :param backward: whether time runs from the last step to the first; the outputs stay in the order of the input
    """
    step: Callable[[torch.Tensor, Unpacked], Unpacked]
    if _calls_are_recurrent_steps(cell):
        steps, step = cell.linear_ih(x_seq).unbind(0), cell.recurrent_step
    else:
        steps, step = x_seq.unbind(0), _call_of(cell)
    outputs = []
    for at_t in reversed(steps) if backward else steps:
        states = step(at_t, states)
        outputs.append(states[0])
    if backward:
        outputs.reverse()
    return torch.stack(outputs), states


def run_both_ways(
    cell: nn.Module, cell_reverse: nn.Module, x_seq: torch.Tensor, states: Unpacked, states_reverse: Unpacked
) -> tuple[torch.Tensor, Unpacked, Unpacked]:
    """The outputs of two cells, one in each direction of time, side by side, and the states of each."""
    y, states = run_over_time(cell, x_seq, states)
    y_reverse, states_reverse = run_over_time(cell_reverse, x_seq, states_reverse, backward=True)
    return torch.cat((y, y_reverse), dim=-1), states, states_reverse


def bidirectional_rnn_cell_forward(
    cell: SpikingRNNCellBase,
    cell_reverse: SpikingRNNCellBase,
    x: torch.Tensor,
    states: States | None = None,
    states_reverse: States | None = None,
) -> tuple[torch.Tensor, States, States]:
    """One layer in both directions of time.

    :param cell: runs from the first time step to the last
    :param cell_reverse: runs from the last time step to the first
    :param x: ``[T, N, input_size]``
    :param states: initial states of ``cell``, each ``[N, hidden_size]``: a tensor ``h``, or a tuple ``(h, c)`` for
        LSTM. None stands for zeros.
    :param states_reverse: initial states of ``cell_reverse``
    :return: the outputs ``[T, N, 2 * hidden_size]``, forward ones first, and the final states of each cell

    :raises TypeError: for an input or states of wrong types
    :raises ValueError: for an input or states of wrong shapes
    """
    initial = []
    for one, given in ((cell, states), (cell_reverse, states_reverse)):
        check_input(one, x, "T, N, input_size", one.input_size)
        initial.append(initial_states(one, given, one.states_num(), (x.shape[1], one.hidden_size), x))
    y, after, after_reverse = run_both_ways(cell, cell_reverse, x, *initial)
    return y, packed(after), packed(after_reverse)


def _calls_are_recurrent_steps(cell: nn.Module) -> TypeGuard[SpikingRNNCellBase]:
    """Whether a call of ``cell`` does no more than its class says: no ``forward`` of its own and no hooks."""
    if type(cell).forward is not SpikingRNNCellBase.forward or "forward" in vars(cell):
        return False
    hooks: Any = (cell._forward_hooks, cell._forward_pre_hooks, cell._backward_hooks, cell._backward_pre_hooks)
    return not any(hooks)


def _call_of(cell: nn.Module) -> Callable[[torch.Tensor, Unpacked], Unpacked]:
    def step(x: torch.Tensor, states: Unpacked) -> Unpacked:
        return unpacked(cell, cell(x, packed(states)), len(states))

    return step
