"""Our networks that other frameworks run, by name, with the shape of their input."""

from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.activation_based import layer, neuron

INPUTS, HIDDEN, STEPS = 4, 5, 40
Made = tuple[nn.Module, tuple[int, ...]]


def _dense(hidden: nn.Module, last: nn.Module) -> Made:
    return nn.Sequential(layer.Linear(INPUTS, HIDDEN), hidden, layer.Linear(HIDDEN, 3), last), (INPUTS,)


def _integers() -> Made:
    """Weights of whole numbers, so that potentials meet the threshold exactly."""
    network, shape = _dense(neuron.IFNode(v_threshold=3.0), neuron.IFNode(v_threshold=2.0))
    with torch.no_grad():
        for module in network[0], network[2]:
            module.weight.copy_(torch.randint(-1, 3, module.weight.shape))
            module.bias.zero_()
    return network, shape


def _convolution(smaller: nn.Module) -> Made:
    network = nn.Sequential(
        layer.Conv2d(1, 3, 3, padding=1, bias=False), layer.BatchNorm2d(3), neuron.LIFNode(v_threshold=0.3),
        smaller, layer.Flatten(), layer.Linear(12, 3), neuron.LIFNode(tau=4.0, v_threshold=0.1),
    )  # fmt: skip
    for values in (network[1].running_var, network[1].weight.detach()):
        values.uniform_(0.5, 2.0)
    return network, (1, 4, 4)


def _recurrent() -> Made:
    sub = neuron.LIFNode(v_threshold=0.3)
    return nn.Sequential(layer.LinearRecurrentContainer(sub, INPUTS, INPUTS), layer.Linear(INPUTS, 3)), (INPUTS,)


NETWORKS: dict[str, Callable[[], Made]] = {
    "lif": lambda: _dense(neuron.LIFNode(v_threshold=0.3), neuron.LIFNode(tau=5.0, v_threshold=0.1)),
    "lif_no_decay_input": lambda: _dense(neuron.LIFNode(3.0, decay_input=False), neuron.LIFNode(5.0, False)),
    "plif": lambda: _dense(neuron.ParametricLIFNode(2.3, v_threshold=0.3), neuron.ParametricLIFNode(v_threshold=0.1)),
    "if": lambda: _dense(neuron.IFNode(), neuron.IFNode(v_threshold=0.4)),
    "if_integers": _integers,
    "cuba": lambda: _dense(neuron.CLIFNode(), neuron.CLIFNode(0.25, 0.5, v_threshold=0.4)),
    "convolution": lambda: _convolution(layer.Conv2d(3, 3, 2, stride=2)),
    "pooling": lambda: _convolution(layer.AvgPool2d(2)),
    "max_pooling": lambda: _convolution(layer.MaxPool2d(2)),
    "recurrent": _recurrent,
}


def input_of(shape: tuple[int, ...]) -> torch.Tensor:
    """A sequence of spikes of height 2, ``[T, N, *]``."""
    return (torch.rand(STEPS, 2, *shape) < 0.5).float() * 2.0
