"""Layers of cells: a spiking recurrent network."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based._checks import check_bool, check_positive_int, check_probability
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_ERF
from spikingjelly.activation_based.rnn._cell import Surrogate
from spikingjelly.activation_based.rnn._over_time import run_both_ways, run_over_time
from spikingjelly.activation_based.rnn._states import States, check_input, initial_states, packed


class SpikingRNNBase(nn.Module):
    r"""Layers of cells, in one direction of time or two.

    Layer :math:`l` reads the output of layer :math:`l - 1` at the same time step. A bidirectional layer's output is
    that of its cell that runs forward, then that of its cell that runs backward, and the next layer reads both. The
    cells are ``cells`` and, if bidirectional, ``cells_reverse``, one for each layer.

    States are stacked layer by layer: first those of all ``cells``, then those of all ``cells_reverse``. (In
    ``torch.nn.LSTM`` the two directions of each layer stand side by side. ``s.unflatten(0, (2, L)).transpose(0,
    1).flatten(0, 1)`` turns one order into the other for L layers.)

    A network of one's own names its cell; further arguments go to each cell behind ``bias``::

        class Network(rnn.SpikingRNNBase):
            @staticmethod
            def base_cell():
                return rnn.SpikingVanillaRNNCell

        net = Network(28, 64, num_layers=2, surrogate_function=surrogate.ATan())

    :param input_size: features of the input
    :param hidden_size: features of each state of each layer and direction
    :param num_layers: number of layers
    :param bias: whether there are biases
    :param dropout_p: probability that an output of a layer, the last one excepted, is dropped, default 0
    :param invariant_dropout_mask: True for one mask for all time steps of a call, False for one for each time step
    :param bidirectional: whether each layer also runs backward in time

    :raises TypeError: (also an AssertionError) for arguments of a wrong type
    :raises ValueError: (also an AssertionError) for arguments without meaning
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool = True,
        dropout_p: float = 0,
        invariant_dropout_mask: bool = False,
        bidirectional: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            check_positive_int(self, name, size)
        check_probability(self, dropout_p, below_one=False, name="dropout_p")
        for name, flag in (("bias", bias), ("invariant_dropout_mask", invariant_dropout_mask)):
            check_bool(self, name, flag)
        check_bool(self, "bidirectional", bidirectional)
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.dropout_p = dropout_p
        self.invariant_dropout_mask = invariant_dropout_mask
        self.bidirectional = bidirectional
        if bidirectional:
            self.cells, self.cells_reverse = self.create_cells(*args, **kwargs)
        else:
            self.cells = self.create_cells(*args, **kwargs)

    @staticmethod
    def base_cell() -> Any:
        """The class of the cells."""
        raise NotImplementedError("a spiking recurrent network names the class of its cells in base_cell()")

    @classmethod
    def states_num(cls) -> int:
        """How many states each cell has: 1 for ``h``, 2 for ``(h, c)``."""
        return cls.base_cell().states_num()

    def create_cells(self, *args: Any, **kwargs: Any) -> Any:
        """The cells of all layers, as a pair of lists if bidirectional. Arguments go to each cell behind ``bias``."""
        later_inputs = self.hidden_size * self._directions
        sizes = [self.input_size, *[later_inputs] * (self.num_layers - 1)]
        lists = [nn.ModuleList() for _ in range(self._directions)]
        for size in sizes:
            # both directions of a layer before the next layer, as in torch.nn.LSTM: a seed gives the same weights
            for cells in lists:
                cells.append(self.base_cell()(size, self.hidden_size, self.bias, *args, **kwargs))
        return tuple(lists) if self.bidirectional else lists[0]

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def forward(self, x: torch.Tensor, states: States | None = None) -> tuple[torch.Tensor, States]:
        """All time steps.

        :param x: ``[T, N, input_size]``
        :param states: initial states, each ``[num_layers * directions, N, hidden_size]``: a tensor ``h``, or a
            tuple ``(h, c)`` for LSTM. None stands for zeros.
        :return: the outputs of the last layer ``[T, N, directions * hidden_size]``, and the final states (the backward
            direction's are those after the first time step) in the same form as the initial ones

        :raises TypeError: for an input or states of wrong types
        :raises ValueError: for an input or states of wrong shapes
        """
        check_input(self, x, "T, N, input_size", self.input_size)
        shape = (self.num_layers * self._directions, x.shape[1], self.hidden_size)
        of_cells = list(zip(*initial_states(self, states, self.states_num(), shape, x), strict=True))
        y = x
        for number in range(self.num_layers):
            if number > 0:
                y = self._dropout(y)
            y = self._layer(number, y, of_cells)
        return y, packed(tuple(torch.stack(kind) for kind in zip(*of_cells, strict=True)))

    def _layer(self, number: int, x: torch.Tensor, of_cells: list[tuple[torch.Tensor, ...]]) -> torch.Tensor:
        """The output of the layer with this ``number``; its states in ``of_cells`` go from initial to final ones."""
        cell, back = self.cells[number], number + self.num_layers
        if self.bidirectional:
            y, of_cells[number], of_cells[back] = run_both_ways(
                cell, self.cells_reverse[number], x, of_cells[number], of_cells[back]
            )
        else:
            y, of_cells[number] = run_over_time(cell, x, of_cells[number])
        return y

    def _dropout(self, y: torch.Tensor) -> torch.Tensor:
        if not self.training or self.dropout_p == 0:
            return y
        if self.invariant_dropout_mask:
            return y * F.dropout(torch.ones_like(y[0], requires_grad=False), self.dropout_p)
        return F.dropout(y, self.dropout_p)

    def extra_repr(self) -> str:
        return (
            f"input_size={self.input_size}, hidden_size={self.hidden_size}, num_layers={self.num_layers}, "
            f"bias={self.bias}, dropout_p={self.dropout_p}, invariant_dropout_mask={self.invariant_dropout_mask}, "
            f"bidirectional={self.bidirectional}"
        )


class TwoSurrogatesNetwork(SpikingRNNBase):
    """A network of cells whose gates have one surrogate function, and whose candidates may have another."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool = True,
        dropout_p: float = 0,
        invariant_dropout_mask: bool = False,
        bidirectional: bool = False,
        surrogate_function1: Surrogate = DEFAULT_ERF,
        surrogate_function2: Surrogate | None = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            dropout_p,
            invariant_dropout_mask,
            bidirectional,
            surrogate_function1,
            surrogate_function2,
        )
