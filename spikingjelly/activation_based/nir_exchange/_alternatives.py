"""What to use instead of a module that NIR has no node for."""

from typing import Any

from torch import nn

from spikingjelly.activation_based import base, layer, neuron

_ALTERNATIVES: tuple[tuple[Any, str], ...] = (
    (
        (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
        "NIR has no max pooling. That of spikes, directly behind neurons and in two dimensions, is written as a sum "
        "and neurons that fire at any spike. The nearest for other values is layer.AvgPool2d",
    ),
    ((nn.AvgPool1d, nn.AdaptiveAvgPool1d), "The nearest are layer.AvgPool2d and layer.Conv1d with equal weights"),
    (nn.modules.conv._ConvTransposeNd, "The nearest are layer.Conv1d and layer.Conv2d"),
    ((nn.Conv3d, nn.AvgPool3d, nn.BatchNorm3d), "NIR has layers of one and two dimensions in space"),
    (nn.modules.batchnorm._BatchNorm, "The nearest are layer.BatchNorm1d and layer.BatchNorm2d, which are folded"),
    ((nn.GroupNorm, nn.LayerNorm), "Its output depends on the input's statistics. The nearest is layer.BatchNorm2d"),
    (nn.ReLU, "The nearest is a spiking neuron, such as neuron.IFNode"),
    (
        layer.SynapseFilter,
        "Its current decays only where there is no spike, which is no linear equation. The nearest is "
        "nir_exchange.LeakyIntegrator",
    ),
    ((neuron.SimpleIFNode, neuron.ILCIFNode), "The nearest is neuron.IFNode"),
    (neuron.LIFNode, "A subclass may have other equations. The nearest is neuron.LIFNode itself"),
    (neuron.IFNode, "A subclass may have other equations. The nearest is neuron.IFNode itself"),
    (neuron.NonSpikingBaseNode, "The nearest are nir_exchange.Integrator and LeakyIntegrator"),
    (
        (neuron.BaseNode, neuron.SimpleBaseNode),
        "NIR has integrate-and-fire neurons without and with a leak and with a synaptic current. The nearest are "
        "neuron.LIFNode and neuron.CLIFNode",
    ),
    ((nn.Linear, nn.Conv1d, nn.Conv2d), "A subclass may compute something else. Use the layer itself"),
    (base.MemoryModule, "NIR has no node with its state"),
)


def alternative_to(module: nn.Module) -> str:
    """A sentence, as near to ``module`` as NIR comes."""
    for classes, text in _ALTERNATIVES:
        if isinstance(module, classes):
            return text
    return "Take it out of the network that is exported, or build it from layers that NIR has"
