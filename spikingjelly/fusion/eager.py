"""What a program does on whole tensors, once a call: values that only depend on parameters, and their gradients.

They are recorded as they come and run by PyTorch, so that they have PyTorch's numerics.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from spikingjelly.fusion.program import EagerInstruction


def encode(value: Any) -> Any:
    """An argument of an aten operation as data; a value that is computed is the list ``["value", name]``."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.dtype):
        return ["dtype", str(value).removeprefix("torch.")]
    if isinstance(value, torch.device):
        return ["device"]
    if isinstance(value, torch.layout | torch.memory_format):
        return None
    if isinstance(value, list | tuple):
        return ["list", *[encode(item) for item in value]]
    raise TypeError(f"no way to write down {value!r}")


def _decode(value: Any, values: dict[str, torch.Tensor], device: torch.device) -> Any:
    if not isinstance(value, list | tuple):
        return value
    kind, *rest = value
    if kind == "value":
        return values[rest[0]]
    if kind == "dtype":
        return getattr(torch, rest[0])
    if kind == "device":
        return device
    return [_decode(item, values, device) for item in rest]


def needed(instructions: Sequence[EagerInstruction], wanted: Iterable[str | None]) -> tuple[EagerInstruction, ...]:
    """The instructions that the ``wanted`` values need, in their order."""
    names = {name for name in wanted if name is not None}
    kept = []
    for instruction in reversed(instructions):
        if instruction.result in names:
            kept.append(instruction)
            names.update(_names((*instruction.arguments, *[value for _, value in instruction.options])))
    return tuple(reversed(kept))


def run(
    instructions: Iterable[EagerInstruction],
    wanted: Iterable[str | None],
    values: dict[str, torch.Tensor],
    device: torch.device,
) -> dict[str, torch.Tensor]:
    """Add the ``wanted`` values, and what they need, to ``values``; ``device`` is where new tensors are made."""
    missing = [name for name in wanted if name is not None and name not in values]
    if not missing:
        return values
    by_result = {instruction.result: instruction for instruction in instructions}
    for name in missing:
        _compute(name, by_result, values, device)
    return values


def _compute(
    name: str, by_result: dict[str, EagerInstruction], values: dict[str, torch.Tensor], device: torch.device
) -> None:
    if name in values:
        return
    instruction = by_result[name]
    options = dict(instruction.options)
    for dependency in _names(instruction.arguments) + _names(tuple(options.values())):
        _compute(dependency, by_result, values, device)
    packet, overload = instruction.target.rsplit(".", 1)
    function = getattr(getattr(torch.ops.aten, packet), overload)
    arguments = [_decode(argument, values, device) for argument in instruction.arguments]
    values[name] = function(*arguments, **{k: _decode(v, values, device) for k, v in options.items()})


def _names(arguments: Any) -> list[str]:
    found: list[str] = []
    for argument in arguments:
        if isinstance(argument, list | tuple) and argument:
            found += [argument[1]] if argument[0] == "value" else _names(argument[1:])
    return found
