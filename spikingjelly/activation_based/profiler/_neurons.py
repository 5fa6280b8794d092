"""Which modules have neurons' dynamics."""

import torch
from torch import nn

from spikingjelly.activation_based import base, layer, neuron, surrogate
from spikingjelly.activation_based._spiking_classes import SPIKING

NEURONS: tuple[type, ...] = (*SPIKING, neuron.NonSpikingBaseNode)
# A surrogate outside a neuron fires for one, as in the cells of `rnn`; a synapse filter is updated as a neuron is.
OTHER_DYNAMICS: tuple[type, ...] = (surrogate.SurrogateFunctionBase, layer.SynapseFilter)


def outermost(net: nn.Module, classes: tuple[type, ...]) -> dict[str, nn.Module]:
    """The modules of these classes that are in no other one of them, by name."""
    found: dict[str, nn.Module] = {}
    module: nn.Module
    for name, module in net.named_modules():
        if isinstance(module, classes) and not any(name.startswith(f"{owner}." if owner else "") for owner in found):
            found[name] = module
    return found


def state_variables(module: nn.Module, values: int) -> int:
    """How many memories hold a number for each of ``values`` neurons; at least one."""
    if not isinstance(module, base.MemoryModule):
        return 1
    return max(1, sum(isinstance(memory, torch.Tensor) and memory.numel() == values for memory in module.memories()))
