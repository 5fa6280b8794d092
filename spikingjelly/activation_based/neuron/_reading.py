"""What functions, classes and objects of a program are to a time step, as something that can be compared.

A step of a user's neuron may read anything: a global number, an attribute of a class, an object's method. A trace holds
for as long as all of it stays the same.
"""

import functools
import operator
import sys
import types
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

PLAIN = frozenset({type(None), bool, int, float, str})
_DEPTH = 3  # of objects in objects
_LARGEST_ARRAY = 1 << 12  # bytes; what Python reads numbers from has few, and each walk looks at them
# Packages whose functions read nothing that a program changes.
_OPAQUE = frozenset({"spikingjelly", "torch", "numpy"}) | sys.stdlib_module_names
_NO_STEP = frozenset({"__init__", "__repr__", "extra_repr", "__init_subclass__"})
_DESCRIPTORS: dict[type, Callable[[Any], Any]] = {
    property: lambda member: member.fget,
    staticmethod: lambda member: member.__func__,
    classmethod: lambda member: member.__func__,
    functools.cached_property: lambda member: member.func,
}


class Same:
    """Equal to itself alone. It keeps the object, whose address would otherwise be used again for another."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@functools.cache
def is_users(module: str | None) -> bool:
    """Whether the Python module of this name is part of a user's program."""
    return module is None or module.partition(".")[0] not in _OPAQUE


class Reading:
    """One look at what a step may read.

    :param not_read: attributes of modules that no step reads
    """

    def __init__(self, not_read: frozenset[str]) -> None:
        self.containers: list[Any] = []  # what was looked into and may be changed in place
        self.generators: list[Any] = []  # of NumPy's
        self.codes: set[types.CodeType] = set()  # of functions that a step may run
        self._not_read = not_read
        self._seen: set[int] = set()

    @property
    def has_users_code(self) -> bool:
        """Whether there was a function or a class of a user's."""
        return bool(self._seen)

    def value(self, value: Any, depth: int = _DEPTH) -> Hashable:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is types.ModuleType:
            return Same(value)
        if isinstance(value, torch.Tensor):
            return value.shape, value.dtype, value.requires_grad
        if isinstance(value, types.FunctionType):
            return self.function(value)
        if isinstance(value, types.MethodType):
            return self.value(value.__func__), self.value(value.__self__, depth - 1)
        if isinstance(value, type):
            return Same(value), self.members(value)
        if isinstance(value, np.generic):
            return kind, value.item()
        if isinstance(value, np.random.Generator | np.random.RandomState):
            self.generators.append(value)
        if depth <= 0:
            return Same(value)
        return self._inside(value, kind, depth - 1)

    def _inside(self, value: Any, kind: type, depth: int) -> Hashable:
        if isinstance(value, nn.Module):  # one that is no part of the neuron
            return kind, self._items({k: v for k, v in vars(value).items() if k not in self._not_read}, depth)
        if isinstance(value, functools.partial):
            return tuple(self.value(part, depth + 1) for part in (value.func, value.args, value.keywords))
        if isinstance(value, np.ndarray) and value.nbytes <= _LARGEST_ARRAY:
            self.containers.append(value)
            return Same(value), value.tobytes()
        if isinstance(value, dict):
            self.containers.append(value)
            return self._items(value, depth)
        if isinstance(value, list | tuple | set | frozenset | deque):
            self.containers.append(value)
            return tuple([self.value(item, depth) for item in tuple(value)])
        return self._object(value, kind, depth)

    def _object(self, value: Any, kind: type, depth: int) -> Hashable:
        attributes = getattr(value, "__dict__", None)
        of_class = self.members(kind, value) if is_users(kind.__module__) else ()
        if not attributes and not of_class:
            return Same(value)
        self.containers.append(value)
        return kind, self._items(attributes or {}, depth), of_class

    def _items(self, items: dict[Any, Any], depth: int) -> Hashable:
        return tuple([(name, self.value(item, depth)) for name, item in tuple(items.items())])

    def members(self, kind: type, instance: Any = None) -> tuple[Hashable, ...]:
        """Functions and attributes of a user's class and of its bases, and the slots of ``instance``."""
        read: list[Hashable] = []
        for base in _users_bases(kind):
            if instance is None and id(base) in self._seen:
                continue
            self._seen.add(id(base))
            self.containers.append(base)
            functions, plain, others, slots = _members_of(base)
            read += (base, plain)
            read += [self.value(function) for function in functions]
            read += [(name, self.value(member, _DEPTH - 1)) for name, member in others]
            read += [(name, self.value(getattr(instance, name, None), _DEPTH - 1)) for name in slots]
        return tuple(read)

    def function(self, function: types.FunctionType) -> Hashable:
        """The function itself, and what it takes from its closure, its defaults and its module."""
        code, names = _facts_of(function)
        if id(function) in self._seen:
            return code
        self._seen.add(id(function))
        self.codes.update(_with_inner(function.__code__))
        read: list[Hashable] = [code]
        if function.__closure__:
            read += [self._of_cell(cell) for cell in function.__closure__]
        if function.__defaults__ or function.__kwdefaults__:
            read += (self.value(function.__defaults__), self.value(function.__kwdefaults__))
        values = function.__globals__
        found = [name for name in names if name in values]
        if found:
            read += [(name, self._of_global(values[name], names)) for name in found]
            self.containers.append(values)
        return tuple(read)

    def _of_cell(self, cell: types.CellType) -> Hashable:
        try:
            return self.value(cell.cell_contents, _DEPTH - 1)
        except ValueError:  # nothing in it yet
            return Same(cell)

    def _of_global(self, value: Any, names: Iterable[str]) -> Hashable:
        """The value, or of a user's Python module what has one of the ``names`` that stand in the code."""
        if not isinstance(value, types.ModuleType) or not is_users(value.__name__) or id(value) in self._seen:
            return self.value(value, _DEPTH - 1)
        self._seen.add(id(value))
        try:
            inside = vars(value)
            self.containers.append(inside)
            return tuple([(name, self._of_global(inside[name], names)) for name in names if name in inside])
        finally:
            self._seen.discard(id(value))


