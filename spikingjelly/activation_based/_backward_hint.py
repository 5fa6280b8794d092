"""A hint before PyTorch's "backward through the graph a second time".

The state that a module carries hangs on the autograd graph of its last call. If that call has been backpropagated and
the state was neither reset nor detached, the next backward pass runs into the freed graph. Hooks notice it on the way.
"""

import warnings
from typing import Any

import torch
from torch import nn

_LAST_CALL = "_last_call"


class _Call:
    """What is known about one call of a module: the backward pass that went through it, if any."""

    __slots__ = ("backward_id",)

    def __init__(self) -> None:
        self.backward_id: int | None = None

    def mark(self, grad: torch.Tensor | None) -> None:
        if grad is not None:  # None: a backward pass that only came to the state, another output of the same operation
            self.backward_id = torch._C._current_graph_task_id()


def watch_output(module: nn.Module, output: Any) -> None:
    """After a call: remember when a backward pass goes through its output."""
    outputs = output if isinstance(output, list | tuple) else (output,)
    for tensor in outputs:
        if isinstance(tensor, torch.Tensor) and tensor.requires_grad:
            call = _Call()
            tensor.register_hook(call.mark)
            module.__dict__[_LAST_CALL] = call
            return


def watch_state(module: nn.Module) -> None:
    """Before a call: hint if a later backward pass reaches the state of a call that was backpropagated earlier."""
    call = module.__dict__.get(_LAST_CALL)
    if call is None:
        return
    class_name = type(module).__name__

    def hint(grad: torch.Tensor) -> None:
        # No reference to the module or a tensor in here: it would tie the graph into a cycle that is never freed.
        if call.backward_id not in (None, torch._C._current_graph_task_id()):
            warnings.warn(_MESSAGE.format(class_name), stacklevel=2)

    for value in module.__dict__["_memories"].values():
        if isinstance(value, torch.Tensor) and value.grad_fn is not None:
            value.register_hook(hint)


def forget(module: nn.Module) -> None:
    """The state no longer hangs on the graph of an earlier call."""
    module.__dict__.pop(_LAST_CALL, None)


def drop(attributes: dict[str, Any]) -> None:
    """Leave the record of the last call out of a copy of ``__dict__``."""
    attributes.pop(_LAST_CALL, None)


_MESSAGE = (
    "The backward pass reaches the state that {} kept from a call that was backpropagated before. Unless that backward "
    "pass was told to retain_graph, PyTorch now stops with 'Trying to backward through the graph a second time'. Call "
    "functional.reset_net(net) before each new batch, or functional.detach_net(net) to go on with the state but not "
    "with its graph."
)
