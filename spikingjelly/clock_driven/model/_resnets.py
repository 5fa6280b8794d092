"""The classes and constructors of a module of ResNets, for single steps and for sequences."""

import functools
import inspect
from typing import Any

import torch

from spikingjelly.activation_based.model._resnet import build
from spikingjelly.clock_driven.model._classes import MultiStep, MultiStepResNet, SingleStep, former_class
from spikingjelly.clock_driven.model._constructors import constructor_of_parts, former_constructors
from spikingjelly.clock_driven.model._signatures import MULTI_STEP, SINGLE_STEP


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
    by_blocks = _by_blocks(prefix, classes[network], classes[f"MultiStep{network}"])
    return classes | by_blocks | former_constructors(today, prefix, single_step, multi_step)


def _by_blocks(prefix: str, single_step: Any, multi_step: Any) -> dict[str, Any]:
    """``_sew_resnet`` and its like: programs with stages of their own call them."""
    join = ["cnf"] if "cnf" in inspect.signature(single_step).parameters else []
    return {
        f"_{prefix}resnet": constructor_of_parts(single_step, [*join, SINGLE_STEP]),
        f"_multi_step_{prefix}resnet": constructor_of_parts(multi_step, ["T", *join, MULTI_STEP]),
    }
