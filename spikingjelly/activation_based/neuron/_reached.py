"""What a time step can reach beside its own attributes: lists, dicts, objects and generators of random numbers.

A trace runs the step once. What the step appends, counts or draws there on the way would stay, and a kernel would not
do it again.
"""

import collections
import contextlib
import pickle
import random
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from spikingjelly.activation_based.neuron._path import NOT_READ, OURS, own_functions

_CONTAINERS = (list, dict, set, collections.deque)
_SHARED_GENERATORS = ("random", random._inst), ("numpy.random", np.random.mtrand._rand)  # type: ignore[attr-defined]
_DEPTH = 3  # of objects in objects and of functions that call functions


class Reached:
    """The containers and generators that a step of ``module`` can reach, as they are now."""

    def __init__(self, module: nn.Module) -> None:
        self._found: dict[int, tuple[str, Any]] = {}
        self._own = set(module.modules())
        for prefix, part in module.named_modules():
            for name, value in _values_of(part):
                self._visit(f"{prefix}.{name}" if prefix else name, value, _DEPTH)
            kind: type = type(part)
            for function in own_functions(kind):
                self._visit(function.__name__, function, _DEPTH)
        self._contents = [_content(value) for _, value in self._found.values()]
        self._generators = [*_SHARED_GENERATORS, *self._among(_is_generator)]
        self._drawn = [_state(value) for _, value in self._generators]

    def changed(self) -> list[str]:
        """The names of what is not as it was."""
        return [name for name, _, _ in self._changes()]

    def drawn(self) -> list[str]:
        """The names of the generators that gave random numbers."""
        return [
            name for (name, value), state in zip(self._generators, self._drawn, strict=True) if _state(value) != state
        ]

    def restore(self) -> None:
        """Make everything what it was."""
        for _, value, content in list(self._changes()):
            _fill(value, content)
        for (_, value), state in zip(self._generators, self._drawn, strict=True):
            if _state(value) != state:
                _set_state(value, state)

    def _changes(self) -> Iterator[tuple[str, Any, Any]]:
        for (name, value), content in zip(self._found.values(), self._contents, strict=True):
            if content is not None and not _same(_content(value), content):
                yield name, value, content

    def _among(self, asked: Callable[[Any], bool]) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in self._found.values() if asked(value)]

    def _visit(self, name: str, value: Any, depth: int) -> None:
        if id(value) in self._found or isinstance(value, torch.Tensor | type | types.ModuleType | str | bytes):
            return
        if isinstance(value, types.FunctionType | types.MethodType):
            self._visit_function(value, depth)
        elif isinstance(value, _CONTAINERS):
            self._found[id(value)] = name, value
            self._visit_all(((name, item) for item in _items(value)), depth)
        elif isinstance(value, tuple):
            self._visit_all(((name, item) for item in value), depth)
        elif _is_generator(value):
            self._found[id(value)] = name, value
        elif isinstance(value, nn.Module):
            if value not in self._own:
                self._visit(name, vars(value), 1)
        elif hasattr(value, "__dict__") and not type(value).__module__.startswith(OURS):
            self._visit(name, vars(value), depth)

    def _visit_all(self, values: Iterator[tuple[str, Any]], depth: int) -> None:
        if depth > 0:
            for name, value in list(values):
                self._visit(name, value, depth - 1)

    def _visit_function(self, function: Any, depth: int) -> None:
        if isinstance(function, types.MethodType):
            self._visit(function.__name__, function.__self__, depth)
            function = function.__func__
        if not isinstance(function, types.FunctionType) or (function.__module__ or "").startswith(OURS):
            return
        read = function.__globals__
        names = [(name, read[name]) for name in function.__code__.co_names if name in read]
        self._visit_all(iter([*names, *_closure_of(function)]), depth)


def _values_of(part: nn.Module) -> Iterator[tuple[str, Any]]:
    yield from ((name, value) for name, value in vars(part).items() if name not in NOT_READ)
    yield from vars(part).get("_memories", {}).items()


def _closure_of(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # of a cell that is still empty
            yield name, cell.cell_contents


def _is_generator(value: Any) -> bool:
    return isinstance(value, random.Random | np.random.Generator | np.random.RandomState)


def _state(generator: Any) -> bytes:
    if isinstance(generator, random.Random):
        return pickle.dumps(generator.getstate())
    if isinstance(generator, np.random.RandomState):
        return pickle.dumps(generator.get_state())
    return pickle.dumps(generator.bit_generator.state)


def _set_state(generator: Any, state: bytes) -> None:
    value = pickle.loads(state)  # of :func:`_state`
    if isinstance(generator, random.Random):
        generator.setstate(value)
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(value)
    else:
        generator.bit_generator.state = value


def _items(container: Any) -> list[Any]:
    return list(container.values()) if isinstance(container, dict) else list(container)


def _content(value: Any) -> list[Any] | None:
    if isinstance(value, dict):
        return [item for pair in value.items() for item in pair]
    return list(value) if isinstance(value, _CONTAINERS) else None


def _same(now: list[Any] | None, before: list[Any]) -> bool:
    return now is not None and len(now) == len(before) and all(a is b for a, b in zip(now, before, strict=True))


def _fill(container: Any, content: list[Any]) -> None:
    container.clear()
    if isinstance(container, dict):
        container.update(zip(content[::2], content[1::2], strict=True))
    elif isinstance(container, set):
        container.update(content)
    else:
        container.extend(content)
