"""The names that a description may hold: an explicit table, never an import by name."""

import functools
import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from spikingjelly.activation_based import layer, neuron, surrogate

_NETWORKS = (
    "ms_resnet", "parametric_lif_net", "qkformer", "sew_resnet", "spike_driven_transformer", "spikformer",
    "spiking_resnet", "spiking_vgg", "spiking_vggws_ottt",
)  # fmt: skip
# Parts of networks, and networks that take the class of their blocks.
_NOT_DESCRIBED = (
    "BasicBlock", "Bottleneck", "Scale", "conv1x1", "conv3x3", "SEWResNet", "SpikingResNet", "SpikformerBlock",
    "SpikformerConv2dBN", "SpikformerConv2dBNLIF", "SpikformerMLP", "SpikformerPatchStem", "SpikingSelfAttention",
)  # fmt: skip


def _modules(room: Any, base: type) -> dict[str, type]:
    found = ((name, getattr(room, name)) for name in room.__all__)
    return {name: value for name, value in found if inspect.isclass(value) and issubclass(value, base)}


# kind of a reference -> the classes that it may name
CLASSES: dict[str, dict[str, type]] = {
    "neuron": _modules(neuron, nn.Module),
    "surrogate": _modules(surrogate, surrogate.SurrogateFunctionBase),
    "layer": _modules(layer, nn.Module),
}


def sequential(layers: Sequence[nn.Module]) -> nn.Sequential:
    """A network of layers that run one after the other, for :func:`make_config`, where each is a :class:`Part`."""
    return nn.Sequential(*layers)


@functools.cache
def builders() -> dict[str, Callable[..., nn.Module]]:
    """What a description may name: :func:`sequential`, and the networks of ``activation_based.model``."""
    found: dict[str, Callable[..., nn.Module]] = {"sequential": sequential}
    for home in _NETWORKS:
        module = importlib.import_module(f"spikingjelly.activation_based.model.{home}")
        for name in module.__all__:
            value = getattr(module, name)
            made = value if inspect.isclass(value) else getattr(value, "__annotations__", {}).get("return")
            if name not in _NOT_DESCRIBED and inspect.isclass(made) and issubclass(made, nn.Module):
                found[name] = value
    return found
