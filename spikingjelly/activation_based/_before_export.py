"""What a network must fulfil before it is written in another form: one step mode throughout, and no state."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe


def check_network(owner: str, net: Any) -> None:
    """``net`` must be a module.

    :raises TypeError: (also an AssertionError) if it isn't
    """
    if not isinstance(net, nn.Module):
        raise ArgumentTypeError(f"{owner}: net must be a torch.nn.Module, but {describe(net)} was given.")


def modules_with_step_mode(net: nn.Module) -> list[tuple[str, base.StepModule]]:
    """The modules that have a step mode, but for those that a container runs step by step in both."""
    keepers = [module for module in net.modules() if base.keeps_children_step_mode(module)]
    kept = {id(child) for keeper in keepers for child in keeper.modules() if child is not keeper}
    return [(n, m) for n, m in net.named_modules() if isinstance(m, base.StepModule) and id(m) not in kept]


def step_mode_of(owner: str, net: nn.Module) -> str:
    """The step mode of all modules of ``net``; 's' if none has one.

    :raises ValueError: (also an AssertionError) for mixed step modes
    """
    modules = modules_with_step_mode(net)
    names = {mode: next((n for n, m in modules if m.step_mode == mode), None) for mode in ("s", "m")}
    if None not in names.values():
        raise ArgumentValueError(
            f"{owner}: the layer {names['s']!r} is in step_mode='s', but {names['m']!r} in 'm'. Call "
            "functional.set_step_mode(net, 's') or 'm' first."
        )
    return "m" if names["m"] is not None else "s"


def check_no_state(owner: str, net: nn.Module, holder: str) -> None:
    """All memories of ``net`` must have their reset value.

    :param holder: what does not hold states, for the message: 'a graph'
    :raises ValueError: (also an AssertionError) that names the layer
    """
    for name, module in net.named_modules():
        if isinstance(module, base.MemoryModule):
            for key, value in module.named_memories():
                if not _equal(value, module._memories_rv[key]):
                    raise ArgumentValueError(
                        f"{owner}: the layer {name!r} ({type(module).__name__}) still has the state {key} of an "
                        f"earlier input, which {holder} does not hold. Call functional.reset_net(net) first."
                    )


def _equal(value: Any, at_reset: Any) -> bool:
    if isinstance(value, torch.Tensor) or isinstance(at_reset, torch.Tensor):
        return isinstance(value, torch.Tensor) and isinstance(at_reset, torch.Tensor) and torch.equal(value, at_reset)
    return bool(value == at_reset)
