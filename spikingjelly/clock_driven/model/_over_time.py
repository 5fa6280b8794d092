"""The layers of a network for sequences, also of those of ``torch.nn`` that a program puts into one.

They take sequences, and images too: a program may have a ``forward`` of its own that hands them ``[T * N, C, H, W]``.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based.base import StepModule


class _ImagesToo:
    """A first base of a layer; in step mode 'm', ``[N, C, H, W]`` is a batch."""

    def _run(self, torch_layer: Callable[[torch.Tensor], Any], x: torch.Tensor) -> Any:
        return torch_layer(x) if x.dim() == 4 else super()._run(torch_layer, x)  # type: ignore[misc]


_IMAGES_TOO: dict[type, type] = {}


def _of_images_too(cls: Any) -> Any:
    """``cls``, or where its time steps are images its twin that takes them; as a class of this module, for pickles."""
    if "N, C, H, W" in getattr(cls, "_layouts", ()):
        name = cls.__name__
        globals()[name] = _IMAGES_TOO[cls] = type(
            name, (_ImagesToo, cls), {"__module__": __name__, "__doc__": cls.__doc__}
        )
    return _IMAGES_TOO.get(cls, cls)


_WITH_STEP_MODE: dict[type, type] = {
    getattr(nn, name): _of_images_too(getattr(layer, name))
    for name in layer.__all__
    if isinstance(getattr(nn, name, None), type) and issubclass(getattr(layer, name), getattr(nn, name))
}


def let_layers_take_images(module: nn.Module) -> None:
    """Let the layers in ``module`` that are in step mode 'm' take ``[N, C, H, W]`` too, as one batch."""
    for part in module.modules():
        cls = _IMAGES_TOO.get(type(part))
        if cls is not None:
            part.__class__ = cls


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
