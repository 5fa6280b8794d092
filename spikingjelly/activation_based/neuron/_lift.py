"""A module's time step as a pure function: the methods that mutate the memories, lifted for the engine."""

import functools
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based.neuron import _outside_calls
from spikingjelly.activation_based.neuron._path import NOT_READ, has_hooks, walk
from spikingjelly.activation_based.neuron._reading import Reading
from spikingjelly.activation_based.neuron._undone import undone
from spikingjelly.fusion.dispatch import Step, Unfusable

_RESULTS = frozenset({"v_seq"})  # memories that a sequence writes and no time step reads
_written: dict[type, set[str]] = {}
_only_read: dict[type, set[str]] = {}


class _ChangesItself(Unfusable):
    """Raised by a step that changes what is no memory."""


class OtherStates(BaseException):
    """Raised by a step whose states are not the memories that were taken for them. No error: nothing may swallow it.

    :param numbers: memories that are still numbers and become tensors in the step
    """

    def __init__(self, numbers: list[str]) -> None:
        super().__init__(numbers)
        self.numbers = numbers


def changes_itself(module: base.MemoryModule) -> bool:
    """Whether a trace since the last reset found that a step changes what is no memory.

    Each would be of another step, and a trace takes longer than a small step. After a reset one is tried again, for
    some modules only prepare something in their first step; but not more than three times.
    """
    return "_changes_itself" in vars(module)


def states_of(module: base.MemoryModule) -> list[str]:
    """The memories that are states: tensors that a time step reads and writes. One that it only reads is a constant."""
    constants = _RESULTS | (_only_read.get(type(module), set()) - _written.get(type(module), set()))
    return [n for n, value in module.named_memories() if n not in constants and isinstance(value, torch.Tensor)]


def step_of(module: base.MemoryModule, names: Sequence[str]) -> Step:
    """``single_step_forward`` of ``module`` as a function of the input and of the memories ``names``."""
    path, tensors = walk(module, _not_constants(module, names))
    run = functools.partial(_run_lifted, module, names)
    key = (path, tuple(names))
    again = functools.partial(_run_again, weakref.ref(module), type(module).__name__, key)
    return Step(run, tensors, key, type(module).__name__, again)


def places_of(module: base.MemoryModule, names: Sequence[str]) -> list[tuple[str, torch.Tensor]]:
    """The tensors of the step that :func:`step_of` gives, each with the path of one attribute that holds it."""
    not_constants = _not_constants(module, names)
    paths = {id(owner[name]): path for path, owner, name in reversed(list(_owners_of(module, not_constants)))}
    return [(paths[id(tensor)], tensor) for tensor in walk(module, not_constants)[1]]


def plain_attributes_of(module: base.MemoryModule) -> tuple[tuple[str, Any], ...]:
    """Numbers, truth values and texts that a step may read, each with its path."""
    return tuple(
        (f"{prefix}.{name}" if prefix else name, value)
        for prefix, part in module.named_modules()
        for name, value in vars(part).items()
        if isinstance(value, bool | int | float | str) and name not in NOT_READ
    )


