"""What decides which way the methods of a module go: its classes, plain attributes, functions, and what these read.

Two modules with equal paths do the same time step, so that one trace serves both. The walk is taken at each call, so it
looks at a plain value first and at the rest last.
"""

import functools
import operator
import types
from collections.abc import Callable, Container, Hashable, Sequence
from typing import Any

import torch
from torch import nn

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
_PLAIN = frozenset({type(None), bool, int, float, str})
OURS = ("spikingjelly.", "torch.", "builtins", "abc")
_NOTHING: dict[str, Any] = {}
_DEPTH = 3  # of objects in objects and of functions that call functions


class _Same:
    """Equal to itself alone. It keeps the object, whose address would otherwise be used again for another."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def walk(module: nn.Module, not_read: Container[str] = ()) -> tuple[Hashable, tuple[torch.Tensor, ...]]:
    """The path of ``module``, and the parameters, buffers and other tensors that its step may read, each once.

    :param not_read: memories of ``module`` that are no part of the path, as its states
    """
    path: list[Any] = []
    tensors: dict[int, torch.Tensor] = {}
    pending: list[nn.Module] = [module]
    while pending:
        part = pending.pop()
        attributes = part.__dict__
        path += (type(part), _of_class(type(part), _STEP_METHODS if "_memories" in attributes else _SURROGATE_METHODS))
        names, values_of = _read_names(tuple(attributes))
        values = values_of(attributes)
        path.append(names)
        path += values if _PLAIN.issuperset(map(type, values)) else _of_values(values, tensors)
        for owner in (attributes["_parameters"], attributes["_buffers"]):
            path += [(n, _of_tensor(v, tensors)) for n, v in owner.items() if v is not None]
        for name, value in attributes.get("_memories", _NOTHING).items():
            if part is module and name not in not_read:
                path += (name, _of_tensor(value, tensors) if isinstance(value, torch.Tensor) else _of_value(value, 1))
            elif part is not module and type(value) in _PLAIN:
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


def _of_values(values: Sequence[Any], tensors: dict[int, torch.Tensor]) -> list[Hashable]:
    return [_of_tensor(v, tensors) if isinstance(v, torch.Tensor) else _of_value(v, _DEPTH) for v in values]


def has_hooks(part: nn.Module) -> bool:
    """Whether functions of the user's are to run around ``part``."""
    return any(part.__dict__[hooks] for hooks in _HOOKS)


@functools.cache
def asks_for_its_backend(cls: type) -> bool:
    """Whether a method in which a user's class runs looks at ``self.backend``."""
    running = (function for function in own_functions(cls) if function.__name__ not in ("__init__", "extra_repr"))
    return any("backend" in function.__code__.co_names for function in running)


def _of_tensor(tensor: torch.Tensor, seen: dict[int, torch.Tensor]) -> Hashable:
    seen.setdefault(id(tensor), tensor)
    return list(seen).index(id(tensor)), tensor.shape, tensor.dtype, tensor.requires_grad


def _of_value(value: Any, depth: int) -> Hashable:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, torch.Tensor):
        return value.shape, value.dtype, value.requires_grad
    if isinstance(value, types.FunctionType | types.MethodType):
        return _of_function(value, depth)
    if depth == 0 or isinstance(value, nn.Module | type | types.ModuleType):
        return _Same(value)
    if isinstance(value, dict):
        return tuple((name, _of_value(item, depth - 1)) for name, item in value.items())
    if isinstance(value, list | tuple | set):
        return tuple(_of_value(item, depth - 1) for item in value)
    inside = getattr(value, "__dict__", None)
    return (type(value), _of_value(inside, depth)) if inside else _Same(value)


def _of_function(function: Any, depth: int) -> Hashable:
    """The function itself, and the numbers that it takes from its closure and its module."""
    function = getattr(function, "__func__", function)
    read: list[Hashable] = [_Same(function.__code__)]
    if depth == 0:
        return tuple(read)
    for cell in function.__closure__ or ():
        read.append(_of_value(cell.cell_contents, depth - 1))
    for name in function.__code__.co_names:
        if name in function.__globals__:
            read.append((name, _of_value(function.__globals__[name], depth - 1)))
    read.append(_of_value(function.__defaults__, depth - 1))
    return tuple(read)


def _of_class(cls: type, methods: Sequence[str]) -> Hashable:
    found = tuple([getattr(cls, name, None) for name in methods])
    own = own_functions(cls)
    if not own and _are_ours(found):
        return found
    return (
        *[method if _are_ours((method,)) else _of_function(method, _DEPTH) for method in found],
        *[_of_function(function, _DEPTH) for function in own],
    )


@functools.lru_cache(maxsize=4096)
def _are_ours(methods: tuple[Any, ...]) -> bool:
    """Whether these are methods of this package or of torch, or none."""
    return all((getattr(method, "__module__", None) or "torch.").startswith(OURS) for method in methods)


@functools.cache
def own_functions(cls: type) -> tuple[Any, ...]:
    """The methods of a user's class; those of this package and of torch read nothing but attributes."""
    found: list[Any] = []
    for base in cls.__mro__:
        if not base.__module__.startswith(OURS):
            for member in vars(base).values():
                function = getattr(member, "__func__", getattr(member, "fget", member))
                if isinstance(function, types.FunctionType):
                    found.append(function)
    return tuple(found)
