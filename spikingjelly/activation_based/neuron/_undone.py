"""What a trial run of a step changes in place outside tensors is set back: lists, dicts, arrays, objects, globals."""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, MutableSequence
from typing import Any

import numpy as np

_Attributes = dict[Any, Any]


@contextlib.contextmanager
def undone(containers: Iterable[Any]) -> Iterator[None]:
    """Behind the block, ``containers`` hold again what they hold now."""
    kept = [(container, _inside(container)) for container in {id(c): c for c in containers}.values()]
    try:
        yield
    finally:
        for container, inside in kept:
            _set_back(container, inside)


def _inside(container: Any) -> Any:
    if isinstance(container, np.ndarray):
        return container.copy()
    if isinstance(container, dict | list | set | deque):
        return container.copy()
    if isinstance(container, tuple | frozenset):
        return None
    slots = {
        name: getattr(container, name)
        for base in type(container).__mro__
        for name in _slots_of(base)
        if hasattr(container, name)
    }
    return {**getattr(container, "__dict__", {}), **slots}


def _slots_of(base: type) -> tuple[str, ...]:
    slots = vars(base).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(name for name in slots if not name.startswith("__"))


def _set_back(container: Any, inside: Any) -> None:
    if inside is None:
        return
    if isinstance(container, np.ndarray):
        if container.flags.writeable:
            container[...] = inside
    elif isinstance(container, dict):
        for name in _changed(container, inside):
            if name in inside:
                container[name] = inside[name]
            else:
                del container[name]
    elif isinstance(container, set):
        container.intersection_update(inside)
        container.update(inside)
    elif isinstance(container, list | deque):
        _set_back_items(container, inside)
    else:
        _set_back_attributes(container, inside)


def _changed(now: _Attributes, before: _Attributes) -> list[Any]:
    missing = object()
    return [name for name in {**before, **now} if now.get(name, missing) is not before.get(name, missing)]


def _set_back_items(container: MutableSequence[Any], inside: MutableSequence[Any]) -> None:
    if len(container) != len(inside) or any(a is not b for a, b in zip(container, inside, strict=True)):
        container.clear()
        container.extend(inside)


def _set_back_attributes(container: Any, inside: _Attributes) -> None:
    for name in _changed(_inside(container), inside):
        if name in inside:
            setattr(container, name, inside[name])
        else:
            delattr(container, name)