def plain_memories_of(module: base.MemoryModule, names: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """The same for the memories of ``module`` that its steps only read."""
    not_constants = _not_constants(module, names)
    return tuple(
        (name, value)
        for name, value in module.named_memories()
        if isinstance(value, bool | int | float | str) and name not in not_constants
    )


def _not_constants(module: base.MemoryModule, names: Sequence[str]) -> set[str]:
    """Of a memory that a step changes though no state holds it, the value does not matter: there is no kernel."""
    return {*_RESULTS, *names, *_written.get(type(module), ())}


def _run_lifted(
    module: base.MemoryModule,
    names: Sequence[str],
    x: torch.Tensor,
    states: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, ...]:
    reading = Reading(NOT_READ)
    path, own = walk(module, _not_constants(module, names), reading)
    for part in module.modules():
        if part is not module and has_hooks(part):
            raise Unfusable(f"its {type(part).__name__} has hooks, which a kernel would not call")
    replaced = {id(tensor): given for tensor, given in zip(own, tensors, strict=True)}
    owners = list(_owners_of(module, _not_constants(module, names)))
    kept = [
        (part, dict(vars(part)), {n: dict(vars(part)[n]) for n in _names_of_inner_dicts(part)})
        for part in module.modules()
    ]
    changes = False
    try:
        for _, owner, name in owners:
            owner[name] = replaced[id(owner[name])]
        with undone(reading.containers), _guarded(reading):
            return _mutating_step(module, names, x, states, path)
    except _ChangesItself:
        changes = True
        raise
    finally:
        for part, attributes, inner in kept:
            vars(part).clear()
            vars(part).update(attributes)
            for name, values in inner.items():
                vars(part)[name].clear()
                vars(part)[name].update(values)
        if changes:
            vars(module)["_changes_itself"] = True
            vars(module)["_refused_traces"] = vars(module).get("_refused_traces", 0) + 1


def _guarded(reading: Reading) -> AbstractContextManager:
    if not reading.has_users_code:
        return nullcontext()
    return _outside_calls.refused(reading.generators, reading.codes)


def _run_again(
    reference: weakref.ref[base.MemoryModule],
    kind: str,
    key: Any,
    x: torch.Tensor,
    states: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, ...]:
    """What the step did, for a second derivative; only if the module would still do the same."""
    module = reference()
    if module is None or step_of(module, key[1]).key != key:
        raise RuntimeError(
            f"{kind}: a second derivative runs the neuron once more, but it is gone or was changed after its call. "
            "Differentiate before you change it, or use backend='torch'."
        )
    return _run_lifted(module, key[1], x, states, tensors)


def _names_of_inner_dicts(part: nn.Module) -> tuple[str, ...]:
    return tuple(name for name in ("_parameters", "_buffers", "_memories") if name in vars(part))


def _owners_of(module: base.MemoryModule, not_constants: set[str]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Where parameters, buffers, tensor attributes and constant memories are kept: path, dict and name."""
    for name, value in module._memories.items():
        if isinstance(value, torch.Tensor) and name not in not_constants:
            yield name, module._memories, name
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
    versions = [state._version for state in states]
    before = _attributes_of(module)
    of_input = x._version
    output = module.single_step_forward(x)
    if x._version != of_input:
        raise Unfusable("it changes its input in place, which a kernel leaves as it is")
    after = _attributes_of(module)
    changed = [place for place in {**before, **after} if before.get(place) is not after.get(place)]
    if any(isinstance(before.get(place), torch.Tensor) for place in changed):
        raise _ChangesItself(_no_memory(changed))
    _check_states(module, names, others, [(s, v) for s, v in zip(states, versions, strict=True)])
    if walk(module, _not_constants(module, names))[0] != path:
        raise _ChangesItself(_no_memory(changed))
    return output, *[module._memories[name] for name in names]


def _attributes_of(module: base.MemoryModule) -> dict[str, Any]:
    """Parameters, buffers and plain attributes of ``module`` and its parts, by their paths."""
    return {
        f"{prefix}.{name}" if prefix else name: value
        for prefix, part in module.named_modules()
        for owner in (vars(part)["_parameters"], vars(part)["_buffers"], vars(part))
        for name, value in owner.items()
        if name not in NOT_READ
    }


def _no_memory(changed: Sequence[str]) -> str:
    return (
        f"it changes {', '.join(changed) or 'an attribute'}, which is no memory. A state that is registered with "
        "register_memory is reset and detached with the network, and has its place in a kernel"
    )


def _check_states(
    module: base.MemoryModule,
    names: Sequence[str],
    others: dict[str, Any],
    before: Sequence[tuple[torch.Tensor, int]],
) -> None:
    memories, kind = module._memories, type(module)
    left = [name for name, value in memories.items() if name not in names and value is not others.get(name)]
    _written.setdefault(kind, set()).update(left)
    if left and all(isinstance(memories[n], torch.Tensor) and isinstance(others.get(n), float) for n in left):
        raise OtherStates(left)
    if left and all(isinstance(memories[n], torch.Tensor) and isinstance(others.get(n), torch.Tensor) for n in left):
        raise OtherStates([])
    if left:
        raise Unfusable(f"it changes {', '.join(left)}, which no tensor state holds")
    same = {
        name
        for name, (state, version) in zip(names, before, strict=True)
        if memories[name] is state and state._version == version and name != "v"
    }
    if same - _written[kind]:
        _only_read.setdefault(kind, set()).update(same)
        raise OtherStates([])
