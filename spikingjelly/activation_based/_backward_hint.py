"""Hints where a state and a backward pass do not fit.

One before PyTorch's "backward through the graph a second time". The state that a module carries hangs on the autograd
graph of its last call. If that call has been backpropagated and the state was neither reset nor detached, the next
backward pass runs into the freed graph. Hooks notice it on the way.

An error where a module runs inside a backward pass, as `torch.utils.checkpoint` does with it, from a state that is not
the one of the forward pass.
"""

import warnings
from typing import Any

import torch
from torch import nn

_LAST_CALL = "_last_call"
_SECOND_RUN = "_second_run"  # the backward pass in which the module runs again, from a state that is right


class _Call:
    """What is known about one call of a module: the backward pass that went through it, if any."""

    __slots__ = ("backward_id",)

    def __init__(self) -> None:
        self.backward_id: int | None = None

    def mark(self, grad: torch.Tensor | None) -> None:
        # None: a backward pass that only came to the state, another output of the same operation. One that is recorded
        # itself (create_graph=True) keeps its graph for a second.
        if grad is not None and not torch.is_grad_enabled():
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


def expect_second_run(module: nn.Module) -> None:
    """In this backward pass the module has the state that it had in the forward pass."""
    module.__dict__[_SECOND_RUN] = torch._C._current_graph_task_id()


def check_second_run(module: nn.Module) -> None:
    """Inside a backward pass, a module must begin with the state of the forward pass, or afresh."""
    task = torch._C._current_graph_task_id()
    if task < 0 or module.__dict__.get(_SECOND_RUN) == task:
        return
    if not _is_at_rest(module):
        raise RuntimeError(_SECOND_RUN_MESSAGE.format(type(module).__name__))
    expect_second_run(module)


def _is_at_rest(module: nn.Module) -> bool:
    memories = module.__dict__["_memories"]
    return all(_same(memories[name], value) for name, value in module.__dict__["_memories_rv"].items())


def _same(value: Any, other: Any) -> bool:
    if isinstance(value, torch.Tensor):
        if not isinstance(other, torch.Tensor):  # a number that got the shape of the input
            return type(other) is float and bool((value == other).all())
        return torch.equal(value, other)
    if isinstance(value, list | tuple) and type(value) is type(other) and len(value) == len(other):
        return all(map(_same, value, other))
    return type(value) is type(other) and bool(value == other)


def forget(module: nn.Module) -> None:
    """The state no longer hangs on the graph of an earlier call."""
    module.__dict__.pop(_LAST_CALL, None)


def drop(attributes: dict[str, Any]) -> None:
    """Leave the record of the last call out of a copy of ``__dict__``."""
    attributes.pop(_LAST_CALL, None)
    attributes.pop(_SECOND_RUN, None)


_MESSAGE = (
    "The backward pass reaches the state that {} kept from a call that was backpropagated before. Unless that backward "
    "pass was told to retain_graph, PyTorch now stops with 'Trying to backward through the graph a second time'. Call "
    "functional.reset_net(net) before each new batch, or functional.detach_net(net) to go on with the state but not "
    "with its graph."
)

_SECOND_RUN_MESSAGE = (
    "{} is called inside a backward pass, as torch.utils.checkpoint does to compute a part of the network again, but "
    "its state is the one that the forward pass left: the result would not be that of the forward pass. Use "
    "memopt.checkpoint(part, x), which runs the part from the state that it had, or call functional.reset_net at the "
    "beginning of the checkpointed function."
)
