"""The classes whose outputs are spikes."""

from torch import nn

from spikingjelly.activation_based import neuron

SPIKING: tuple[type[nn.Module], ...] = (
    neuron.BaseNode,
    neuron.SimpleBaseNode,
    neuron.GatedLIFNode,
    neuron.DSRIFNode,
    neuron.DSRLIFNode,
    neuron.PSN,
    neuron.MaskedPSN,
    neuron.SlidingPSN,
)
