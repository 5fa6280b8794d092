"""Spiking recurrent networks: those of ``activation_based``, but the LSTM does not bound its ``c``."""

import math

from spikingjelly.activation_based import rnn
from spikingjelly.activation_based.rnn import (
    SpikingGRU,
    SpikingGRUCell,
    SpikingRNNBase,
    SpikingRNNCellBase,
    SpikingVanillaRNN,
    SpikingVanillaRNNCell,
    bidirectional_rnn_cell_forward,
)

__all__ = [
    "SpikingGRU",
    "SpikingGRUCell",
    "SpikingLSTM",
    "SpikingLSTMCell",
    "SpikingRNNBase",
    "SpikingRNNCellBase",
    "SpikingVanillaRNN",
    "SpikingVanillaRNNCell",
    "bidirectional_rnn_cell_forward",
]


class SpikingLSTMCell(rnn.SpikingLSTMCell):
    r"""One time step of a spiking LSTM, with :math:`c[t] = f[t] c[t-1] + i[t] g[t]`, which may grow beyond 1.

    Everything else is as in :class:`spikingjelly.activation_based.rnn.SpikingLSTMCell`.
    """

    _largest_c = math.inf


class SpikingLSTM(rnn.SpikingLSTM):
    """As :class:`spikingjelly.activation_based.rnn.SpikingLSTM`, of :class:`SpikingLSTMCell`."""

    @staticmethod
    def base_cell() -> type[SpikingLSTMCell]:
        return SpikingLSTMCell
