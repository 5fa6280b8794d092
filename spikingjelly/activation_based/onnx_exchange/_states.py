"""What the states of a network are, found by running it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based.onnx_exchange._templates import at_rest, slots_in, template_of, tensors_in

_MOST_CALLS = 1000


@dataclass(frozen=True)
class State:
    """A tensor that lives from one call to the next.

    :param name: of its module in the network and of its memory, as in ``features.2.v``
    :param initial: before the first input
    :param batch_dim: the dimension along the samples, or None
    """

    name: str
    initial: torch.Tensor
    batch_dim: int | None

    def for_batch(self, batch_size: int) -> torch.Tensor:
        """The initial value for so many samples."""
        if self.batch_dim is None:
            return self.initial.clone()
        sample = self.initial.narrow(self.batch_dim, 0, 1)
        return sample.repeat_interleave(batch_size, self.batch_dim)


def settled_templates(owner: str, net: nn.Module, x: torch.Tensor) -> list[Any]:
    """The form that each memory has from some call on; ``net`` is reset.

    :raises NotImplementedError: for a memory that takes no form, with its name
    """
    before: list[Any] = []
    try:
        for _ in range(_MOST_CALLS):
            net(x)
            after = [template_of(value) for value in base.memories(net)]
            if after == before:
                return after
            unlike = [i for i, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
            before, previous = after, before
            if any(slots_in(previous[i]) == slots_in(after[i]) for i in unlike):
                break
    finally:
        reset(net)
    name, _ = list(base.named_memories(net))[unlike[0]]
    raise NotImplementedError(
        f"{owner}: the memory {name!r} changes its form from call to call, or is a number that changes. Only "
        "tensors, and lists of as many tensors at each call, are states: make it a tensor."
    )


def initial_values(net: nn.Module, templates: list[Any], x: torch.Tensor) -> list[Any]:
    """Of each memory, in the form of its template."""
    modules = [m for m in net.modules() if isinstance(m, base.MemoryModule)]
    reset_values = [module._memories_rv[name] for module in modules for name, _ in module.named_memories()]
    return [at_rest(template, value, x) for template, value in zip(templates, reset_values, strict=True)]


def states_of(owner: str, net: nn.Module, x: torch.Tensor, batch_dim: int) -> tuple[list[State], list[Any]]:
    """The states of ``net``, and the templates of its memories, for inputs like ``x``.

    :param batch_dim: the dimension of ``x`` along the samples
    """
    templates = settled_templates(owner, net, x)
    found = _named_tensors(net, initial_values(net, templates, x))
    larger = torch.cat([x, x.narrow(batch_dim, 0, 1)], batch_dim)
    others = _named_tensors(net, initial_values(net, settled_templates(owner, net, larger), larger))
    states = []
    for (name, initial), (_, other) in zip(found, others, strict=True):
        states.append(State(name, initial, _grown_dim(owner, name, initial, other)))
    return states, templates


def _named_tensors(net: nn.Module, values: list[Any]) -> list[tuple[str, torch.Tensor]]:
    names = [name for name, _ in base.named_memories(net)]
    return [pair for name, value in zip(names, values, strict=True) for pair in tensors_in(value, name)]


def _grown_dim(owner: str, name: str, smaller: torch.Tensor, larger: torch.Tensor) -> int | None:
    grown = [dim for dim, (a, b) in enumerate(zip(smaller.shape, larger.shape, strict=True)) if a != b]
    if not grown:
        return None
    (dim, *others) = grown
    if others or larger.shape[dim] - smaller.shape[dim] != 1:
        raise NotImplementedError(
            f"{owner}: the state {name!r} has the shape {list(smaller.shape)}, and {list(larger.shape)} for one sample "
            "more. A state must have one dimension along the samples."
        )
    return dim


def check_rest(owner: str, net: nn.Module, states: list[State], x: torch.Tensor, run: Callable[..., Any]) -> None:
    """A network after reset must compute what it does with the initial states.

    :param run: ``run(x, *states)``, the outputs and the states after it
    :raises NotImplementedError: if it doesn't
    """
    inputs = [x, *(torch.rand_like(x) * 2.0 for _ in range(2))]
    values = [state.initial for state in states]
    explicit = []
    for step in inputs:
        y, *values = run(step, *values)
        explicit.append(y)
    try:
        equal = all(torch.allclose(net(step), y, equal_nan=True) for step, y in zip(inputs, explicit, strict=True))
    finally:
        reset(net)
    if not equal:
        names = ", ".join(repr(state.name) for state in states)
        raise NotImplementedError(
            f"{owner}: with the states that stand for a reset network ({names}), the output is not that of the reset "
            "network. A memory that is None or a number after reset must mean zeros or a tensor full of that number, "
            "and the network must not draw random numbers."
        )


def reset(net: nn.Module) -> None:
    """Return all memories to their reset values."""
    for module in net.modules():
        if isinstance(module, base.MemoryModule):
            module.reset()
