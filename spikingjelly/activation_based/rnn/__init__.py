"""Spiking recurrent networks: LSTM, GRU and Elman networks whose gates are spikes.

Layers, directions, weights and states are laid out as in ``torch.nn.LSTM``, ``GRU`` and ``RNN``. Nothing is kept
between calls: states are given and returned.

Source: Lotfi Rezaabad and Vishwanath, "Long Short-Term Memory Spiking Networks and Their Applications", 2020.
"""

from spikingjelly.activation_based.rnn._cell import SpikingRNNCellBase
from spikingjelly.activation_based.rnn._network import SpikingRNNBase
from spikingjelly.activation_based.rnn._over_time import bidirectional_rnn_cell_forward
from spikingjelly.activation_based.rnn.gru import SpikingGRU, SpikingGRUCell
from spikingjelly.activation_based.rnn.lstm import SpikingLSTM, SpikingLSTMCell
from spikingjelly.activation_based.rnn.vanilla import SpikingVanillaRNN, SpikingVanillaRNNCell

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