@functools.lru_cache(maxsize=4096)
def _facts_of(function: types.FunctionType) -> tuple[Same, tuple[str, ...]]:
    """What a function is equal to, and the names in it if it is a user's: it may read globals by these."""
    is_own = is_users(function.__globals__.get("__name__"))
    return Same(function.__code__), _names_of(function.__code__) if is_own else ()


@functools.lru_cache(maxsize=4096)
def _with_inner(code: types.CodeType) -> tuple[types.CodeType, ...]:
    """The code of a function and of those that it defines."""
    inner = [each for part in code.co_consts if isinstance(part, types.CodeType) for each in _with_inner(part)]
    return code, *inner


def _names_of(code: types.CodeType) -> tuple[str, ...]:
    """Names of globals and attributes in a function and in those that it defines."""
    inner = [name for part in code.co_consts if isinstance(part, types.CodeType) for name in _names_of(part)]
    return tuple(dict.fromkeys([*code.co_names, *inner]))


@functools.lru_cache(maxsize=4096)
def _users_bases(kind: type) -> tuple[type, ...]:
    return tuple(base for base in kind.__mro__ if is_users(base.__module__))


# Functions, plain values, other members, and names of slots.
_Members = tuple[list[Any], tuple[tuple[str, Any], ...], list[tuple[str, Any]], list[str]]
_known: dict[type, tuple[tuple[Any, ...], _Members]] = {}


def _members_of(base: type) -> _Members:
    """The members of a class that a step may read; they are sorted again when one was replaced."""
    now = tuple(vars(base).values())
    values, members = _known.get(base, ((), None))
    if members is None or len(now) != len(values) or not all(map(operator.is_, now, values)):
        members = _sorted_members(base)
        _known[base] = now, members
    return members


def _sorted_members(base: type) -> _Members:
    functions, plain, others, slots = [], [], [], []
    for name, member in tuple(vars(base).items()):
        function = _function_of(member)
        if name in _NO_STEP or (function is None and (name.startswith("__") or name == "_abc_impl")):
            continue
        if function is not None:
            functions.append(function)
        elif isinstance(member, types.MemberDescriptorType):
            slots.append(name)
        elif type(member) in PLAIN:
            plain.append((name, member))
        else:
            others.append((name, member))
    return functions, tuple(plain), others, slots


def _function_of(member: Any) -> Any:
    """The function of a method or a property, or None."""
    if type(member) in _DESCRIPTORS:
        return _DESCRIPTORS[type(member)](member)
    return member if isinstance(member, types.FunctionType) else None


def functions_of(cls: type) -> list[types.FunctionType]:
    """The methods of a user's class and of its bases that a step may run."""
    members = [vars(base) for base in cls.__mro__ if is_users(base.__module__)]
    found = [_function_of(member) for inside in members for name, member in inside.items() if name not in _NO_STEP]
    return [function for function in found if isinstance(function, types.FunctionType)]
