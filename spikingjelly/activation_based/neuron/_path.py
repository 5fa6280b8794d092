"""What decides which way the methods of a module go: its classes, plain attributes, functions, and what these read.

Two modules with equal paths do the same time step, so that one trace serves both.
"""

import functools
import types
from collections.abc import Hashable, Iterator
from typing import Any

import torch
from torch import nn

NOT_READ = frozenset(nn.Module().__dict__) - {"training", "_parameters", "_buffers"} | {
    "_memories", "_memories_rv", "_last_call", "_input_signature", "_backend", "_step_mode", "_store_v_seq",
}  # fmt: skip
_DEPTH = 3  # of objects in objects and of functions that call functions


def path_of(module: nn.Module) -> Hashable:
    """Hashable; equal as long as a time step of ``module`` takes the same way through the code."""
    return tuple(
        (type(part), *_of_class(type(part)), *_of_items(vars(part), _DEPTH, NOT_READ)) for part in module.modules()
    )


def _of_items(items: dict[Any, Any], depth: int, without: frozenset[str] = frozenset()) -> Iterator[Hashable]:
    for name, value in items.items():
        if name not in without:
            yield name, _of_value(value, depth)


def _of_value(value: Any, depth: int) -> Hashable:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.Tensor):
        return value.shape, value.dtype, value.requires_grad
    if isinstance(value, types.FunctionType | types.MethodType):
        return _of_function(value, depth)
    if depth == 0 or isinstance(value, nn.Module | type | types.ModuleType):
        return id(value)
    if isinstance(value, dict):
        return tuple(_of_items(value, depth - 1))
    if isinstance(value, list | tuple | set):
        return tuple(_of_value(item, depth - 1) for item in value)
    inside = getattr(value, "__dict__", None)
    return (type(value), *_of_items(inside, depth - 1)) if inside else id(value)


def _of_function(function: Any, depth: int) -> Hashable:
    """The function itself, and the numbers that it takes from its closure and its module."""
    function = getattr(function, "__func__", function)
    read: list[Hashable] = [id(function.__code__)]
    if depth == 0:
        return tuple(read)
    for cell in function.__closure__ or ():
        read.append(_of_value(cell.cell_contents, depth - 1))
    for name in function.__code__.co_names:
        if name in function.__globals__:
            read.append((name, _of_value(function.__globals__[name], depth - 1)))
    read.append(_of_value(function.__defaults__, depth - 1))
    return tuple(read)


def _of_class(cls: type) -> Iterator[Hashable]:
    for function in _own_functions(cls):
        yield _of_function(function, _DEPTH)


@functools.cache
def _own_functions(cls: type) -> tuple[Any, ...]:
    """The methods of a user's class; those of this package and of torch read nothing but attributes."""
    found: list[Any] = []
    for base in cls.__mro__:
        if not base.__module__.startswith(("spikingjelly.", "torch.", "builtins", "abc")):
            for member in vars(base).values():
                function = getattr(member, "__func__", getattr(member, "fget", member))
                if isinstance(function, types.FunctionType):
                    found.append(function)
    return tuple(found)
