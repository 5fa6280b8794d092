"""Run a part of a network again in the backward pass, with the states that it had."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import describe
from spikingjelly.activation_based.memopt._states import Moment


def checkpoint(
    function: Callable[..., Any], *args: Any, modules: Sequence[nn.Module] | None = None, **kwargs: Any
) -> Any:
    """``function(*args, **kwargs)``, of which only the arguments are kept for the backward pass, which calls it again.

    :func:`torch.utils.checkpoint.checkpoint` runs the neurons again from the state that the forward pass left, so that
    the gradients are wrong and the state moves on twice. Here, the second run begins with the memories, buffers, modes
    (``training``, ``step_mode``), random numbers and autocast of the first one, and leaves no trace: memories keep what
    the forward pass left, and batch normalisation counts a batch once. So outputs, gradients and states are those of
    a plain call to the last bit::

        from spikingjelly.activation_based import memopt

        block = nn.Sequential(layer.Conv2d(8, 8, 3), layer.BatchNorm2d(8), neuron.LIFNode())
        y = memopt.checkpoint(block, torch.rand(2, 8, 9, 9))

    Works in both step modes, also over several calls without a reset, and after a reset before the backward pass. What
    the second run computes lies in memory while the backward pass of this part lasts. Arguments that are spikes take a
    bit each inside :func:`~spikingjelly.activation_based.functional.packed_spikes`. Without a gradient, and while
    ``torch.compile`` traces, this is a plain call.

    :param function: a module, or a function, which must not change its arguments
    :param args: its arguments
    :param modules: the modules that a ``function`` calls, as far as they have a state; a module is found by itself
    :param kwargs: its keyword arguments

    :raises TypeError: if ``function`` can't be called or ``modules`` are no modules
    :raises RuntimeError: if one of the modules has forward hooks, as a monitor sets them, which would run twice; and in
        the backward pass, if a memory, buffer or parameter was changed in place, so that the second run would differ
    """
    if not callable(function):
        raise TypeError(f"checkpoint: expected a module or a function, but {describe(function)} was given.")
    roots = _roots(function, modules)
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return function(*args, **kwargs)
    members = list(dict.fromkeys(member for root in roots for member in root.modules()))
    _refuse_hooks(members)
    return run_again(members, function, *args, **kwargs)


def run_again(members: Sequence[nn.Module], function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """:func:`checkpoint` of a function that needs the states of ``members``."""
    from torch.utils.checkpoint import checkpoint as torch_checkpoint  # loads sympy in PyTorch 2.6

    return torch_checkpoint(function, *args, use_reentrant=False, context_fn=lambda: _contexts(members), **kwargs)


def has_hooks(module: nn.Module) -> bool:
    """Whether something is called before or after the module."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _roots(function: Callable[..., Any], modules: Sequence[nn.Module] | None) -> list[nn.Module]:
    if modules is None:
        return [function] if isinstance(function, nn.Module) else []
    wrong = [module for module in modules if not isinstance(module, nn.Module)]
    if wrong:
        raise TypeError(f"checkpoint: modules must be torch.nn.Modules, but {describe(wrong[0])} is among them.")
    return list(modules)


def _refuse_hooks(members: Sequence[nn.Module]) -> None:
    for module in members:
        if has_hooks(module):
            raise RuntimeError(
                f"memopt.checkpoint: {type(module).__name__} has a forward hook, as a monitor or a learner sets it, "
                "which would run twice. Remove it (monitor.remove_hooks()), or run this part without a checkpoint."
            )


def _contexts(members: Sequence[nn.Module]) -> tuple[AbstractContextManager, AbstractContextManager]:
    moment = Moment(members)
    return _first_run(moment), moment.again()


@contextmanager
def _first_run(moment: Moment) -> Iterator[None]:
    yield
    moment.check()
