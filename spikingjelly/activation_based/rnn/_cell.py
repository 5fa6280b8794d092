"""The cell of a spiking recurrent network: one time step of one layer in one direction."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import ArgumentTypeError, check_bool, check_positive_int, describe, name_of
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_ERF, own_surrogate
from spikingjelly.activation_based.rnn._states import States, check_input, initial_states, packed

Surrogate = Callable[[torch.Tensor], torch.Tensor]


class SpikingRNNCellBase(nn.Module):
    r"""What the cells share: two linear layers, their initial values, and a call for one time step.

    A cell of one's own makes ``linear_ih`` and ``linear_hh``, calls :meth:`reset_parameters`, and writes
    :meth:`recurrent_step`. A network then applies ``linear_ih`` to all time steps at once::

        class Leaky(rnn.SpikingRNNCellBase):
            def __init__(self, input_size, hidden_size, bias=True, decay=0.5):
                super().__init__(input_size, hidden_size, bias)
                self.linear_ih = nn.Linear(input_size, hidden_size, bias)
                self.linear_hh = nn.Linear(hidden_size, hidden_size, bias)
                self.reset_parameters()
                self.decay = decay
                self.surrogate_function = surrogate.Erf()

            @staticmethod
            def states_num():
                return 2

            def recurrent_step(self, from_input, states):
                h, v = states
                v = self.decay * v * (1 - h) + from_input + self.linear_hh(h)
                return self.surrogate_function(v - 1.0), v

    A cell that overrides :meth:`forward` instead is called once for each time step.

    :param input_size: features of the input
    :param hidden_size: features of each state
    :param bias: whether the linear layers have biases
    """

    linear_ih: nn.Module
    linear_hh: nn.Module

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        check_positive_int(self, "input_size", input_size)
        check_positive_int(self, "hidden_size", hidden_size)
        check_bool(self, "bias", bias)
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias

    def _make_linear(self, gates: int) -> None:
        self.linear_ih = nn.Linear(self.input_size, gates * self.hidden_size, self.bias)
        self.linear_hh = nn.Linear(self.hidden_size, gates * self.hidden_size, self.bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        r"""Draw every parameter from the uniform distribution on :math:`\pm 1/\sqrt{\mathrm{hidden\_size}}`."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def weight_ih(self) -> Any:
        """The weight of the input, ``[gates * hidden_size, input_size]``."""
        return self.linear_ih.weight

    def weight_hh(self) -> Any:
        """The weight of the last output, ``[gates * hidden_size, hidden_size]``."""
        return self.linear_hh.weight

    def bias_ih(self) -> Any:
        """The bias that goes with :meth:`weight_ih`, ``[gates * hidden_size]``, or None."""
        return self.linear_ih.bias

    def bias_hh(self) -> Any:
        """The bias that goes with :meth:`weight_hh`, ``[gates * hidden_size]``, or None."""
        return self.linear_hh.bias

    @staticmethod
    def states_num() -> int:
        """How many states ``[N, hidden_size]`` the cell has."""
        return 1

    def recurrent_step(self, from_input: torch.Tensor, states: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """One time step after ``linear_ih``.

        :param from_input: ``linear_ih(x)`` of this time step, ``[N, gates * hidden_size]``
        :param states: the states after the last time step, each ``[N, hidden_size]``
        :return: the states after this one; the first is the output
        """
        raise NotImplementedError(f"{type(self).__name__} defines neither recurrent_step nor forward")

    def forward(self, x: torch.Tensor, hc: States | None = None) -> States:
        """One time step.

        :param x: ``[N, input_size]``
        :param hc: the states after the last time step, each ``[N, hidden_size]``: one tensor ``h`` where the cell has
            one state, else a tuple whose first is ``h``. None stands for zeros.
        :return: the states after this time step in the same form; ``h`` is the output

        :raises TypeError: for an input or states of wrong types
        :raises ValueError: for an input or states of wrong shapes
        """
        check_input(self, x, "N, input_size", self.input_size)
        states = initial_states(self, hc, self.states_num(), (x.shape[0], self.hidden_size), x)
        return packed(self.recurrent_step(self.linear_ih(x), states))

    def extra_repr(self) -> str:
        return f"input_size={self.input_size}, hidden_size={self.hidden_size}, bias={self.bias}"


class TwoSurrogatesCell(SpikingRNNCellBase):
    """A cell whose gates have one surrogate function, and whose candidate for the new state may have another."""

    _outputs: int  # of each linear layer, in multiples of ``hidden_size``: the gates and the candidate

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        surrogate_function1: Surrogate = DEFAULT_ERF,
        surrogate_function2: Surrogate | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.surrogate_function1 = checked_surrogate(self, "surrogate_function1", surrogate_function1)
        self.surrogate_function2 = (
            None
            if surrogate_function2 is None
            else checked_surrogate(self, "surrogate_function2", surrogate_function2, optional=True)
        )
        self._make_linear(self._outputs)


def checked_surrogate(owner: nn.Module, name: str, function: Surrogate, optional: bool = False) -> Surrogate:
    """``function``, which must be callable; a copy of it where it is a default argument."""
    if not callable(function):
        raise ArgumentTypeError(
            f"{name_of(owner)}: {name} must be a surrogate function (or another callable{' or None' * optional}), but "
            f"{describe(function)} was given."
        )
    return own_surrogate(owner, function, name)
