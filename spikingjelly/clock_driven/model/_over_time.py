"""Layers of ``torch.nn`` that a program puts into a network for sequences: there they take each time step alone."""

import copy

from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based.base import StepModule

_WITH_STEP_MODE: dict[type, type] = {
    getattr(nn, name): getattr(layer, name)
    for name in layer.__all__
    if isinstance(getattr(nn, name, None), type) and issubclass(getattr(layer, name), getattr(nn, name))
}


def let_children_take_sequences(module: nn.Module) -> None:
    """Exchange the children of ``module`` that take ``[N, *]``, which programs assign, for those that take sequences.

    The parameters are the same objects, and so are the names.
    """
    for name, child in module._modules.items():
        if child is not None:
            module._modules[name] = _for_sequences(child)


def _for_sequences(module: nn.Module) -> nn.Module:
    """``module`` itself if it takes sequences, else a twin that shares its parameters and takes them."""
    if type(module) is nn.Sequential:
        children = {name: _for_sequences(child) for name, child in module._modules.items() if child is not None}
        if all(child is module._modules[name] for name, child in children.items()):
            return module
        sequence = copy.copy(module)
        sequence._modules = {**children}
        return sequence
    cls = _WITH_STEP_MODE.get(type(module))
    if cls is None:
        return module
    twin = copy.copy(module)
    twin.__class__ = cls
    assert isinstance(twin, StepModule)
    twin.step_mode = "m"
    return twin
