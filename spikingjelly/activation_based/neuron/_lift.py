"""A module's time step as a pure function: the methods that mutate the memories, lifted for the engine."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based.neuron._path import NOT_READ, path_of
from spikingjelly.fusion.dispatch import Refusal, Step

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_Place = tuple[dict[str, Any], str]


class MoreStates(BaseException):
    """Raised by a step: memories that are still numbers become tensors in it. No error, so nothing may swallow it."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = names


def step_of(module: base.MemoryModule, names: Sequence[str]) -> Step | Refusal:
    """``single_step_forward`` of ``module`` as a function of the input and of the memories ``names``."""
    for part in module.modules():
        if part is not module and any(vars(part)[hooks] for hooks in _HOOKS):
            return Refusal(f"{type(part).__name__} in {type(module).__name__} has hooks, which a kernel would not call")
    places = list(_owners_of(module))
    distinct = {id(owner[name]): owner[name] for owner, name in places}
    numbers = {identity: number for number, identity in enumerate(distinct)}
    order = [numbers[id(owner[name])] for owner, name in places]

    def run(x: torch.Tensor, states: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor]) -> Any:
        kept = [(part, dict(vars(part)), {n: dict(vars(part)[n]) for n in _inner(part)}) for part in module.modules()]
        path = path_of(module)
        try:
            for (owner, name), number in zip(places, order, strict=True):
                owner[name] = tensors[number]
            return _mutating_step(module, names, x, states, path)
        finally:
            for part, attributes, inner in kept:
                vars(part).clear()
                vars(part).update(attributes)
                for name, values in inner.items():
                    vars(part)[name].clear()
                    vars(part)[name].update(values)

    key = (path_of(module), tuple(names), tuple(order))
    return Step(run, tuple(distinct.values()), key, type(module).__name__)


def _inner(part: nn.Module) -> tuple[str, ...]:
    return tuple(name for name in ("_parameters", "_buffers", "_memories") if name in vars(part))


def _owners_of(module: base.MemoryModule) -> Iterator[_Place]:
    """Where parameters, buffers and tensor attributes are kept; memories are not among them."""
    for part in module.modules():
        for owner in (vars(part)["_parameters"], vars(part)["_buffers"], vars(part)):
            yield from ((owner, name) for name, value in owner.items() if isinstance(value, torch.Tensor))


def places_of(module: base.MemoryModule) -> list[tuple[str, torch.Tensor]]:
    """The tensors of the step that :func:`step_of` gives, each with its path."""
    found: dict[int, tuple[str, torch.Tensor]] = {}
    for prefix, part in module.named_modules():
        for owner in (vars(part)["_parameters"], vars(part)["_buffers"], vars(part)):
            for name, value in owner.items():
                if isinstance(value, torch.Tensor):
                    found.setdefault(id(value), (f"{prefix}.{name}" if prefix else name, value))
    return list(found.values())


def plain_attributes_of(module: base.MemoryModule) -> tuple[tuple[str, Any], ...]:
    """Numbers, truth values and texts that a step may read, each with its path."""
    return tuple(
        (f"{prefix}.{name}" if prefix else name, value)
        for prefix, part in module.named_modules()
        for name, value in vars(part).items()
        if isinstance(value, bool | int | float | str) and name not in NOT_READ
    )


def _mutating_step(
    module: base.MemoryModule, names: Sequence[str], x: torch.Tensor, states: Sequence[torch.Tensor], path: Any
) -> tuple[torch.Tensor, ...]:
    """One step from ``states``; the caller undoes what it leaves in the module."""
    module._forget_calls()
    module._memories.update(zip(names, states, strict=True))
    others = {name: value for name, value in module._memories.items() if name not in names}
    output = module.single_step_forward(x)
    left = [name for name, value in module._memories.items() if name not in names and value is not others.get(name)]
    if left and all(isinstance(others.get(n), float) and isinstance(module._memories[n], torch.Tensor) for n in left):
        raise MoreStates(left)
    if left or path_of(module) != path:
        raise RuntimeError(f"it changes {', '.join(left) or 'an attribute'}, which no tensor state holds")
    return output, *[module._memories[name] for name in names]
