"""The values of memories, taken apart into tensors and put together again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Slot:
    """The place of a tensor in the value of a memory."""

    shape: tuple[int, ...]
    dtype: torch.dtype


def template_of(value: Any) -> Any:
    """``value`` with a :class:`Slot` in the place of each tensor."""
    if isinstance(value, torch.Tensor):
        return Slot(tuple(value.shape), value.dtype)
    if isinstance(value, (list, tuple)):
        return _sequence(value, (template_of(item) for item in value))
    if isinstance(value, dict):
        return {key: template_of(item) for key, item in value.items()}
    return value


def slots_in(template: Any) -> int:
    """How many tensors a value of this form has."""
    if isinstance(template, (list, tuple)):
        return sum(map(slots_in, template))
    if isinstance(template, dict):
        return sum(map(slots_in, template.values()))
    return int(isinstance(template, Slot))


def tensors_in(value: Any, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of ``value`` by name, in the order of :func:`filled`."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, (list, tuple, dict)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from tensors_in(item, f"{name}.{key}")


def filled(template: Any, tensors: Iterator[torch.Tensor]) -> Any:
    """The value that ``template`` was made of, with other tensors."""
    if isinstance(template, Slot):
        return next(tensors)
    if isinstance(template, (list, tuple)):
        return _sequence(template, (filled(item, tensors) for item in template))
    if isinstance(template, dict):
        return {key: filled(item, tensors) for key, item in template.items()}
    return template


def at_rest(template: Any, reset_value: Any, x: torch.Tensor) -> Any:
    """The value of a memory before the first input, in the form that it has after it.

    A number stands for a tensor full of it, and what is not there yet for zeros.

    :param x: gives the device
    """
    if isinstance(template, Slot):
        if isinstance(reset_value, torch.Tensor):
            return reset_value.detach().to(template.dtype).expand(template.shape).clone()
        number = reset_value if isinstance(reset_value, (int, float)) else 0.0
        return torch.full(template.shape, number, dtype=template.dtype, device=x.device)
    if isinstance(template, (list, tuple)):
        given = list(reset_value) if isinstance(reset_value, (list, tuple)) else []
        rest = [*given, *[None] * (len(template) - len(given))]
        return _sequence(template, (at_rest(item, value, x) for item, value in zip(template, rest, strict=True)))
    if isinstance(template, dict):
        given_by_key = reset_value if isinstance(reset_value, dict) else {}
        return {key: at_rest(item, given_by_key.get(key), x) for key, item in template.items()}
    return template


def _sequence(like: Any, items: Iterable[Any]) -> Any:
    return list(items) if isinstance(like, list) else tuple(items)
