"""What decides which way the methods of a module go: its classes, attributes, functions, and what these read.

Two modules with equal paths do the same time step, so that one trace serves both. The walk is taken at each call, so it
looks at a plain value first and at the rest last.
"""

import functools
import operator
from collections.abc import Callable, Container, Hashable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based.neuron._reading import PLAIN, Reading, functions_of, is_users

NOT_READ = frozenset(nn.Module().__dict__) - {"training"} | {
    "_memories", "_memories_rv", "_last_call", "_last_output", "_input_signature", "_backend", "_step_mode",
    "_store_v_seq", "_changes_itself", "_refused_traces",
}  # fmt: skip
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
# Looked up anew at each walk, for a program may replace them in a class of its own or of this package.
_STEP_METHODS = (
    "single_step_forward", "neuronal_charge", "neuronal_adaptation", "neuronal_fire", "neuronal_reset",
    "jit_hard_reset", "jit_soft_reset", "jit_neuronal_adaptation",
)  # fmt: skip
_SURROGATE_METHODS = ("forward", "spiking_function", "primitive_function", "backward")
_NOTHING: dict[str, Any] = {}


def walk(
    module: nn.Module, not_read: Container[str] = (), reading: Reading | None = None
) -> tuple[Hashable, tuple[torch.Tensor, ...]]:
    """The path of ``module``, and the parameters, buffers and other tensors that its step may read, each once.

    :param not_read: memories of ``module`` that are no part of the path, as its states
    :param reading: collects what a step may change in place
    """
    reading = reading or Reading(NOT_READ)
    path: list[Any] = []
    tensors: dict[int, torch.Tensor] = {}
    pending: list[nn.Module] = [module]
    while pending:
        part = pending.pop()
        attributes = part.__dict__
        methods = _STEP_METHODS if "_memories" in attributes else _SURROGATE_METHODS
        path += (type(part), _of_class(part, methods, reading))
        names, values_of = _read_names(tuple(attributes))
        values = values_of(attributes)
        path.append(names)
        types = tuple(map(type, values))  # True, 1 and 1.0 are equal, and not the same
        path.append(types)
        path += values if PLAIN.issuperset(types) else _of_values(values, tensors, reading)
        for owner in (attributes["_parameters"], attributes["_buffers"]):
            path += [(n, _of_tensor(v, tensors)) for n, v in owner.items() if v is not None]
        for name, value in attributes.get("_memories", _NOTHING).items():
            if part is module and name not in not_read:
                is_tensor = isinstance(value, torch.Tensor)
                path += (name, _of_tensor(value, tensors) if is_tensor else reading.value(value, 1))
            elif part is not module and type(value) in PLAIN:
                path += (name, value)
        if part is not module and has_hooks(part):
            path.append("hooks")
        pending += [child for child in attributes["_modules"].values() if child is not None]
    return tuple(path), tuple(tensors.values())


@functools.lru_cache(maxsize=4096)
def _read_names(names: tuple[str, ...]) -> tuple[tuple[str, ...], Callable[[dict[str, Any]], tuple[Any, ...]]]:
    """The attributes among ``names`` that a step may read, and what takes their values out of a ``__dict__``."""
    read = tuple(name for name in names if name not in NOT_READ)
    if len(read) > 1:
        return read, operator.itemgetter(*read)
    return read, lambda attributes: tuple(attributes[name] for name in read)


def _of_values(values: Sequence[Any], tensors: dict[int, torch.Tensor], reading: Reading) -> list[Hashable]:
    return [_of_tensor(v, tensors) if isinstance(v, torch.Tensor) else reading.value(v) for v in values]


def has_hooks(part: nn.Module) -> bool:
    """Whether functions of the user's are to run around ``part``."""
    return any(part.__dict__[hooks] for hooks in _HOOKS)


@functools.cache
def asks_for_its_backend(cls: type) -> bool:
    """Whether a method in which a user's class runs looks at ``self.backend``."""
    return any("backend" in function.__code__.co_names for function in functions_of(cls))


def _of_tensor(tensor: torch.Tensor, seen: dict[int, torch.Tensor]) -> Hashable:
    seen.setdefault(id(tensor), tensor)
    return list(seen).index(id(tensor)), tensor.shape, tensor.dtype, tensor.requires_grad


def _of_class(part: nn.Module, methods: Sequence[str], reading: Reading) -> Hashable:
    cls: type = type(part)
    found = tuple([getattr(cls, name, None) for name in methods])
    if _is_ours(cls) and _are_ours(found):
        return found
    own = [method if _are_ours((method,)) else reading.value(method) for method in found]
    return (*own, *reading.members(cls, part))


@functools.lru_cache(maxsize=4096)
def _is_ours(cls: type) -> bool:
    """Whether a class and its bases are of this package or of PyTorch: these read nothing but attributes."""
    return not any(is_users(base.__module__) for base in cls.__mro__)


@functools.lru_cache(maxsize=4096)
def _are_ours(methods: tuple[Any, ...]) -> bool:
    """Whether these are methods of this package or of torch, or none."""
    return not any(method is not None and is_users(getattr(method, "__module__", None)) for method in methods)
