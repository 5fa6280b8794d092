"""Constructors of networks for single steps and for sequences, from those that serve both."""

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import functional

Constructor = Callable[..., nn.Module]


def former_constructors(module: ModuleType) -> dict[str, Constructor]:
    """For each constructor ``name`` in ``module``, ``name`` and ``multi_step_name``.

    ``name`` takes ``single_step_neuron`` where the constructor takes ``spiking_neuron``, and ``multi_step_name`` takes
    ``multi_step_neuron``, and ``T`` before the arguments that are the network's own. With a ``T`` the network also
    takes images ``[N, C, H, W]``, the same in all time steps.
    """
    found: dict[str, Constructor] = {}
    for name in module.__all__:
        build = getattr(module, name)
        if inspect.isfunction(build) and "pretrained" in inspect.signature(build).parameters:
            found[name] = _single_step(build)
            found[f"multi_step_{name}"] = _multi_step(build)
    return found


def _single_step(build: Constructor) -> Constructor:
    @functools.wraps(build)
    def constructor(pretrained: bool = False, progress: bool = True, *args: Any, **kwargs: Any) -> nn.Module:
        return build(pretrained, progress, **_own(build, "single_step_neuron", args, kwargs))

    return constructor


def _multi_step(build: Constructor) -> Constructor:
    @functools.wraps(build)
    def constructor(
        pretrained: bool = False, progress: bool = True, T: int | None = None, *args: Any, **kwargs: Any
    ) -> nn.Module:
        net = build(pretrained, progress, **_own(build, "multi_step_neuron", args, kwargs))
        functional.set_step_mode(net, "m")
        if T is not None:
            net.register_forward_pre_hook(functools.partial(_repeated, T))
        return net

    return constructor


def _own(build: Constructor, neuron: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments after ``pretrained`` and ``progress`` by the names that ``build`` has for them."""
    names = [p.name for p in inspect.signature(build).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][2:]
    named = {**dict(zip(names, args, strict=False)), **kwargs}
    if neuron in named:
        named["spiking_neuron"] = named.pop(neuron)
    return named


def _repeated(T: int, net: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    (x,) = inputs
    return (x.expand(T, *x.shape),) if isinstance(x, torch.Tensor) and x.dim() == 4 else inputs
