"""Spiking GRU."""

import torch

from spikingjelly.activation_based.rnn._cell import TwoSurrogatesCell
from spikingjelly.activation_based.rnn._network import TwoSurrogatesNetwork


class SpikingGRUCell(TwoSurrogatesCell):
    r"""One time step of a spiking GRU.

    .. math::
        r[t] &= \Theta_1(W_{ir} x[t] + b_{ir} + W_{hr} h[t-1] + b_{hr}) \\
        z[t] &= \Theta_1(W_{iz} x[t] + b_{iz} + W_{hz} h[t-1] + b_{hz}) \\
        n[t] &= \Theta_2(W_{in} x[t] + b_{in} + r[t] (W_{hn} h[t-1] + b_{hn})) \\
        h[t] &= (1 - z[t]) n[t] + z[t] h[t-1]

    With sigmoid for :math:`\Theta_1` and tanh for :math:`\Theta_2` this is ``torch.nn.GRUCell``, gates in the same
    order (r, z, n).

    :param input_size: features of the input
    :param hidden_size: features of ``h``
    :param bias: whether there are biases
    :param surrogate_function1: gives r and z and their gradients, default ``Erf(alpha=2.0)``
    :param surrogate_function2: gives n and its gradient, default None: ``surrogate_function1``

    Called with ``x`` ``[N, input_size]`` and ``h`` ``[N, hidden_size]`` (default zeros), it returns the new ``h``.

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
    Translation", EMNLP 2014, with spikes as gates.
    """

    _outputs = 3

    def recurrent_step(self, from_input: torch.Tensor, states: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        (h,) = states
        sizes = (2 * self.hidden_size, self.hidden_size)
        input_rz, input_n = from_input.split(sizes, dim=-1)
        hidden_rz, hidden_n = self.linear_hh(h).split(sizes, dim=-1)
        r, z = self.surrogate_function1(input_rz + hidden_rz).chunk(2, dim=-1)
        candidate = self.surrogate_function1 if self.surrogate_function2 is None else self.surrogate_function2
        n = candidate(input_n + r * hidden_n)
        return ((1.0 - z) * n + z * h,)


class SpikingGRU(TwoSurrogatesNetwork):
    r"""Layers of :class:`SpikingGRUCell`, in one direction of time or two.

    :param input_size: features of the input
    :param hidden_size: features of ``h`` of each layer and direction
    :param num_layers: number of layers
    :param bias: whether there are biases
    :param dropout_p: probability that an output of a layer, the last one excepted, is dropped, default 0
    :param invariant_dropout_mask: True for one mask for all time steps of a call, False for one for each time step
    :param bidirectional: whether each layer also runs backward in time
    :param surrogate_function1: gives r and z and their gradients, default ``Erf(alpha=2.0)``
    :param surrogate_function2: gives n and its gradient, default None: ``surrogate_function1``

    Called with ``x`` ``[T, N, input_size]`` and ``h`` ``[num_layers * directions, N, hidden_size]`` (default zeros), it
    returns ``y`` ``[T, N, directions * hidden_size]`` and the final ``h``; see :class:`SpikingRNNBase` for the layout
    and the errors.
    """

    @staticmethod
    def base_cell() -> type[SpikingGRUCell]:
        return SpikingGRUCell
