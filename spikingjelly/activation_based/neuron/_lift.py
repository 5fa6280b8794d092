"""A module's time step as a pure function: the methods that mutate the memories, lifted for the engine."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based.neuron._path import NOT_READ, has_hooks, walk
from spikingjelly.fusion.dispatch import Step, Unfusable


class MoreStates(BaseException):
    """Raised by a step: memories that are still numbers become tensors in it. No error, so nothing may swallow it."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = names


def step_of(module: base.MemoryModule, names: Sequence[str]) -> Step:
    """``single_step_forward`` of ``module`` as a function of the input and of the memories ``names``."""
    path, tensors = walk(module)
    run = functools.partial(_run, module, names)
    return Step(run, tensors, (path, tuple(names)), type(module).__name__)


def places_of(module: base.MemoryModule) -> list[tuple[str, torch.Tensor]]:
    """The tensors of the step that :func:`step_of` gives, each with the path of one attribute that holds it."""
    paths = {id(owner[name]): path for path, owner, name in reversed(list(_owners_of(module)))}
    return [(paths[id(tensor)], tensor) for tensor in walk(module)[1]]


def plain_attributes_of(module: base.MemoryModule) -> tuple[tuple[str, Any], ...]:
    """Numbers, truth values and texts that a step may read, each with its path."""
    return tuple(
        (f"{prefix}.{name}" if prefix else name, value)
        for prefix, part in module.named_modules()
        for name, value in vars(part).items()
        if isinstance(value, bool | int | float | str) and name not in NOT_READ
    )


def _run(
    module: base.MemoryModule,
    names: Sequence[str],
    x: torch.Tensor,
    states: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, ...]:
    path, own = walk(module)
    for part in module.modules():
        if part is not module and has_hooks(part):
            raise Unfusable(f"its {type(part).__name__} has hooks, which a kernel would not call")
    replaced = {id(tensor): given for tensor, given in zip(own, tensors, strict=True)}
    owners = list(_owners_of(module))
    kept = [(part, dict(vars(part)), {n: dict(vars(part)[n]) for n in _inner(part)}) for part in module.modules()]
    try:
        for _, owner, name in owners:
            owner[name] = replaced[id(owner[name])]
        return _mutating_step(module, names, x, states, path)
    finally:
        for part, attributes, inner in kept:
            vars(part).clear()
            vars(part).update(attributes)
            for name, values in inner.items():
                vars(part)[name].clear()
                vars(part)[name].update(values)


def _inner(part: nn.Module) -> tuple[str, ...]:
    return tuple(name for name in ("_parameters", "_buffers", "_memories") if name in vars(part))


def _owners_of(module: base.MemoryModule) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Where parameters, buffers and tensor attributes are kept: path, dict and name. Memories are not among them."""
    for prefix, part in module.named_modules():
        for owner in (vars(part)["_parameters"], vars(part)["_buffers"], vars(part)):
            for name, value in owner.items():
                if isinstance(value, torch.Tensor):
                    yield f"{prefix}.{name}" if prefix else name, owner, name


def _mutating_step(
    module: base.MemoryModule, names: Sequence[str], x: torch.Tensor, states: Sequence[torch.Tensor], path: Any
) -> tuple[torch.Tensor, ...]:
    """One step from ``states``; the caller undoes what it leaves in the module."""
    module._forget_calls()
    module._memories.update(zip(names, states, strict=True))
    others = {name: value for name, value in module._memories.items() if name not in names}
    held = [(place, owner, name, owner[name]) for place, owner, name in _owners_of(module)]
    output = module.single_step_forward(x)
    changed = [place for place, owner, name, tensor in held if owner.get(name) is not tensor]
    if changed:
        raise Unfusable(f"it changes {', '.join(changed)}, which is no memory")
    left = [name for name, value in module._memories.items() if name not in names and value is not others.get(name)]
    if left and all(isinstance(others.get(n), float) and isinstance(module._memories[n], torch.Tensor) for n in left):
        raise MoreStates(left)
    if left or walk(module)[0] != path:
        raise Unfusable(f"it changes {', '.join(left) or 'an attribute'}, which no tensor state holds")
    return output, *[module._memories[name] for name in names]
