"""The classes and constructors of a module of ResNets, for single steps and for sequences."""

import functools
from typing import Any

import torch

from spikingjelly.activation_based.model._resnet import build
from spikingjelly.clock_driven.model._classes import MultiStep, MultiStepResNet, SingleStep, former_class
from spikingjelly.clock_driven.model._constructors import former_constructors


class _ShortcutFirst(MultiStep):
    """A first base of the bottleneck, which joins ``cnf(shortcut, out)`` for sequences alone: 'IAND' differs."""

    def _join(self, out: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        return super()._join(shortcut, out)  # type: ignore[misc]


def former_resnets(today: Any, network: str, prefix: str, module: str) -> dict[str, Any]:
    """Blocks, network and constructors by their names, those for sequences with ``MultiStep`` or ``multi_step_``.

    :param today: the module of ``activation_based.model``
    :param network: name of its network
    :param prefix: with which the names of its constructors begin
    :param module: name of the module that they are for
    """
    classes = {}
    for name, multi in ((network, MultiStepResNet), ("BasicBlock", MultiStep), ("Bottleneck", _ShortcutFirst)):
        for first in (SingleStep, multi):
            former = former_class(first, getattr(today, name), module)
            classes[former.__name__] = former
    single_step, multi_step = (
        functools.partial(build, *(classes[step + name] for name in (network, "BasicBlock", "Bottleneck")))
        for step in ("", "MultiStep")
    )
    return classes | former_constructors(today, prefix, single_step, multi_step)
