"""Spiking Elman network."""

import torch

from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_ERF
from spikingjelly.activation_based.rnn._cell import SpikingRNNCellBase, Surrogate, checked_surrogate
from spikingjelly.activation_based.rnn._network import SpikingRNNBase


class SpikingVanillaRNNCell(SpikingRNNCellBase):
    r"""One time step of a spiking Elman network.

    .. math::
        h[t] = \Theta(W_{ih} x[t] + b_{ih} + W_{hh} h[t-1] + b_{hh})

    With tanh or relu for :math:`\Theta` this is ``torch.nn.RNNCell``.

    :param input_size: features of the input
    :param hidden_size: features of ``h``
    :param bias: whether there are biases
    :param surrogate_function: gives h and its gradient, default ``Erf(alpha=2.0)``

    Called with ``x`` ``[N, input_size]`` and ``h`` ``[N, hidden_size]`` (default zeros), it returns the new ``h``.

    Source: Elman, "Finding Structure in Time", 1990, with a spike as output.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, surrogate_function: Surrogate = DEFAULT_ERF
    ) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.surrogate_function = checked_surrogate(self, "surrogate_function", surrogate_function)
        self._make_linear(1)

    def recurrent_step(self, from_input: torch.Tensor, states: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return (self.surrogate_function(from_input + self.linear_hh(states[0])),)


class SpikingVanillaRNN(SpikingRNNBase):
    r"""Layers of :class:`SpikingVanillaRNNCell`, in one direction of time or two.

    :param input_size: features of the input
    :param hidden_size: features of ``h`` of each layer and direction
    :param num_layers: number of layers
    :param bias: whether there are biases
    :param dropout_p: probability that an output of a layer, the last one excepted, is dropped, default 0
    :param invariant_dropout_mask: True for one mask for all time steps of a call, False for one for each time step
    :param bidirectional: whether each layer also runs backward in time
    :param surrogate_function: gives h and its gradient, default ``Erf(alpha=2.0)``

    Called with ``x`` ``[T, N, input_size]`` and ``h`` ``[num_layers * directions, N, hidden_size]`` (default zeros), it
    returns ``y`` ``[T, N, directions * hidden_size]`` and the final ``h``; see :class:`SpikingRNNBase` for the layout
    and the errors.
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
        surrogate_function: Surrogate = DEFAULT_ERF,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            dropout_p,
            invariant_dropout_mask,
            bidirectional,
            surrogate_function,
        )

    @staticmethod
    def base_cell() -> type[SpikingVanillaRNNCell]:
        return SpikingVanillaRNNCell
