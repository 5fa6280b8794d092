"""Constructors of networks for single steps and for sequences."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from spikingjelly.activation_based.model._pretrained import load_pretrained
from spikingjelly.clock_driven.model._signatures import MULTI_STEP, SINGLE_STEP, former_signature, todays_arguments

Constructor = Callable[..., nn.Module]


def former_constructors(
    module: Any, prefix: str, single_step: Constructor, multi_step: Constructor
) -> dict[str, Constructor]:
    """For each constructor ``name`` in ``module``, ``name`` and ``multi_step_name``.

    ``name`` takes ``single_step_neuron`` where the constructor takes ``spiking_neuron``, and ``multi_step_name`` takes
    ``multi_step_neuron``, and ``T`` before the arguments that are the network's own.

    :param prefix: with which the names of constructors begin; the rest names the network
    :param single_step: ``(name, pretrained, progress, keywords)`` to the network for single steps
    :param multi_step: the same for sequences
    """
    found: dict[str, Constructor] = {}
    for name in module.__all__:
        if name.startswith(prefix) and name != "sew_function":
            today, shape = getattr(module, name), name.removeprefix(prefix)
            found[name] = _constructor(today, functools.partial(single_step, shape), SINGLE_STEP)
            found[f"multi_step_{name}"] = _constructor(today, functools.partial(multi_step, shape), MULTI_STEP)
    return found


def _constructor(today: Constructor, make: Constructor, neuron: str) -> Constructor:
    signature = former_signature(today, neuron, takes_T=neuron == MULTI_STEP)

    @functools.wraps(today)
    def constructor(*args: Any, **kwargs: Any) -> nn.Module:
        named = todays_arguments(signature, neuron, args, kwargs)
        return make(named.pop("pretrained", False), named.pop("progress", True), named)

    constructor.__signature__ = signature  # type: ignore[attr-defined]
    return constructor


def constructor_of_parts(network: Any, own: Iterable[str], prepare: Callable[..., Any] = lambda *parts: parts) -> Any:
    """The function behind the constructors, for a program that has other parts.

    It takes ``(arch, two parts, pretrained, progress, *own, **keywords)``; the parts are blocks and layers of a ResNet,
    configuration and whether there is a normalisation of a VGG. ``arch`` names the weights that ``pretrained=True``
    loads.

    :param network: class of the network
    :param own: names of the positional arguments after ``progress``
    :param prepare: the parts as the network takes them
    """
    names = tuple(own)

    def constructor(
        arch: str, first: Any, second: Any, pretrained: Any, progress: bool, *args: Any, **kwargs: Any
    ) -> nn.Module:
        if len(args) > len(names):
            raise TypeError(f"{arch}: at most {', '.join(names)} follow `progress`, but {len(args)} values were given.")
        net = network(*prepare(first, second), **dict(zip(names, args, strict=False)), **kwargs)
        load_pretrained(net, pretrained, arch, progress)
        return net

    return constructor
