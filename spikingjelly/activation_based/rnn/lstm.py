"""Spiking LSTM."""

import torch

from spikingjelly.activation_based.rnn._cell import TwoSurrogatesCell
from spikingjelly.activation_based.rnn._network import TwoSurrogatesNetwork


class SpikingLSTMCell(TwoSurrogatesCell):
    r"""One time step of a spiking LSTM.

    .. math::
        i[t] &= \Theta_1(W_{ii} x[t] + b_{ii} + W_{hi} h[t-1] + b_{hi}) \\
        f[t] &= \Theta_1(W_{if} x[t] + b_{if} + W_{hf} h[t-1] + b_{hf}) \\
        g[t] &= \Theta_2(W_{ig} x[t] + b_{ig} + W_{hg} h[t-1] + b_{hg}) \\
        o[t] &= \Theta_1(W_{io} x[t] + b_{io} + W_{ho} h[t-1] + b_{ho}) \\
        c[t] &= \min(f[t] c[t-1] + i[t] g[t],\ 1) \\
        h[t] &= o[t] c[t]

    The bound of :math:`c` is no part of the gradient: it passes through as if there were none.

    ``torch.nn.LSTMCell`` differs in three things: sigmoid and tanh in place of :math:`\Theta_1` and
    :math:`\Theta_2`, no bound of :math:`c`, and :math:`h = o \tanh(c)`. The gates have the same order (i, f, g, o).

    :param input_size: features of the input
    :param hidden_size: features of ``h`` and ``c``
    :param bias: whether there are biases
    :param surrogate_function1: gives i, f and o and their gradients, default ``Erf(alpha=2.0)``
    :param surrogate_function2: gives g and its gradient, default None: ``surrogate_function1``

    Called with ``x`` ``[N, input_size]`` and ``(h, c)``, each ``[N, hidden_size]`` (default zeros), it returns the new
    ``(h, c)``.

    Source: Lotfi Rezaabad and Vishwanath, "Long Short-Term Memory Spiking Networks and Their Applications", 2020.
    """

    _outputs = 4
    _largest_c = 1.0

    @staticmethod
    def states_num() -> int:
        return 2

    def recurrent_step(self, from_input: torch.Tensor, states: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        h, c = states
        i, f, g, o = self._gates(from_input + self.linear_hh(h))
        c = c * f + i * g
        with torch.no_grad():
            c.clamp_(max=self._largest_c)
        return o * c, c

    def _gates(self, before: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self.surrogate_function2 is None:
            return self.surrogate_function1(before).chunk(4, dim=-1)
        before_if, before_g, before_o = before.split((2 * self.hidden_size, self.hidden_size, self.hidden_size), dim=-1)
        i, f = self.surrogate_function1(before_if).chunk(2, dim=-1)
        return i, f, self.surrogate_function2(before_g), self.surrogate_function1(before_o)


class SpikingLSTM(TwoSurrogatesNetwork):
    r"""Layers of :class:`SpikingLSTMCell`, in one direction of time or two.

    :param input_size: features of the input
    :param hidden_size: features of ``h`` and ``c`` of each layer and direction
    :param num_layers: number of layers
    :param bias: whether there are biases
    :param dropout_p: probability that an output of a layer, the last one excepted, is dropped, default 0
    :param invariant_dropout_mask: True for one mask for all time steps of a call, False for one for each time step
    :param bidirectional: whether each layer also runs backward in time
    :param surrogate_function1: gives i, f and o and their gradients, default ``Erf(alpha=2.0)``
    :param surrogate_function2: gives g and its gradient, default None: ``surrogate_function1``

    Called with ``x`` ``[T, N, input_size]`` and ``(h, c)``, each ``[num_layers * directions, N, hidden_size]`` (default
    zeros), it returns ``y`` ``[T, N, directions * hidden_size]`` and the final ``(h, c)``; see
    :class:`SpikingRNNBase` for the layout and the errors.

    Source: Lotfi Rezaabad and Vishwanath, "Long Short-Term Memory Spiking Networks and Their Applications", 2020.
    """

    @staticmethod
    def base_cell() -> type[SpikingLSTMCell]:
        return SpikingLSTMCell
