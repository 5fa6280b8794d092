"""Networks of which every sum is exact in float32, whatever its order: an exported one must agree to the last bit."""

import torch
from torch import nn

from spikingjelly.activation_based import layer, neuron


def exact(net: nn.Module) -> nn.Module:
    """``net`` with weights that are multiples of 1/16, in evaluation mode."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                for parameter in module.parameters():
                    parameter.copy_((parameter * 64.0).round() / 16.0)
    return net.eval()


def stack() -> nn.Sequential:
    """``[N, 6]`` to ``[N, 4]``: neurons with every kind of decay and reset, recurrence, a synapse and a delay."""
    return nn.Sequential(
        layer.Linear(6, 8),
        neuron.LIFNode(tau=4.0, v_reset=0.25, v_threshold=0.5),
        layer.Linear(8, 8, bias=False),
        neuron.ParametricLIFNode(init_tau=4.0, decay_input=False),
        layer.Linear(8, 4),
        neuron.IFNode(v_reset=None),
        layer.ElementWiseRecurrentContainer(neuron.IFNode(), lambda y, x: x - y),
        layer.LinearRecurrentContainer(neuron.LIFNode(decay_input=False), 4, 4),
        layer.SynapseFilter(tau=4.0),
        layer.Delay(2),
    )


def convolutional() -> nn.Sequential:
    """``[N, 2, 8, 8]`` to ``[N, 3]``, with normalisation, whose sums are not exact."""
    net = nn.Sequential(
        layer.Conv2d(2, 4, 3, padding=1, bias=False),
        layer.BatchNorm2d(4),
        neuron.LIFNode(v_reset=None),
        layer.MaxPool2d(2),
        layer.Flatten(),
        layer.Dropout(0.5),
        layer.Linear(64, 3),
        neuron.IFNode(),
    )
    with torch.no_grad():
        net[1].running_mean.uniform_(-0.2, 0.2)
        net[6].bias.fill_(0.3)
        net[1].running_var.uniform_(0.05, 0.2)
    return net
